"""Devices: the execution providers of ONNX Runtime that run a network, each with its options.

The names of options are those of ONNX Runtime's documents ("Execution providers": TensorRT, CUDA, OpenVINO, CoreML).
"""

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from yunmeng.encoders.foreign import one_line
from yunmeng.errors import EncoderError

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["BY_PREFERENCE", "DEVICES", "Network", "Options", "Provider", "providers", "read_network"]

Options: TypeAlias = Mapping[str, str]

WIDEST: Final = 64
"""Pictures in one run at most, on any device: the upper end of TensorRT's profiles."""

_USUAL: Final = 32  # TensorRT chooses its kernels for so many pictures; an index run sends as many


@dataclass(frozen=True, slots=True)
class Network:
    """What a device is told of the graph that it is to run.

    ``shape`` is that of the input, None for axes that are left open; ``int8``: the graph has quantised values;
    ``fp16``: it holds 16-bit floats, or these are wanted. Only TensorRT asks for ``digest``, so it is worked out late.
    """

    source: str
    shape: tuple[int | None, ...]
    int8: bool
    fp16: bool
    digest: Callable[[], str]


class Provider(NamedTuple):
    """A provider by ONNX Runtime's name, the one that takes over what it cannot run, and how to get it."""

    provider: str
    install: str
    options: "Callable[[Network, Settings, int], Options]"
    behind: str | None = None


def providers(name: str, network: Network, settings: "Settings", threads: int) -> list[tuple[str, dict[str, str]]]:
    """Return what a session of the device ``name`` is opened with, in order of preference, the CPU last.

    ``threads`` are those of one session, where the device counts them.
    """
    named = [name, *([DEVICES[name].behind] if DEVICES[name].behind else []), "cpu"]
    rows = [DEVICES[one] for one in dict.fromkeys(named) if one is not None]
    return [(row.provider, dict(row.options(network, settings, threads))) for row in rows]


def read_network(model: bytes | Path, settings: "Settings", source: str | None) -> Network:
    """Return what the options depend on, of a serialised graph or a file; its input is ``source``, or the first.

    Raises EncoderError when it is no graph.
    """
    import onnx

    try:
        data = model if isinstance(model, bytes) else model.read_bytes()
        graph = onnx.load_from_string(data).graph  # without weights in other files: they are not looked at
    except Exception as error:
        raise EncoderError(f"ONNX Runtime cannot load the encoder's graph: {one_line(error)}") from error
    weights = {tensor.name for tensor in graph.initializer}
    value = next(value for value in graph.input if value.name not in weights and source in (None, value.name))
    sides = tuple(side.dim_value or None for side in value.type.tensor_type.shape.dim)
    halves = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in graph.initializer)
    return Network(
        source=value.name,
        shape=sides,
        int8=any(node.op_type == "QuantizeLinear" for node in graph.node),
        fp16=halves or settings.precision == "fp16",
        digest=lambda: hashlib.sha256(data).hexdigest(),
    )


def _cpu(_network: Network, _settings: "Settings", _threads: int) -> Options:
    return {}  # its threads are the session's


def _cuda(_network: Network, settings: "Settings", _threads: int) -> Options:
    return {
        "device_id": str(settings.device_id),
        "gpu_mem_limit": str(settings.device_memory),
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",  # EXHAUSTIVE, the default, tries them anew for each size of a batch
    }


def _tensorrt(network: Network, settings: "Settings", _threads: int) -> Options:
    folder = settings.cache_dir / "tensorrt" / f"{network.digest()[:16]}-{_card_and_version()}"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "device_id": str(settings.device_id),
        "trt_max_workspace_size": str(settings.device_memory),
        "trt_fp16_enable": str(network.fp16),
        "trt_int8_enable": str(network.int8),  # a graph with quantised values is refused without
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(folder),
        **_profiles(network),
    }


def _profiles(network: Network) -> Options:
    """Return the sizes that an engine is built for; none where more than the batch is open: it then learns by use."""
    if not network.shape or network.shape[0] is not None or None in network.shape[1:]:
        return {}
    sides = "x".join(str(side) for side in network.shape[1:])
    sizes = {"min": 1, "opt": _USUAL, "max": WIDEST}
    return {f"trt_profile_{end}_shapes": f"{network.source}:{size}x{sides}" for end, size in sizes.items()}


def _openvino(_network: Network, settings: "Settings", threads: int) -> Options:
    wanted = {
        "INFERENCE_PRECISION_HINT": "f16" if settings.precision == "fp16" else "f32",  # by itself it may take bf16
        "INFERENCE_NUM_THREADS": str(threads),
        "NUM_STREAMS": "1",
    }
    folder = settings.cache_dir / "openvino"
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": wanted}), "cache_dir": str(folder)}


def _coreml(_network: Network, _settings: "Settings", _threads: int) -> Options:
    return {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}


_IN_PLACE: Final = "pip uninstall onnxruntime, then pip install"

DEVICES: Final[Mapping[str, Provider]] = {
    "cpu": Provider("CPUExecutionProvider", "pip install onnxruntime", _cpu),
    "cuda": Provider("CUDAExecutionProvider", f"{_IN_PLACE} onnxruntime-gpu[cuda,cudnn]", _cuda),
    "tensorrt": Provider(
        "TensorrtExecutionProvider", f"{_IN_PLACE} onnxruntime-gpu[cuda,cudnn] tensorrt", _tensorrt, behind="cuda"
    ),
    "openvino": Provider("OpenVINOExecutionProvider", f"{_IN_PLACE} onnxruntime-openvino", _openvino),
    "coreml": Provider("CoreMLExecutionProvider", "it comes with onnxruntime on macOS", _coreml),
}

BY_PREFERENCE: Final = ("tensorrt", "cuda", "openvino", "coreml", "cpu")
"""The order in which ``auto`` tries them."""


@cache
def _card_and_version() -> str:
    """Return a digest of cards, driver, and versions of ONNX Runtime and TensorRT: an engine fits no other."""
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        cards = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        cards = "unknown"
    versions = [_version(package) for package in ("onnxruntime-gpu", "tensorrt")]
    return hashlib.sha256(json.dumps([cards, versions]).encode()).hexdigest()[:12]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
