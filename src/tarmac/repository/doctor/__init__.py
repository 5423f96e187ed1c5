"""What may be wrong with this machine, repository and remote, and what to do: one line a check, nothing is changed."""
