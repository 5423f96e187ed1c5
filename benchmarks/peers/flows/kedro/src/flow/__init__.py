"""The four steps as a Kedro project."""
