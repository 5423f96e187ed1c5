"""The stage `baseline`: the linear model that the model must beat."""
