"""``model.toml``: the description of a model that a user has added, as frozen rows of data.

A model is a folder that holds this file and the files that it names. Of two kinds: ``onnx``, a network for pictures
with, where it reads text, a second one for words and their tokeniser; and ``fusion``, several models as one.
"""

import hashlib
import json
import tomllib
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from yunmeng.encoders.protocol import EncoderSpec, Origin
from yunmeng.errors import EncoderError

__all__ = [
    "DESCRIPTION",
    "Description",
    "FusionDescription",
    "OnnxDescription",
    "PictureTower",
    "TextTower",
    "dump_description",
    "parse_description",
    "read_description",
]

DESCRIPTION: Final = "model.toml"
"""The file's name in a model's folder."""

_FORMAT: Final = 1  # a change that older code cannot read raises it


def _plain_file(name: str) -> bool:
    return PurePosixPath(name).name == name and name not in ("", ".", "..") and "\\" not in name


Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Colour: TypeAlias = tuple[float, float, float]
Byte: TypeAlias = Annotated[int, Field(ge=0, le=255)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PictureTower(_Row):
    """A graph from pictures to vectors, and the preparation of a picture for it.

    ``resize`` brings a picture to the square: ``squash`` without regard to its shape, ``crop`` by resizing its shorter
    side to ``resize_side`` (default ``input_size``) and cutting out the centre, ``pad`` by resizing its longer side and
    filling up with ``fill`` (0-255). ``pixels`` says what the graph takes: ``uint8`` as they are, or ``float32``,
    (x / 255 - mean) / std. ``layout`` and ``channels`` are the order of axes and colours. ``input`` and ``output`` name
    the graph's; by default they are its first. ``pooling`` of an output (n, tokens, dim) is its ``mean`` or ``first``
    token, of a feature map (n, dim, h, w) its ``mean`` or ``gem`` (p = 3). ``normalise`` divides by the length, as
    every encoder's vectors must have length 1; only a graph that does so itself goes without.
    """

    file: FileName
    input_size: int = Field(ge=8, le=4096)
    resize: Literal["squash", "crop", "pad"] = "squash"
    resize_side: int | None = Field(None, ge=8, le=8192)
    fill: tuple[Byte, Byte, Byte] = (0, 0, 0)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    pixels: Literal["uint8", "float32"] = "uint8"
    mean: Colour = (0.0, 0.0, 0.0)
    std: Colour = (1.0, 1.0, 1.0)
    layout: Literal["nhwc", "nchw"] = "nhwc"
    channels: Literal["rgb", "bgr"] = "rgb"
    input: str | None = None
    output: str | None = None
    pooling: Literal["none", "mean", "first", "gem"] = "none"
    normalise: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.resize_side is not None and (self.resize != "crop" or self.resize_side < self.input_size):
            raise ValueError("resize_side goes with resize = 'crop' and is not below input_size")
        if self.pixels == "uint8" and (self.mean, self.std) != ((0, 0, 0), (1, 1, 1)):
            raise ValueError("mean and std need pixels = 'float32'; a graph for uint8 normalises by itself")
        if any(value == 0 for value in self.std):
            raise ValueError("std must not be 0")
        return self

    @property
    def preprocessing(self) -> str:
        """The preparation of a picture, in words for people."""
        way = {"squash": "squash-resize", "pad": "resize and pad"}.get(self.resize)
        if way is None:
            way = f"resize to {self.resize_side or self.input_size}, centre crop,"
        scaling = "uint8" if self.pixels == "uint8" else f"mean {_short(self.mean)}, std {_short(self.std)}"
        return f"{way} {self.interpolation}, {scaling}"


class TextTower(_Row):
    """A graph from token ids, int64 (n, ``context_length``), to vectors in the space of the pictures.

    Where ``fixed_length`` is false it takes fewer ids as well, and short texts, as most queries are, cost less.
    ``tokenizer`` is a ``tokenizer.json`` of the library tokenizers; longer texts are cut so that its special tokens
    stay, shorter ones filled up with ``padding_id``. ``lower_case`` is for tokenisers that expect it done before.
    """

    file: FileName
    tokenizer: FileName = "tokenizer.json"
    context_length: int = Field(ge=2, le=8192)
    fixed_length: bool = True
    padding_id: int = Field(0, ge=0)
    padding_side: Literal["left", "right"] = "right"
    lower_case: bool = False
    input: str | None = None
    output: str | None = None
    pooling: Literal["none", "mean", "first"] = "none"
    normalise: bool = True


class _Described(_Row):
    format: Literal[1] = _FORMAT
    name: Name
    dim: int = Field(ge=1, le=65536)
    licence: str = "unknown"
    source: str = "unknown"
    files: Mapping[FileName, Digest] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_plain_files(self) -> Self:
        for name in (*self.files, *self.named_files):
            if not _plain_file(name) or name == DESCRIPTION:
                raise ValueError(f"{name!r} must be the name of a file beside {DESCRIPTION}")
        return self

    @property
    @abstractmethod
    def named_files(self) -> tuple[str, ...]:
        """The files that the description refers to; ``files`` may hold more, such as weights beside a graph."""

    @property
    @abstractmethod
    def spec(self) -> EncoderSpec:
        """The row of the catalogue. Needs all the digests in ``files``."""


class OnnxDescription(_Described):
    """A network for pictures, and perhaps one for words. ``weights_sha256`` is of what a graph was exported from:
    the same weights, exported again by another version of PyTorch, make the same vectors. ``origin`` is the encoder
    that it was made of by quantising."""

    kind: Literal["onnx"] = "onnx"
    weights_sha256: Digest | None = None
    origin: Origin | None = None
    picture: PictureTower
    text: TextTower | None = None

    @property
    def named_files(self) -> tuple[str, ...]:
        text = self.text
        return (self.picture.file, *((text.file, text.tokenizer) if text else ()))

    @property
    def spec(self) -> EncoderSpec:
        picture = self.picture
        return EncoderSpec(
            name=self.name,
            dim=self.dim,
            input_size=picture.input_size,
            preprocessing=picture.preprocessing,
            licence=self.licence,
            source=self.source,
            sha256=self._identity(),
            reads_text=self.text is not None,
            origin=self.origin,
        )

    @property
    def text_files(self) -> tuple[str, ...]:
        """Those of ``files`` that belong to the network for words."""
        text = self.text
        if text is None:
            return ()
        return tuple(name for name in self.files if name == text.tokenizer or name.startswith(text.file))

    def remade(self, name: str, source: str, picture: PictureTower, origin: Origin | None, **changes: Any) -> Self:
        """Return the description of a model whose network for pictures was made of this one's, without files."""
        made = {"name": name, "source": source, "picture": picture, "origin": origin, **changes}
        return self.model_copy(update={"files": {}, "weights_sha256": None, **made})

    def remade_alike(self, spec: EncoderSpec, name: str, how: str, file: str) -> Self:
        """Return the description of a model whose network gives nearly the same vectors, by the graph in ``file``.

        ``spec`` is the encoder's that this describes, and ``how`` says what was done. Words work as before.
        """
        tower = self.picture.model_copy(update={"file": file, "input": None, "output": None})
        origin = spec.origin or Origin(spec.name, spec.sha256)
        return self.remade(name, f"{spec.name} {how}; {spec.source}", tower, origin)

    def _identity(self) -> str:
        """Digest of all that decides a picture's vector: two models with the same one can stand for each other."""
        weights = self.weights_sha256 or sorted(self.files[name] for name in self.files.keys() - set(self.text_files))
        return _digest({"weights": weights, "dim": self.dim, **self.picture.model_dump(mode="json", exclude={"file"})})


class FusionDescription(_Described):
    """Several models as one: their vectors, times ``weights``, joined end to end, then projected where a projection is.

    ``parts`` are names of encoders and ``part_sha256`` what their specs said when the fusion was made;
    ``input_size`` is the largest of theirs. ``projection`` is an .npz beside the description.
    """

    kind: Literal["fusion"] = "fusion"
    parts: tuple[str, ...] = Field(min_length=1, max_length=16)
    part_sha256: tuple[Digest, ...]
    weights: tuple[Annotated[float, Field(gt=0)], ...]
    input_size: int = Field(ge=8, le=4096)
    projection: FileName | None = None
    reads_text: bool = False

    @model_validator(mode="after")
    def _as_many_of_each(self) -> Self:
        if not len(self.parts) == len(self.part_sha256) == len(self.weights):
            raise ValueError("parts, part_sha256 and weights must have the same length")
        return self

    @property
    def named_files(self) -> tuple[str, ...]:
        return () if self.projection is None else (self.projection,)

    @property
    def spec(self) -> EncoderSpec:
        projected = {name: self.files[name] for name in self.named_files}
        parts = list(zip(self.parts, self.part_sha256, self.weights, strict=True))
        return EncoderSpec(
            name=self.name,
            dim=self.dim,
            input_size=self.input_size,
            preprocessing="as " + " + ".join(self.parts),
            licence=self.licence,
            source=self.source,
            sha256=_digest({"parts": parts, "projection": projected, "dim": self.dim}),
            reads_text=self.reads_text,
        )


Description: TypeAlias = OnnxDescription | FusionDescription

_ANY: Final[TypeAdapter[Description]] = TypeAdapter(Annotated[Description, Field(discriminator="kind")])


def parse_description(text: str, where: str) -> Description:
    """Return a description from TOML; errors name ``where`` it comes from. Raises EncoderError, in one line."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EncoderError(f"{where} is not TOML: {error}") from error
    found = content.get("format", _FORMAT)
    if isinstance(found, int) and found > _FORMAT:
        raise EncoderError(f"{where} has format {found}, this Yunmeng reads {_FORMAT}: update Yunmeng")
    try:
        return _ANY.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("onnx", "fusion"))
        raise EncoderError(f"{where} is broken{f' at {place}' if place else ''}: {first['msg']}") from error


def read_description(file: Path) -> Description:
    """Return the description in ``file``. Raises EncoderError when it cannot be read or is not valid."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise EncoderError(f"cannot read {file}: {reason}") from error
    return parse_description(text, str(file))


def dump_description(description: Description) -> str:
    """Return TOML that `parse_description` reads back to an equal description."""
    import tomli_w

    return tomli_w.dumps(description.model_dump(mode="json", exclude_none=True))


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _short(values: Colour) -> str:
    return "/".join(f"{value:.3g}" for value in values)
