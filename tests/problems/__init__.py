"""Other problems than the shipped one: each begins with a table, and everything else follows."""
