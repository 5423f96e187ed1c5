"""The stage `train`: the model."""
