"""The stage `prepare`: raw tables to valid ones."""
