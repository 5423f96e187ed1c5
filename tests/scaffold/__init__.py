"""Tests of `tarmac.scaffold`."""
