"""Fitting a model, and exporting it to ONNX."""
