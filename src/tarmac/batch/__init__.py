"""Batches: files of rows, scored as the service scores a row.

Memory is bounded, no row is lost, and a run resumes from the point at which it stopped.
"""
