"""Git and DVC: commits and their outputs, rebuilds, merges, recovery."""
