"""Tests of `tarmac.declare`."""
