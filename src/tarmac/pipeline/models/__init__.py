"""The rows that models take, and the ONNX file that scores them."""
