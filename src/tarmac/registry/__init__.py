"""Versions of the model and the stages that they are in, as Git tags that GTO and `dvc artifacts get` read."""
