"""The service as an image: built, tried, and rolled out. Only the standard library, Docker's client and kubectl."""
