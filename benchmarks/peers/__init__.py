"""Serve the same model in the usual ways.

Each server runs in the environment of `requirements/peers.txt`, from this folder.
"""
