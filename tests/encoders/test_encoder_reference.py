"""The ONNX encoders against PyTorch's, whose vectors `make_reference.py` has stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from yunmeng.config import Settings
from yunmeng.encoders.catalogue import built_in_names, load_built_in
from yunmeng.encoders.imagenet import class_names, top_classes
from yunmeng.types import Pixels

NAMES = built_in_names()


def pictures(data: Path) -> list[Pixels]:
    return [np.asarray(Image.open(file).convert("RGB")) for file in sorted(data.glob("*.webp"))]


@pytest.mark.parametrize("name", NAMES)
def test_fp32_equals_pytorch(name: str, data: Path, graph_settings: Settings) -> None:
    reference = np.load(data / f"{name}.npz")
    embedding, scores = load_built_in(name, graph_settings).encode_and_classify(pictures(data))
    assert list(reference["names"]) == [file.stem for file in sorted(data.glob("*.webp"))]
    assert embedding.dtype == scores.dtype == np.float32
    assert np.abs(embedding - reference["embedding"]).max() < 1e-5  # seen: 8e-7
    assert np.abs(scores - reference["scores"]).max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_fp16_storage_halves_the_file_and_keeps_the_vectors(name: str, data: Path, graph_settings: Settings) -> None:
    settings = graph_settings.model_copy(update={"precision": "fp16"})
    load_built_in(name, graph_settings)
    vectors = load_built_in(name, settings).encode(pictures(data))
    cosines = (vectors * np.load(data / f"{name}.npz")["embedding"]).sum(axis=1)
    assert cosines.min() >= 0.999
    whole, half = (next(settings.cache_dir.glob(f"{name}-{p}-*.onnx")).stat().st_size for p in ("fp32", "fp16"))
    assert half < 0.52 * whole


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_those_that_people_see(name: str, data: Path, graph_settings: Settings) -> None:
    files = sorted(data.glob("*.webp"))
    scores = dict(
        zip([file.stem for file in files], load_built_in(name, graph_settings).classify(pictures(data)), strict=True)
    )
    assert {"tabby, tabby cat", "Egyptian cat", "tiger cat"} >= {top_classes(scores["chelsea"], 1)[0][0]}
    assert "espresso" in [found for found, _ in top_classes(scores["coffee"], 2)]
    assert "missile" in [found for found, _ in top_classes(scores["rocket"], 4)]
    for row in scores.values():
        assert row.sum() == pytest.approx(1, abs=1e-4)


def test_class_names_are_a_thousand_and_all_different() -> None:
    assert len(class_names()) == len(set(class_names())) == 1000
    assert class_names()[0] == "tench, Tinca tinca"
    assert class_names()[999].startswith("toilet tissue")


def test_top_classes_are_sorted_with_their_probabilities() -> None:
    probabilities = np.zeros(1000, np.float32)
    probabilities[[3, 7, 5]] = 0.2, 0.5, 0.3
    assert top_classes(probabilities, 2) == [(class_names()[7], 0.5), (class_names()[5], pytest.approx(0.3))]
