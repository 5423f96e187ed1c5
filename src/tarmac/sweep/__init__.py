"""Search parameters: many trials in few processes over one study.

The pipeline certifies the winner.
"""
