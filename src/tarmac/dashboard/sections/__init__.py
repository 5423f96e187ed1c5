"""Build each section of the page in a module of its own, which reads no file itself."""
