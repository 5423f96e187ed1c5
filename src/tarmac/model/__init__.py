"""The model: fitting it, exporting it to ONNX, and scoring with that file."""
