"""What all stages share: the runner, months, Parquet, hashes, outputs written whole or not at all, resources."""
