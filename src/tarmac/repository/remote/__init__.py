"""What is kept outside the clone: which objects a commit needs, whether they are there, and where `there` is."""
