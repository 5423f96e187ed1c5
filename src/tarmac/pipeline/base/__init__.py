"""Share the runner, months, Parquet, hashes, outputs and resources among all stages.

Outputs are written whole or not at all.
"""
