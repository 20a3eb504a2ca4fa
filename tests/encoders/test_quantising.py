"""Quantising: how near the vectors stay, what is kept in FP32, and what is said where it cannot be done."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.conftest import CommandLine, paint, write_pictures
from tests.encoders.graphs import attention_network, colour_network, layered_network, map_network
from yunmeng.config import Settings
from yunmeng.encoders import get_spec, load
from yunmeng.encoders.adding import add_graph
from yunmeng.encoders.fitting import Source
from yunmeng.encoders.fusion_fitting import fuse
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.encoders.protocol import Origin
from yunmeng.encoders.quantising import LEAST, quantise
from yunmeng.encoders.text.bridge import words_for
from yunmeng.errors import EncoderError
from yunmeng.evaluation.measures import first_hits, overlap


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    folder = write_pictures(tmp_path_factory.mktemp("calibration"), LEAST + 8)
    return [(file.name, file.read_bytes) for file in sorted(folder.iterdir())]


def add(file: Path, models: Settings, name: str = "net") -> None:
    description = describe_graph(file, models, name=name, input_size=16)
    add_graph(description, file, models)


def test_a_network_with_8_bits_keeps_its_vectors(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(layered_network(tmp_path / "net.onnx"), models)
    made = quantise("net", "int8", models, sources)
    assert (made.spec.name, made.layers, made.kept, made.pictures, made.failed) == ("net-int8", 4, 0, LEAST + 8, [])
    assert made.spec.origin == Origin("net", get_spec("net", models).sha256)
    assert made.spec.sha256 != get_spec("net", models).sha256
    assert "INT8" in made.spec.source
    assert made.size < made.size_before / 2
    unseen = [np.asarray(paint(seed)) for seed in range(900, 920)]
    whole, small = load("net", models).encode(unseen), load("net-int8", models).encode(unseen)
    cosines = (whole * small).sum(axis=1)
    assert cosines.min() > 0.99
    assert cosines.max() < 1 - 1e-7  # it is another network
    assert made.least <= made.cosine <= 1 + 1e-6


def test_layers_that_8_bits_cannot_hold_stay(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(layered_network(tmp_path / "net.onnx", outlier=1e4), models)
    made = quantise("net", "int8", models, sources, new_name="small")
    assert 0 < made.kept < made.layers
    assert made.cosine > 0.99


@pytest.mark.parametrize("outlier", [1, 100])
def test_a_transformer_keeps_its_vectors(
    models: Settings, sources: list[Source], tmp_path: Path, outlier: float
) -> None:
    file = attention_network(tmp_path / "net.onnx", outlier=outlier)
    add_graph(describe_graph(file, models, name="net", pooling="mean"), file, models)
    made = quantise("net", "int8", models, sources)
    assert made.layers == 7
    assert made.kept <= 1
    unseen = [np.asarray(paint(seed)) for seed in range(900, 920)]
    whole = load("net", models).encode(unseen)
    assert (whole * load("net-int8", models).encode(unseen)).sum(axis=1).min() > 0.99
    weights = onnx.load(models.models_dir / "net-int8" / "picture.onnx").graph.initializer
    assert sum(one.data_type == onnx.TensorProto.INT8 and len(one.dims) > 1 for one in weights) == 7 - made.kept
    quantise("net", "fp16", models, sources)
    assert (whole * load("net-fp16", models).encode(unseen)).sum(axis=1).min() > 0.9999


def test_16_bits_halve_the_file(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(layered_network(tmp_path / "net.onnx"), models)
    tried = []
    made = quantise("net", "fp16", models, sources, on_encoded=lambda done, total: tried.append((done, total)))
    assert (made.spec.name, made.layers) == ("net-fp16", 0)
    assert made.size < 0.6 * made.size_before
    assert made.least > 0.9999
    assert tried[-1] == (LEAST + 8, LEAST + 8)


def test_words_find_what_they_found_before() -> None:
    spec = get_spec("efficientnet-lite0", Settings())
    small = replace(spec, name="small", sha256="0" * 64, origin=Origin(spec.name, spec.sha256))
    before, after = words_for(spec), words_for(small)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.encode_texts(["zebra"]), after.encode_texts(["zebra"]))
    assert before.cut_off("zebra") == after.cut_off("zebra")
    assert words_for(replace(spec, name="small")) is None


def test_what_cannot_be_quantised(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(layered_network(tmp_path / "net.onnx"), models)
    with pytest.raises(EncoderError, match=f"{LEAST} pictures or more .* there are 3"):
        quantise("net", "int8", models, sources[:3])
    broken: list[Source] = [("broken.jpg", lambda: b"\xff\xd8\xff")]
    with pytest.raises(EncoderError, match=r"there are 39, and 1 cannot be used: broken\.jpg"):
        quantise("net", "int8", models, [*sources[: LEAST - 1], *broken])
    with pytest.raises(EncoderError, match="there is a model net already"):
        quantise("net", "int8", models, sources, new_name="net")
    fuse("both", ["net", "efficientnet-lite0"], models)
    with pytest.raises(EncoderError, match=r"both is a fusion: take its parts \(net, efficientnet-lite0\)"):
        quantise("both", "int8", models, sources)
    assert not list(models.models_dir.glob(".adding-*"))


def test_a_network_without_layers(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    description = describe_graph(map_network(tmp_path / "map.onnx", 4), models, name="map", pooling="mean")
    add_graph(description, tmp_path / "map.onnx", models)
    with pytest.raises(EncoderError, match="no layer that can be quantised"):
        quantise("map", "int8", models, sources)


def test_overlap_is_the_share_of_hits_in_common() -> None:
    random = np.random.default_rng(0)
    gallery, queries = random.standard_normal((50, 8), np.float32), random.standard_normal((7, 8), np.float32)
    hits = first_hits(gallery, queries)
    plain = [sorted(range(50), key=lambda row: -float(gallery[row] @ query))[:10] for query in queries]
    assert hits.tolist() == plain
    assert overlap(hits, hits[:, ::-1]) == 1
    others = first_hits(gallery + random.standard_normal((50, 8), np.float32), queries)
    shares = [len(set(one) & set(two)) / 10 for one, two in zip(hits.tolist(), others.tolist(), strict=True)]
    assert overlap(hits, others) == pytest.approx(np.mean(shares))


def test_quantising_and_comparing_on_the_command_line(yunmeng: CommandLine, tmp_path: Path) -> None:
    models = {"YUNMENG_MODELS_DIR": str(tmp_path / "models")}
    net = colour_network(tmp_path / "net.onnx", weight=np.random.default_rng(1).standard_normal((3, 16), np.float32))
    assert yunmeng("models", "add", net, "--name", "net", **models).returncode == 0
    pictures = write_pictures(tmp_path / "pictures", LEAST)
    for side in ("gallery", "queries"):
        for kind in range(2):
            write_pictures(tmp_path / side / str(kind), 4, start=10 * kind + (side == "queries"))
    order = ("models", "quantize", "net", "--to", "int8", "--pictures", pictures, "--name", "small")
    done = yunmeng(*order, "--compare", tmp_path / "gallery", tmp_path / "queries", "--json", **models)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["name"] for row in report["compared"]] == ["net", "small"]
    assert report["compared"][0]["overlap@10"] == 1
    assert 0.5 < report["compared"][1]["overlap@10"] <= 1
    assert report["layers"] == 1
    again = yunmeng(*order, **models)
    assert again.returncode == 2
    assert "there is a model small already" in again.stderr
    assert "--pictures FOLDER or --db DIR" in yunmeng("models", "quantize", "net", "--to", "int8", **models).stderr
