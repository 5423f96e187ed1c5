"""Build one static page: the model, its results, and where every number comes from."""
