"""Files of the pipeline: months and their names, Parquet, outputs written whole or not at all."""
