"""Export of PyTorch models to ONNX graphs. Done once for each model; running the graphs needs nothing from here."""

from yunmeng.encoders.export.exporting import add_exported
from yunmeng.encoders.export.sources import Source, parse_source

__all__ = ["Source", "add_exported", "parse_source"]
