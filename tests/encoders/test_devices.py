"""Devices: the options of each, what is said where one is missing, and the same vectors on all that are here."""

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from tests.conftest import CommandLine, paint, write_pictures
from tests.encoders.graphs import colour_network, layered_network
from yunmeng.config import Settings
from yunmeng.encoders import load
from yunmeng.encoders.added import file_digest
from yunmeng.encoders.catalogue import get_spec
from yunmeng.encoders.devices import DEVICES, Network, providers, read_network
from yunmeng.encoders.foreign import quiet
from yunmeng.encoders.onnx_quantising import as_fp16
from yunmeng.encoders.onnx_runtime import OnnxSession, available_devices
from yunmeng.encoders.quantising import LEAST, quantise
from yunmeng.errors import EncoderError, ProviderError, SettingsError
from yunmeng.library.library import Library

# What the parsers of ONNX Runtime's providers know: read from the shipped libraries of onnxruntime-gpu 1.31.1,
# onnxruntime 1.32.0 for macOS and onnxruntime-openvino 1.24.1; others are refused, or ignored.
DOCUMENTED = {
    "cpu": set(),
    "cuda": {
        "device_id",
        "gpu_mem_limit",
        "arena_extend_strategy",
        "cudnn_conv_algo_search",
        "cudnn_conv_use_max_workspace",
        "do_copy_in_default_stream",
        "prefer_nhwc",
        "use_tf32",
    },
    "tensorrt": {
        "device_id",
        "trt_max_workspace_size",
        "trt_min_subgraph_size",
        "trt_max_partition_iterations",
        "trt_fp16_enable",
        "trt_bf16_enable",
        "trt_int8_enable",
        "trt_int8_calibration_table_name",
        "trt_engine_cache_enable",
        "trt_engine_cache_path",
        "trt_engine_cache_prefix",
        "trt_timing_cache_enable",
        "trt_timing_cache_path",
        "trt_profile_min_shapes",
        "trt_profile_opt_shapes",
        "trt_profile_max_shapes",
        "trt_builder_optimization_level",
    },
    "openvino": {"device_type", "load_config", "cache_dir", "disable_dynamic_shapes", "num_streams", "num_of_threads"},
    "coreml": {"ModelFormat", "MLComputeUnits", "RequireStaticInputShapes", "ModelCacheDirectory"},
}

PICTURES = [np.asarray(paint(seed)) for seed in range(12)]


def network(shape: tuple[int | None, ...] = (None, 224, 224, 3), **told: bool) -> Network:
    return Network(
        "pixels", shape, int8=told.get("int8", False), fp16=told.get("fp16", False), digest=lambda: "ab" * 32
    )


def with_8_bits(plain: Path, file: Path) -> Path:
    """Quantise a network for pictures in NHWC, floats, by ONNX Runtime's own tools."""
    value = onnx.load(plain).graph.input[0]
    sides = [side.dim_value or 1 for side in value.type.tensor_type.shape.dim]
    draws = np.random.default_rng(0)
    kind = np.uint8 if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8 else np.float32
    inputs = iter([{value.name: draws.integers(0, 256, sides).astype(kind)} for _ in range(16)])

    class Inputs(CalibrationDataReader):  # type: ignore[misc]  # which has no types
        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(inputs, None)

    with quiet():
        quantize_static(plain, file, Inputs(), quant_format=QuantFormat.QDQ, per_channel=True)
    return file


def with_16_bits(plain: Path, file: Path) -> Path:
    as_fp16(plain, file)
    return file


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_is_given_only_options_that_it_has(name: str, tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path)
    known = {DEVICES[one].provider: names for one, names in DOCUMENTED.items()}
    given = providers(name, network(), settings, threads=2)
    assert given[0][0] == DEVICES[name].provider
    assert given[-1][0] == "CPUExecutionProvider"  # what the device cannot run falls to the CPU
    for provider, options in given:
        assert set(options) <= known[provider]
        assert all(value for value in options.values())


def test_tensorrt_falls_to_cuda_and_keeps_engines_by_model(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path, device_memory=2_000_000_000, device_id=1)
    (first, options), (second, cuda), _cpu = providers("tensorrt", network(), settings, threads=1)
    assert (first, second) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert (options["trt_max_workspace_size"], options["device_id"]) == ("2000000000", "1")
    assert (cuda["gpu_mem_limit"], cuda["device_id"]) == ("2000000000", "1")
    assert options["trt_profile_min_shapes"] == "pixels:1x224x224x3"
    assert options["trt_profile_opt_shapes"] == "pixels:32x224x224x3"
    assert options["trt_profile_max_shapes"] == "pixels:64x224x224x3"
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == ("False", "False")
    folder = Path(options["trt_engine_cache_path"])
    assert folder.is_dir()
    assert folder.is_relative_to(tmp_path)
    other = Network("pixels", (None, 224, 224, 3), int8=False, fp16=False, digest=lambda: "cd" * 32)
    assert Path(providers("tensorrt", other, settings, threads=1)[0][1]["trt_engine_cache_path"]) != folder


def test_tensorrt_is_told_of_8_and_16_bits(tmp_path: Path) -> None:
    plain = layered_network(tmp_path / "plain.onnx")
    settings = Settings(cache_dir=tmp_path)
    for file, told in (
        (plain, ("False", "False")),
        (with_8_bits(plain, tmp_path / "int8.onnx"), ("False", "True")),
        (with_16_bits(plain, tmp_path / "fp16.onnx"), ("True", "False")),
    ):
        for model in (file, file.read_bytes()):
            read = read_network(model, settings, None)
            assert (read.source, read.shape[0], read.digest()) == ("pixels", None, file_digest(file))
            options = providers("tensorrt", read, settings, threads=1)[0][1]
            assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == told
    assert read_network(plain, settings.model_copy(update={"precision": "fp16"}), None).fp16
    with pytest.raises(EncoderError, match="cannot load"):
        read_network(b"no graph", settings, None)


def test_tensorrt_gets_no_profile_where_more_than_the_batch_is_open(tmp_path: Path) -> None:
    for shape in ((1, 224, 224, 3), (None, None), (None, None, None, 3)):
        options = providers("tensorrt", network(shape), Settings(cache_dir=tmp_path), threads=1)[0][1]
        assert not [name for name in options if "profile" in name]


def test_openvino_calculates_as_the_precision_says(tmp_path: Path) -> None:
    whole, half = (
        providers("openvino", network(), Settings(cache_dir=tmp_path, precision=precision), threads=3)[0][1]
        for precision in ("fp32", "fp16")
    )
    assert '"f32"' in whole["load_config"]
    assert '"f16"' in half["load_config"]
    assert '"INFERENCE_NUM_THREADS": "3"' in whole["load_config"]


@pytest.mark.filterwarnings("ignore:Specified provider")  # the runtime says so only because it was lied to
def test_a_provider_that_does_not_start_is_no_cpu_in_disguise(
    models: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """ONNX Runtime falls back to the CPU without an error: a named device is one, and auto says what it passes over."""
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: offered)
    graph = colour_network(tmp_path / "net.onnx")
    with pytest.raises(ProviderError, match=r"device cuda .*did not start.*onnxruntime-gpu.*--device cpu"):
        OnnxSession(graph, models.model_copy(update={"device": "cuda"}))
    with caplog.at_level(logging.WARNING):
        sessions = [OnnxSession(graph, models) for _ in range(2)]
    assert [session.device for session in sessions] == ["cpu", "cpu"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1  # once in a process
    assert said[0].startswith("passed over: device cuda ")
    assert "YUNMENG_DEVICE=cpu" in said[0]


def test_each_missing_device_names_its_package(models: Settings, tmp_path: Path) -> None:
    graph = colour_network(tmp_path / "net.onnx")
    packages = {
        "cuda": "onnxruntime-gpu",
        "tensorrt": "tensorrt",
        "openvino": "onnxruntime-openvino",
        "coreml": "macOS",
    }
    for name in packages.keys() - set(available_devices()):
        with pytest.raises(ProviderError) as raised:
            OnnxSession(graph, models.model_copy(update={"device": name}))
        assert packages[name] in str(raised.value)
        assert "\n" not in str(raised.value)


def test_no_library_is_made_for_a_device_that_is_missing(tmp_path: Path, yunmeng: CommandLine) -> None:
    missing = next(name for name in DEVICES if name not in available_devices())
    done = yunmeng("index", write_pictures(tmp_path / "pictures", 2), "--db", tmp_path / "library", "--device", missing)
    assert (done.returncode, Library.exists(tmp_path / "library")) == (2, False)


def test_a_wrong_device_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNMENG_DEVICE", "abacus")
    with pytest.raises(SettingsError, match="YUNMENG_DEVICE is wrong"):
        Settings.load()
    assert Settings.load(device="cpu").device == "cpu"  # what is given goes before the environment


@pytest.fixture(params=[name for name in DEVICES if name != "cpu"])
def device(request: pytest.FixtureRequest, models: Settings, tmp_path: Path) -> str:
    """Each device but the CPU; skipped where this machine cannot run it, CI's too."""
    name: str = request.param
    try:
        OnnxSession(colour_network(tmp_path / "try.onnx"), models.model_copy(update={"device": name}))
    except ProviderError as error:
        pytest.skip(str(error))
    return name


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.999), ("fp16", 0.99)])
def test_a_device_gives_the_vectors_of_the_cpu(device: str, precision: str, least: float, models: Settings) -> None:
    given = models.model_copy(update={"precision": precision})
    exact = load("efficientnet-lite0", models.model_copy(update={"device": "cpu"})).encode(PICTURES)
    found = load("efficientnet-lite0", given.model_copy(update={"device": device})).encode(PICTURES)
    assert (exact * found).sum(axis=1).min() >= least


def test_a_device_gives_the_vectors_of_the_cpu_with_8_bits(device: str, models: Settings, tmp_path: Path) -> None:
    files = sorted(write_pictures(tmp_path / "calibration", LEAST).iterdir())
    on_cpu = models.model_copy(update={"device": "cpu"})
    name = quantise("efficientnet-lite0", "int8", on_cpu, [(file.name, file.read_bytes) for file in files]).spec.name
    exact = load(name, on_cpu).encode(PICTURES)
    found = load(name, models.model_copy(update={"device": device})).encode(PICTURES)
    assert (exact * found).sum(axis=1).min() >= 0.97


def test_a_library_is_the_same_on_another_device(device: str, models: Settings, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 6)
    assert get_spec("efficientnet-lite0", models) == get_spec(
        "efficientnet-lite0", models.model_copy(update={"device": device})
    )
    with Library.create(tmp_path / "library", "efficientnet-lite0", settings=models) as library:
        library.index([pictures])
    with Library.open(tmp_path / "library", settings=models.model_copy(update={"device": device})) as library:
        hits = library.search(image=pictures / "003.jpg")
    assert hits[0].id == "003.jpg"
    assert hits[0].score > 0.999
