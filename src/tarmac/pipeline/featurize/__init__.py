"""The stage `featurize`: prepared tables to features."""
