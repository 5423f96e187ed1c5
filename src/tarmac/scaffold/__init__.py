"""Projects: created from one table, extended by parts, and brought to another release."""
