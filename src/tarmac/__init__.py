"""Tarmac: run, compare, review and ship a machine-learning model from one Git repository."""
