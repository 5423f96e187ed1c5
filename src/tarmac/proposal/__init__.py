"""What a machine does with a retraining: one pull request, one alert, and a release where the policy says so.

It holds a token, so only the standard library is imported.
"""
