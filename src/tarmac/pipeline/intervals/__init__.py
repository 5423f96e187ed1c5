"""Intervals of metrics over rows that come in clusters."""
