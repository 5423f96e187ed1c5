"""One static page of what the repository knows: the model, its results, and where every number comes from."""
