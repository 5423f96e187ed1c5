"""How good predictions are, as a whole and slice by slice."""
