"""Splits of batches: found once, kept, used afterwards, and left alone where they are of no use."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CommandLine
from tests.encoders.graphs import DIM, SIDE, colour_network
from yunmeng.config import Settings
from yunmeng.encoders import get_spec, load
from yunmeng.encoders.adding import add_graph
from yunmeng.encoders.fusion_fitting import fuse
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.encoders.onnx_runtime import OnnxSession, place_of
from yunmeng.encoders.splits import SavedSplit, Split, candidates, keep, saved, usual
from yunmeng.encoders.tuning import split_of, tune
from yunmeng.errors import EncoderError

DIGEST = "ab" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache", models_dir=tmp_path / "models", device="cpu", threads=4)


def test_every_split_gives_the_same_vectors(settings: Settings, tmp_path: Path) -> None:
    graph = colour_network(tmp_path / "net.onnx")
    batch = np.random.default_rng(0).integers(0, 256, (37, SIDE, SIDE, 3), dtype=np.uint8)
    (expected,) = OnnxSession(graph, settings).run(["vector"], batch)
    splits = list(candidates("cpu", 4, 32))
    assert splits[0] == usual("cpu", 4) == Split(1, 4, 1)
    assert {split.sessions * split.threads for split in splits} == {4}
    assert {(split.sessions, split.threads) for split in splits} == {(4, 1), (2, 2), (1, 4)}
    assert len(set(splits)) == len(splits)
    for split in splits:
        (found,) = OnnxSession(graph, settings, split=split).run(["vector"], batch)
        assert found.shape == (37, DIM)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_batches_are_no_larger_than_those_of_an_index_run() -> None:
    for device in ("cpu", "openvino", "cuda"):
        assert max(split.batch for split in list(candidates(device, 2, 8))[1:]) <= 8


def test_a_saved_split_is_used_for_its_encoder_device_and_threads(settings: Settings, tmp_path: Path) -> None:
    graph = colour_network(tmp_path / "net.onnx")
    keep(place_of(DIGEST, "cpu", settings), SavedSplit(Split(1, 2, 2), 120.0, 100.0), settings)
    assert OnnxSession(graph, settings, encoder=DIGEST).split == Split(1, 2, 2)
    assert OnnxSession(graph, settings, encoder="cd" * 32).split == usual("cpu", 4)
    assert OnnxSession(graph, settings).split == usual("cpu", 4)
    fewer = settings.model_copy(update={"threads": 2})
    assert OnnxSession(graph, fewer, encoder=DIGEST).split == usual("cpu", 2)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "broken"),
        ("{", "broken"),
        ("[]", "broken"),
        ('{"split": {"batch": 4}}', "broken"),
        (None, "another version"),
    ],
)
def test_a_file_of_no_use_is_left_alone_with_one_line(
    content: str | None, complaint: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    place = place_of(DIGEST, "cpu", settings)
    old = replace(place, onnxruntime="1.0.0")
    keep(old, SavedSplit(Split(1, 2, 2), 120.0, 100.0), settings)
    if content is not None:
        place.file(settings).write_text(content)
    with caplog.at_level(logging.WARNING):
        assert saved(place, settings) is None
        assert saved(place, settings) is None
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert complaint in said[0]
    assert "yunmeng models bench --save" in said[0]


def test_a_split_that_no_measurement_gives_is_not_used(settings: Settings) -> None:
    place = place_of(DIGEST, "cpu", settings)
    for split in (Split(1, 400, 1), Split(0, 4, 1), Split(1, 3, 1)):
        keep(place, SavedSplit(split, 1.0, 1.0), settings)
        assert saved(place, settings) is None


def test_the_best_split_is_found_and_kept(settings: Settings, tmp_path: Path) -> None:
    graph = colour_network(tmp_path / "net.onnx")
    add_graph(describe_graph(graph, settings, name="net", input_size=SIDE), graph, settings)
    assert split_of("net", "cpu", settings) == (usual("cpu", 4), False)
    steps: list[tuple[int, int]] = []
    tuned = tune("net", settings, 0.01, lambda done, total: steps.append((done, total)))
    assert [split for split, _ in tuned.tried] == list(candidates("cpu", 4, settings.batch_size))
    assert all(rate > 0 for _, rate in tuned.tried)
    assert steps[-1][0] == steps[-1][1] == len(tuned.tried) + 1
    assert tuned.found.rate > 0 < tuned.found.usual_rate
    assert split_of("net", "cpu", settings) == (tuned.found.split, True)
    assert saved(place_of(get_spec("net", settings).sha256, "cpu", settings), settings) == tuned.found
    assert load("net", settings).encode([np.zeros((SIDE, SIDE, 3), np.uint8)]).shape == (1, DIM)


def test_a_fusion_is_measured_by_its_parts(settings: Settings, tmp_path: Path) -> None:
    graph = colour_network(tmp_path / "net.onnx")
    for name in ("a", "b"):
        add_graph(describe_graph(graph, settings, name=name, input_size=SIDE), graph, settings)
    fuse("both", ["a", "b"], settings)
    with pytest.raises(EncoderError, match="take its parts"):
        tune("both", settings, 0.01)


def test_a_cache_that_cannot_be_written_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EncoderError, match="YUNMENG_CACHE_DIR"):
        keep(place_of(DIGEST, "cpu", settings), SavedSplit(Split(1, 4, 1), 1.0, 1.0), settings)


def test_bench_saves_and_shows_what_is_saved(yunmeng: CommandLine, tmp_path: Path) -> None:
    yunmeng.environment |= {
        "YUNMENG_MODELS_DIR": str(tmp_path / "models"),
        "YUNMENG_CACHE_DIR": str(tmp_path / "cache"),
    }
    yunmeng("models", "add", colour_network(tmp_path / "net.onnx"))
    arguments = ["models", "bench", "net", "--device", "cpu", "--seconds", "0.1"]
    (before,) = json.loads(yunmeng(*arguments, "--json").stdout)["models"]
    assert (before["device"], before["saved"], before["cosine_to_cpu"]) == ("cpu", False, 1.0)
    assert "tried" not in before
    (saving,) = json.loads(yunmeng(*arguments, "--save", "--json").stdout)["models"]
    assert saving["saved"]
    assert len(saving["tried"]) > 1
    (after,) = json.loads(yunmeng(*arguments, "--json").stdout)["models"]
    assert after["saved"]
    assert [after[part] for part in ("batch", "sessions", "threads")] == [
        saving[part] for part in ("batch", "sessions", "threads")
    ]
    assert "*" in yunmeng(*arguments).stdout.splitlines()[1]
    done = yunmeng("models", "bench", "net", "--device", "cuda")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "onnxruntime-gpu" in done.stderr
