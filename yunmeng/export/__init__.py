"""Models of PyTorch written as ONNX graphs, once; nothing here is needed to run them."""
