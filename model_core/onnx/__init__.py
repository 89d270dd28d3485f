"""The model in ONNX, for others to route with."""
