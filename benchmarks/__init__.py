"""Compare the cost of the pipeline with its floor and with plain pandas.

The plain pandas program computes the same features.
"""
