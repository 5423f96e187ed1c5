"""Checks for the tests of a project: what must hold whatever its features and its model are."""
