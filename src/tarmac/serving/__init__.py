"""The released model as a service and in batches.

It uses ONNX Runtime, and the tables that the pipeline exports to look up.
"""
