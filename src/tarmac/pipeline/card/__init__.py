"""The stage `card`: the model card."""
