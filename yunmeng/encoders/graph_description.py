"""Describe an ONNX file that came without a description, as far as its graph shows."""

import re
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from yunmeng.config import Settings
from yunmeng.encoders.description import Colour, OnnxDescription, PictureTower
from yunmeng.encoders.onnx_runtime import GraphValue, OnnxSession
from yunmeng.errors import EncoderError

__all__ = ["describe_graph"]

_IMAGENET: Final[tuple[Colour, Colour]] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def describe_graph(
    file: Path,
    settings: Settings,
    *,
    name: str | None = None,
    dim: int | None = None,
    input_size: int | None = None,
    **picture: Any,
) -> OnnxDescription:
    """Return what the graph in ``file`` seems to be; ``picture`` are fields of `PictureTower` that the caller knows.

    Its shapes tell layout, size, dim and pooling; where they leave ``dim`` or ``input_size`` open, both must be given.
    A graph that takes floats gets ImageNet's mean and deviation unless ``picture`` has others, as a graph does not show
    them. Raises EncoderError.
    """
    if not file.is_file():
        raise EncoderError(f"no such file: {file}")
    session = OnnxSession(file, settings, picture.get("input"))
    output = _found(session, picture.get("output"))
    known = {key: value for key, value in picture.items() if value is not None}
    layout = known.get("layout") or _layout(session.input)
    guessed = {
        "file": file.name,
        "input_size": input_size or _side(session.input, layout),
        "layout": layout,
        "pixels": _pixels(session.input),
        "pooling": {3: "first", 4: "mean"}.get(len(output.shape), "none") if output.shape[2:] != (1, 1) else "none",
    }
    if guessed["pixels"] == "float32":
        guessed["mean"], guessed["std"] = _IMAGENET
    try:
        tower = PictureTower.model_validate({**guessed, **known})
        return OnnxDescription(
            name=name or re.sub(r"[^A-Za-z0-9._+-]", "-", file.stem).lstrip("._+-"),
            dim=dim or _dim(output),
            source=f"file {file.name}",
            picture=tower,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise EncoderError(f"{file} cannot be described so: {where + ': ' if where else ''}{first['msg']}") from error


def _found(session: OnnxSession, name: str | None) -> GraphValue:
    for value in session.outputs:
        if name in (None, value.name):
            return value
    raise EncoderError(f"the graph has no output {name!r}, only {', '.join(v.name for v in session.outputs)}")


def _layout(source: GraphValue) -> Literal["nchw", "nhwc"]:
    shape = source.shape
    if len(shape) == 4 and shape[1] == 3:
        return "nchw"
    if len(shape) == 4 and shape[3] == 3:
        return "nhwc"
    given = "x".join("?" if side is None else str(side) for side in shape)
    raise EncoderError(
        f"the graph's input {source.name} is {given}, not nx3xHxW or nxHxWx3: is it a network for RGB pictures? "
        "name the right input with --input, or its order of axes with --layout"
    )


def _side(source: GraphValue, layout: str) -> int:
    height, width = source.shape[2:] if layout == "nchw" else source.shape[1:3]
    if height is None or width is None:
        raise EncoderError(f"the graph's input {source.name} takes any size: give the one to use, as --input-size 224")
    if height != width:
        raise EncoderError(f"the graph's input {source.name} is {height}x{width}: only square ones can be used")
    return height


def _pixels(source: GraphValue) -> Literal["uint8", "float32"]:
    if source.kind == "uint8":
        return "uint8"
    if source.kind == "float":
        return "float32"
    raise EncoderError(f"the graph's input {source.name} takes {source.kind}: only uint8 and float32 can be used")


def _dim(output: GraphValue) -> int:
    """Length of a vector: the channels of a feature map, the last axis of everything else."""
    length = output.shape[1] if len(output.shape) == 4 else output.shape[-1] if output.shape else None
    if length is None:
        raise EncoderError(f"the graph does not say how long its output {output.name} is: give it, as --dim 512")
    return length
