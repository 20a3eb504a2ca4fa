"""What is wrong with a picture is named; what is not, is not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.imaging.samples import encoded, photograph
from yunmeng.config import Settings
from yunmeng.imaging import EXPLANATIONS, QualityScores, assess, damaged, decode, problems
from yunmeng.ingest import inspect_quality

CLOTHING = Path(__file__).parents[3] / "shared" / "data" / "clothing"


def scores(image: Image.Image) -> QualityScores:
    return assess(np.asarray(image.convert("RGB")), width=image.width, height=image.height)


def found(image: Image.Image) -> list[str]:
    return problems(scores(image))


def spoilt(good: Image.Image) -> dict[str, Image.Image]:
    """A bad version of a picture for each problem, and some that must go under the same name."""
    return {
        "blurry": good.filter(ImageFilter.GaussianBlur(8)),
        "dark": good.point(lambda value: value * 0.1),
        "dark: black": Image.new("RGB", good.size),
        "bright": good.point(lambda value: 220 + value * 0.13),
        "flat": good.point(lambda value: 110 + value * 0.08),
        "flat: one colour": Image.new("RGB", good.size, (120, 60, 200)),
        "low-information": Image.new("RGB", good.size, (120, 60, 200)),
        "tiny": good.resize((20, 20)),
        "odd-aspect": good.resize((1200, 200)),
        "odd-aspect: upright": good.resize((100, 600)),
    }


@pytest.mark.parametrize("seed", range(5))
def test_a_good_picture_has_no_problems(seed: int) -> None:
    assert found(photograph(seed)) == []


@pytest.mark.parametrize("name", list(spoilt(photograph(0))))
def test_a_spoilt_picture_is_flagged(name: str) -> None:
    for seed in range(3):
        assert name.split(":")[0] in found(spoilt(photograph(seed))[name])


def test_a_flat_picture_is_not_called_blurry_too() -> None:
    assert "blurry" not in found(Image.new("RGB", (300, 300), "grey"))


def test_problems_come_in_the_order_of_their_explanations() -> None:
    names = found(Image.new("RGB", (60, 10)))
    assert names == ["dark", "flat", "low-information", "tiny", "odd-aspect"]
    assert names == [name for name in EXPLANATIONS if name in names]
    assert all(text.endswith(".") and len(text) > 20 for text in EXPLANATIONS.values())


def test_one_sharp_subject_is_enough() -> None:
    sharp = photograph(1)
    soft = sharp.filter(ImageFilter.GaussianBlur(10))
    assert found(soft) == ["blurry"]
    soft.paste(sharp.crop((100, 80, 240, 200)), (100, 80))
    assert found(soft) == []


def test_sharpness_does_not_depend_on_resolution() -> None:
    large = photograph(2, (1600, 1200))
    measured = [scores(large.resize(size))["sharpness"] for size in ((1600, 1200), (800, 600), (400, 300))]
    assert max(measured) < 1.5 * min(measured)


def test_scores_are_what_they_say() -> None:
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (128, 1)))
    measured = scores(ramp)
    assert measured["brightness"] == pytest.approx(0.5, abs=0.005)
    assert measured["shadows"] == pytest.approx(0.01, abs=0.005)
    assert measured["highlights"] == pytest.approx(0.99, abs=0.005)
    assert measured["contrast"] == pytest.approx(0.98, abs=0.01)
    assert measured["entropy"] == pytest.approx(8.0)
    assert measured["shorter_side"] == 128.0
    assert measured["aspect"] == 2.0
    assert measured["sharpness"] == pytest.approx(0.0, abs=1e-3)
    halves = Image.fromarray(np.array([[0, 255]] * 2, dtype=np.uint8).repeat(100, axis=1))
    assert scores(halves)["entropy"] == pytest.approx(1.0)


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    values = np.random.default_rng(0).integers(0, 256, (18, 18), dtype=np.uint8)
    laplacian = sum(np.roll(values.astype(int), shift, axis) for shift in (1, -1) for axis in (0, 1)) - 4.0 * values
    tiles = [laplacian[1 + y : 5 + y, 1 + x : 5 + x].var() for y in range(0, 16, 4) for x in range(0, 16, 4)]
    assert scores(Image.fromarray(values))["sharpness"] == pytest.approx(max(tiles), rel=1e-4)


def test_the_size_is_the_originals() -> None:
    reduced = np.asarray(photograph(3))
    assert "tiny" in problems(assess(reduced, width=90, height=60))
    assert problems(assess(np.asarray(photograph(3, (60, 45))), width=400, height=300)) == []


def test_scores_survive_json() -> None:
    measured = scores(photograph(4))
    assert all(type(value) is float for value in measured.values())
    assert problems(json.loads(json.dumps(measured))) == problems(measured)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 900), (900, 1), (5, 7)])
def test_the_smallest_pictures_can_be_measured(size: tuple[int, int]) -> None:
    assert "tiny" in found(photograph(0, size))


@pytest.mark.skipif(not CLOTHING.is_dir(), reason="needs the shared photographs")
def test_real_photographs() -> None:
    files = sorted(CLOTHING.glob("*/*/*.jpg"))[::12]
    images = [Image.fromarray(decode(file.read_bytes()).pixels) for file in files]
    flagged = [found(image) for image in images]
    assert sum(map(bool, flagged)) < 0.03 * len(images)
    for image in images[::6]:
        assert [name for name, bad in spoilt(image).items() if name.split(":")[0] not in found(bad)] == []


JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {"quality": 90},
    "progressive": {"quality": 80, "progressive": True},
    "restarts": {"quality": 90, "restart_marker_rows": 1},
    "grey": {"quality": 75},
}


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_is_broken_inside_is_called_damaged(kind: str) -> None:
    for seed in range(4):
        image = photograph(seed, (320, 240))
        whole = encoded(image.convert("L") if kind == "grey" else image, "JPEG", **JPEGS[kind])
        middle = len(whole) // 2
        assert not damaged(whole)
        assert damaged(whole[:middle] + b"\xff\xd9")
        assert damaged(whole[:middle] + whole[middle + 500 :])


def test_what_lacks_an_end_marker_or_is_padded_before_it_is_not_called_damaged() -> None:
    whole = encoded(photograph(5), "JPEG")
    assert not damaged(whole[:-2])
    assert not damaged(whole[:-2] + bytes(40) + whole[-2:])
    assert not damaged(encoded(photograph(5), "PNG"))


def test_the_command_names_the_damaged(tmp_path: Path) -> None:
    whole = encoded(photograph(6), "JPEG")
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) * 3 // 5] + b"\xff\xd9")
    (tmp_path / "whole.jpg").write_bytes(whole)
    report = inspect_quality(tmp_path, Settings(), lambda done, total: None)
    assert [(Path(poor.path).name, poor.problems) for poor in report.poor] == [("half.jpg", ["damaged"])]
