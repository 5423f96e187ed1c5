"""Manage what is kept outside the clone.

The modules find which objects a commit needs, whether they are there, and where `there` is.
"""
