"""The stage `evaluate`: the model on the test rows."""
