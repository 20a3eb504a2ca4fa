"""The graph of an encoder for pictures, taken out of its file."""

from pathlib import Path
from typing import TYPE_CHECKING

from yunmeng.encoders.foreign import one_line
from yunmeng.encoders.heads import extracted
from yunmeng.errors import EncoderError

if TYPE_CHECKING:
    import onnx

    from yunmeng.encoders.description import PictureTower

__all__ = ["picture_graph"]


def picture_graph(graph: bytes | Path, tower: "PictureTower") -> "onnx.ModelProto":
    """Return the part of a graph that makes a tower's output, its only one, with all weights inside.

    Raises EncoderError where the graph cannot be read.
    """
    try:
        return extracted(graph, tower)
    except Exception as error:  # onnx raises nearly anything
        raise EncoderError(f"the network's graph cannot be read: {one_line(error)[:300]}") from error
