"""The start of another problem: its folder, parameters and pipeline, written from one table."""
