"""What `Encoder` promises, of the real encoder: shapes, sizes, order, threads, providers, errors."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from tests.encoders.graphs import save
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load_built_in
from yunmeng.encoders.onnx_encoder import OnnxEncoder
from yunmeng.encoders.onnx_runtime import OnnxSession, available_devices
from yunmeng.errors import EncoderError, ProviderError
from yunmeng.types import Pixels


def some_pictures(count: int, seed: int = 0) -> list[Pixels]:
    """Smooth pictures of many sizes, all different."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, 5, 7, 3), dtype=np.uint8)
    sizes = random.integers(1, 400, (count, 2))
    return [np.asarray(Image.fromarray(p).resize((w, h))) for p, (w, h) in zip(small, sizes.tolist(), strict=True)]


def test_vectors_are_unit_length_and_in_the_order_of_the_batch(lite0: OnnxEncoder) -> None:
    batch = some_pictures(11)  # more than the runtime runs at once
    together = lite0.encode(batch)
    assert together.shape == (11, 512)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for picture, vector in zip(batch, together, strict=True):
        np.testing.assert_allclose(lite0.encode([picture])[0], vector, atol=1e-5)
    distinct = together @ together.T - 2 * np.eye(11)
    assert distinct.max() < 0.999


def test_an_empty_batch_gives_no_rows(lite0: OnnxEncoder) -> None:
    assert lite0.encode([]).shape == (0, 512)
    assert lite0.classify([]).shape == (0, 1000)
    assert lite0.encode([]).dtype == lite0.classify([]).dtype == np.float32


def test_prepared_pictures_pass_through_and_mix_with_others(lite0: OnnxEncoder) -> None:
    raw = some_pictures(3)
    prepared = [lite0.prepare(picture) for picture in raw]
    assert all(picture.shape == (224, 224, 3) and picture.dtype == np.uint8 for picture in prepared)
    assert lite0.prepare(prepared[0]) is prepared[0]
    mixed = lite0.encode([raw[0], prepared[1], raw[2]])
    np.testing.assert_array_equal(mixed, lite0.encode(prepared))


def test_the_whole_picture_counts(lite0: OnnxEncoder) -> None:
    wide = np.full((100, 400, 3), 90, np.uint8)
    edged = wide.copy()
    edged[:, :40] = 250
    assert lite0.prepare(edged)[112, 5, 0] > 200
    assert lite0.encode([wide])[0] @ lite0.encode([edged])[0] < 0.99


def test_a_view_into_a_larger_picture_is_taken(lite0: OnnxEncoder) -> None:
    whole = some_pictures(1)[0].repeat(4, axis=0).repeat(4, axis=1)
    crop = whole[2:-2:2, ::-1]
    np.testing.assert_array_equal(lite0.encode([crop]), lite0.encode([np.ascontiguousarray(crop)]))


@pytest.mark.parametrize(
    "picture",
    [np.zeros((9, 9)), np.zeros((9, 9, 3)), np.zeros((9, 9, 4), np.uint8), np.zeros((0, 9, 3), np.uint8)],
    ids=["2-d", "float", "rgba", "no rows"],
)
def test_what_is_not_a_picture_is_named(lite0: OnnxEncoder, picture: Pixels) -> None:
    with pytest.raises(EncoderError, match=r"must be uint8 \(height, width, 3\), not .*9"):
        lite0.encode([picture])


def test_many_threads_may_encode_at_once(lite0: OnnxEncoder) -> None:
    batches = [some_pictures(n, seed=n) for n in (1, 2, 5, 9, 1, 6)]
    alone = [lite0.encode(batch) for batch in batches]
    with ThreadPoolExecutor(6) as pool:
        at_once = list(pool.map(lite0.encode, batches))
    for expected, got in zip(alone, at_once, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_number_of_threads_does_not_change_the_vectors(lite0: OnnxEncoder, graph_settings: Settings) -> None:
    batch = some_pictures(7)
    for threads in (0, 1, 5):
        other = load_built_in("efficientnet-lite0", graph_settings.model_copy(update={"threads": threads}))
        np.testing.assert_allclose(other.encode(batch), lite0.encode(batch), atol=1e-5)


def test_a_picture_has_the_same_vector_in_every_batch(tmp_path: Path, graph_settings: Settings) -> None:
    # The mean over a transformer's tokens, which the runtime sums in another order where a batch has one picture only.
    shapes: dict[str, list[str | int]] = {"x": ["n", 197, 384], "y": ["n", 384]}
    source, target = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items())
    mean = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)
    graph = save([mean], source, target, {}, tmp_path / "mean.onnx")
    session = OnnxSession(graph, graph_settings)
    batch = np.random.default_rng(1).standard_normal((9, 197, 384)).astype(np.float32)
    (together,) = session.run(["y"], batch)
    for size in (1, 2, 4, 5):
        parts = [session.run(["y"], batch[start : start + size])[0] for start in range(0, len(batch), size)]
        np.testing.assert_array_equal(np.concatenate(parts), together)


def test_an_absent_device_names_those_there_are_and_what_to_install(graph_settings: Settings) -> None:
    absent = next(name for name in ("coreml", "cuda") if name not in available_devices())
    with pytest.raises(ProviderError, match=f"{absent} .*available: .*cpu.*onnxruntime.*--device cpu"):
        load_built_in("efficientnet-lite0", graph_settings.model_copy(update={"device": absent}))


def test_bytes_that_are_no_graph_raise_an_encoder_error() -> None:
    with pytest.raises(EncoderError, match="cannot load"):
        OnnxSession(b"no graph", Settings())


def test_what_the_runtime_refuses_raises_an_encoder_error(lite0: OnnxEncoder, graph_settings: Settings) -> None:
    graph = next(graph_settings.cache_dir.glob("efficientnet-lite0-fp32-*.onnx")).read_bytes()
    with pytest.raises(EncoderError, match="failed on a batch of 1"):
        OnnxSession(graph, graph_settings).run(["embedding"], np.zeros((1, 8, 8, 3), np.uint8))


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """With telemetry on, importing ONNX Runtime writes a device id below the home folder."""
    code = "from yunmeng.encoders import available_devices; assert 'cpu' in available_devices()"
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
