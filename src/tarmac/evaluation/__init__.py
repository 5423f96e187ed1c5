"""How good a set of probabilities is: metrics, slices, and the points of the curves."""
