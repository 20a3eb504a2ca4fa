"""Opening a graph on a device: the only module that imports ``onnxruntime``.

The runtime falls back to the CPU without a word where a provider does not start, and prints what went wrong on both
streams. Here a device that was named starts or is an error, and ``auto`` says in one line what it passes over.
"""

import importlib
import logging
import os
import re
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from yunmeng.config import Settings
from yunmeng.encoders.devices import BY_PREFERENCE, DEVICES, Network, providers, read_network
from yunmeng.encoders.foreign import one_line
from yunmeng.errors import EncoderError, ProviderError

__all__ = ["GraphValue", "Opener", "available_devices", "check_device", "graph_values", "runtime_version"]

_log = logging.getLogger(__name__)


class GraphValue(NamedTuple):
    """An input or output of a graph. Axes that the graph leaves open are None in ``shape``; ``kind``: "uint8", say."""

    name: str
    shape: tuple[int | None, ...]
    kind: str


_SILENT: Final = 4  # ONNX Runtime's severity of fatal errors; what else it says, its errors say too
_ERRORS_ONLY: Final = 3  # its warnings are for its developers
_PLACE: Final = re.compile(r"^\S+\.(cc|cpp|h):\d+ .*?\) ")
_KINDS: Final = {"float": "float32", "double": "float64", "uint8": "uint8", "int32": "int32", "int64": "int64"}


class Opener:
    """Opens sessions of one graph, whose input ``source`` is fed, or its first."""

    def __init__(self, model: bytes | Path, settings: Settings, source: str | None) -> None:
        self._model = model
        self._settings = settings
        self._source = source
        self._network: Network | None = None

    def open_best(self, threads_on: Callable[[str], int]) -> tuple[str, Any]:
        """Return the device of the settings, for ``auto`` the best that works, and a session on it.

        ``threads_on`` says how many threads a session on a device has. Raises as `open`.
        """
        wanted = self._settings.device
        if wanted != "auto":
            return wanted, self.open(wanted, threads_on(wanted))
        offered = available_devices()
        for name in (one for one in BY_PREFERENCE if one in offered and one != "cpu"):
            try:
                session = self.open(name, threads_on(name))
                _try(session, self._source)
            except EncoderError as error:
                _tell(str(error).split("; available:")[0])
            else:
                return name, session
        return "cpu", self.open("cpu", threads_on("cpu"))

    def open(self, name: str, threads: int) -> Any:
        """Return a session on one device. Raises ProviderError, EncoderError."""
        check_device(name)
        onnxruntime = _onnxruntime()
        if name != "cpu":
            onnxruntime.set_default_logger_severity(_SILENT)
            _load_libraries(name)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY if name == "cpu" else _SILENT
        options.intra_op_num_threads = threads if name == "cpu" else 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # pictures are decoded meanwhile
        wanted = providers(name, self._described(name), self._settings, threads)
        model = self._model if isinstance(self._model, bytes) else str(self._model)
        try:
            session = onnxruntime.InferenceSession(model, options, providers=wanted, enable_fallback=0)
        except Exception as error:
            if name != "cpu":
                raise ProviderError(_unavailable(name, f"did not start ({_reason(error)})")) from error
            raise EncoderError(f"ONNX Runtime cannot load the encoder's graph: {one_line(error)}") from error
        if DEVICES[name].provider not in session.get_providers():  # the runtime falls back to the CPU without a word
            raise ProviderError(
                _unavailable(name, "is installed but did not start (its card, driver or libraries are missing)")
            )
        inputs = [value.name for value in session.get_inputs()]
        if self._source not in (None, *inputs):
            raise EncoderError(f"the graph has no input {self._source!r}, only {', '.join(inputs)}")
        return session

    def _described(self, name: str) -> Network:
        """Return what the options of a device depend on. Only TensorRT's depend on the graph, which takes a while."""
        if name != "tensorrt":
            return Network("", (), int8=False, fp16=False, digest=str)
        if self._network is None:
            self._network = read_network(self._model, self._settings, self._source)
        return self._network


def check_device(name: str) -> None:
    """Raise ProviderError if this installation of ONNX Runtime does not offer the value ``name`` of ``device``."""
    if name not in ("auto", *available_devices()):
        raise ProviderError(_unavailable(name, "is not in this installation of ONNX Runtime"))


def available_devices() -> tuple[str, ...]:
    """Return the values of the setting ``device``, without auto, that this installation of ONNX Runtime offers."""
    installed = set(_onnxruntime().get_available_providers())
    return tuple(name for name, device in DEVICES.items() if device.provider in installed)


def runtime_version() -> str:
    """Return the version of ONNX Runtime."""
    version: str = _onnxruntime().__version__
    return version


def _onnxruntime() -> Any:
    """Return the runtime, which is imported only here.

    Some of its packages report to their maker, and write an id for the device into the user's cache as soon as they are
    imported. That is switched off first, for the users' privacy.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _load_libraries(name: str) -> None:
    """Load NVIDIA's libraries from the packages of PyPI, where they are: no search path leads to them."""
    if name not in ("cuda", "tensorrt"):
        return
    onnxruntime = _onnxruntime()
    with redirect_stdout(StringIO()), suppress(Exception):  # what is missing shows when the session does not start
        onnxruntime.preload_dlls()
        if name == "tensorrt":
            importlib.import_module("tensorrt")


def graph_values(found: list[Any]) -> tuple[GraphValue, ...]:
    """Return what a session says of its inputs or outputs."""
    return tuple(
        GraphValue(
            value.name,
            tuple(side if isinstance(side, int) and side > 0 else None for side in value.shape),
            value.type.removeprefix("tensor(").removesuffix(")"),
        )
        for value in found
    )


def _try(session: Any, source: str | None) -> None:
    """Run a session on one row of zeros, where the graph says how long a row is. Raises EncoderError."""
    values = graph_values(session.get_inputs())
    value = next(value for value in values if source in (None, value.name))
    kind = _KINDS.get(value.kind)
    if len(values) > 1 or None in value.shape[1:] or kind is None:
        return
    sides = (value.shape[0] or 1, *(side for side in value.shape[1:] if side is not None))
    try:
        made = session.run(None, {value.name: np.zeros(sides, kind)})
    except Exception as error:
        raise EncoderError(f"device {session.get_providers()[0]} failed at its first run ({_reason(error)})") from error
    if not all(np.isfinite(output).all() for output in made):
        raise EncoderError(f"device {session.get_providers()[0]} gives values that are no numbers")


def _reason(error: Exception) -> str:
    """Return what an error of the runtime says, without the place in its source that it begins with."""
    return _PLACE.sub("", one_line(error))[:200]


@cache
def _tell(why: str) -> None:
    """Say why a better device is not used: once in a process, not for each graph."""
    _log.warning("passed over: %s; to say nothing: YUNMENG_DEVICE=cpu, or another", why)


def _unavailable(name: str, why: str) -> str:
    return (
        f"device {name} {why}; available: {', '.join(available_devices())}; to have it: {DEVICES[name].install}; "
        "to do without: --device cpu or YUNMENG_DEVICE=cpu"
    )
