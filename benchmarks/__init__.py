"""Benchmarks: what the pipeline costs beside its floor, and beside the same features written plainly in pandas."""
