"""Watches a month of new data with the live model."""
