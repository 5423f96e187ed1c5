"""Other problems than the one that is shipped: each begins with a table, and everything else follows."""
