"""Running a graph: ONNX Runtime's session, its execution provider, and how a batch is spread over the cores.

The only module that imports ``onnxruntime``. It knows nothing of what the graph computes.

On the CPU each picture of a batch is a run of its own, on one thread from start to end. For networks of this size that
beats one run over many threads: no thread waits for another between layers, and the working set of a picture stays in
the cache (docs/decisions.md has the figures). It also makes a picture's vector the same bit for bit whatever else is in
its batch: the runtime sums a mean over a transformer's tokens in another order where the batch has one picture only.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings, cores
from yunmeng.encoders.foreign import one_line
from yunmeng.errors import EncoderError, ProviderError

__all__ = ["GraphValue", "OnnxSession", "available_providers"]


class GraphValue(NamedTuple):
    """An input or output of a graph. Axes that the graph leaves open are None in ``shape``; ``kind``: "uint8", say."""

    name: str
    shape: tuple[int | None, ...]
    kind: str


class _Provider(NamedTuple):
    names: tuple[str, ...]  # ONNX Runtime's, in order of preference: what one cannot run falls to the next
    install: str


_PROVIDERS: Final = {
    "cpu": _Provider(("CPUExecutionProvider",), "pip install onnxruntime"),
    "cuda": _Provider(("CUDAExecutionProvider",), "pip install onnxruntime-gpu in place of onnxruntime"),
    "tensorrt": _Provider(
        ("TensorrtExecutionProvider", "CUDAExecutionProvider"),
        "pip install onnxruntime-gpu tensorrt in place of onnxruntime",
    ),
    "openvino": _Provider(("OpenVINOExecutionProvider",), "pip install onnxruntime-openvino in place of onnxruntime"),
    "coreml": _Provider(("CoreMLExecutionProvider",), "use onnxruntime for macOS"),
}
_CPU: Final = _PROVIDERS["cpu"].names[0]
_DEVICE_PART: Final = 32  # pictures in one run: a device wants width; bounds the memory that one run takes
_ERRORS_ONLY: Final = 3  # ONNX Runtime's severity; its warnings are for its developers


class OnnxSession:
    """One loaded graph, of which one input is fed. Safe to call from several threads.

    ``model`` is a serialised graph, or the file of one that may keep weights in other files beside it. The input
    is the one called ``source``, or the first. Raises ProviderError when ``settings.provider`` is not available on
    this machine, and EncoderError when the runtime refuses the model or it has no such input.
    """

    def __init__(self, model: bytes | Path, settings: Settings, source: str | None = None) -> None:
        self._session = _open(model, settings.provider)
        self.inputs: Final = tuple(_value(found) for found in self._session.get_inputs())
        self.outputs: Final = tuple(_value(found) for found in self._session.get_outputs())
        if source is not None and source not in (value.name for value in self.inputs):
            raise EncoderError(f"the graph has no input {source!r}, only {', '.join(v.name for v in self.inputs)}")
        self.input: Final = next(value for value in self.inputs if source in (None, value.name))
        self._fixed_to_one = self.input.shape[:1] == (1,)  # many published graphs take one picture at a time
        self._on_cpu = settings.provider == "cpu"
        self._pool = ThreadPoolExecutor((settings.threads or cores()) if self._on_cpu else 1, "yunmeng-encoder")

    def run(self, outputs: Sequence[str], batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Return the named outputs for a batch of any length above 0, in the order of ``outputs``, each (n, ...)."""
        parts = list(self._parts(batch))
        if len(parts) == 1:
            return self._run(outputs, parts[0])  # on the caller's thread: a search need not queue behind an index run
        results = self._pool.map(lambda part: self._run(outputs, part), parts)
        return [np.concatenate(output) for output in zip(*results, strict=True)]

    def _parts(self, batch: NDArray[Any]) -> Iterator[NDArray[Any]]:
        size = 1 if self._on_cpu or self._fixed_to_one else _DEVICE_PART
        return (batch[start : start + size] for start in range(0, len(batch), size))

    def _run(self, outputs: Sequence[str], part: NDArray[Any]) -> list[NDArray[np.float32]]:
        try:
            return list(self._session.run(list(outputs), {self.input.name: part}))
        except Exception as error:  # the runtime's own classes share no base below Exception
            raise EncoderError(f"the encoder failed on a batch of {len(part)}: {one_line(error)}") from error


def available_providers() -> tuple[str, ...]:
    """Return the values of the setting ``provider`` that this installation of ONNX Runtime offers."""
    installed = set(_onnxruntime().get_available_providers())
    return tuple(name for name, provider in _PROVIDERS.items() if provider.names[0] in installed)


def _onnxruntime() -> Any:
    """Return the runtime, which is imported only here.

    Some of its packages report to their maker, and write an id for the device into the user's cache as soon as they are
    imported. That is switched off first, for the users' privacy.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _value(found: Any) -> GraphValue:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in found.shape)
    return GraphValue(found.name, shape, found.type.removeprefix("tensor(").removesuffix(")"))


def _open(model: bytes | Path, name: str) -> Any:
    onnxruntime = _onnxruntime()
    available = available_providers()
    if name not in available:
        raise ProviderError(_unavailable(name, "is not in this installation of ONNX Runtime", available))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    wanted = _PROVIDERS[name].names
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=list(dict.fromkeys((*wanted, _CPU)))
        )
    except Exception as error:
        raise EncoderError(f"ONNX Runtime cannot load the encoder's graph: {one_line(error)}") from error
    if wanted[0] not in session.get_providers():  # the runtime falls back to the CPU without a word
        raise ProviderError(_unavailable(name, "is installed but did not start", available))
    return session


def _unavailable(name: str, why: str, available: Sequence[str]) -> str:
    return (
        f"provider {name} {why}; available: {', '.join(available)}; "
        f"to have it: {_PROVIDERS[name].install}; to do without: YUNMENG_PROVIDER=cpu"
    )
