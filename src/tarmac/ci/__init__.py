"""What holds a token: the comment of a review, and a retraining's pull request, alert and release.

Only the standard library is imported.
"""
