"""A ready-made problem of one table, which follows from the columns that it declares."""
