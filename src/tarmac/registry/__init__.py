"""Manage versions of the model, and the environments that they are in, as Git tags.

GTO and `dvc artifacts get` read these tags.
"""
