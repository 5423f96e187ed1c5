"""The cluster's half of the engine and of training."""
