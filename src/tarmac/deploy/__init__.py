"""Build, try and roll out the service as an image.

Only the standard library, Docker's client and kubectl are used.
"""
