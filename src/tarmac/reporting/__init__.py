"""Markdown from values that nobody vouches for."""
