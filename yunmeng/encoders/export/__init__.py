"""Models of PyTorch written as ONNX graphs, once; nothing here is needed to run them."""

from yunmeng.encoders.export.exporting import add_exported
from yunmeng.encoders.export.sources import Source, parse_source

__all__ = ["Source", "add_exported", "parse_source"]
