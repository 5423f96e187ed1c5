"""The stored months, lived again: what would retraining have brought, and cost?"""
