"""Watches a month of new data with the live model, and makes a new model where that is called for."""
