"""Check what may be wrong with this machine, repository and remote, and say what to do.

Each check gives one line, and nothing is changed.
"""
