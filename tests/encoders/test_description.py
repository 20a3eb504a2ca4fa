"""``model.toml``: what goes in comes out, and what is wrong is said in one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.encoders.description import (
    Description,
    FusionDescription,
    OnnxDescription,
    PictureTower,
    TextTower,
    dump_description,
    parse_description,
    read_description,
)
from yunmeng.errors import EncoderError

DIGEST = "ab" * 32
PICTURE = PictureTower(file="picture.onnx", input_size=224)
TEXT = TextTower(file="text.onnx", context_length=77)
FILES = {"picture.onnx": DIGEST, "text.onnx": "cd" * 32, "tokenizer.json": "ef" * 32}
ONNX = OnnxDescription(name="clip", dim=512, files=FILES, picture=PICTURE, text=TEXT)
FUSION = FusionDescription(
    name="both", dim=64, parts=("a", "b"), part_sha256=(DIGEST, DIGEST), weights=(1, 0.5), input_size=260
)

towers = st.builds(
    PictureTower,
    file=st.just("picture.onnx"),
    input_size=st.integers(8, 4096),
    resize=st.sampled_from(["squash", "pad"]),
    fill=st.tuples(*[st.integers(0, 255)] * 3),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
    pixels=st.just("float32"),
    mean=st.tuples(*[st.floats(-10, 10)] * 3),
    std=st.tuples(*[st.floats(0.01, 10)] * 3),
    layout=st.sampled_from(["nhwc", "nchw"]),
    channels=st.sampled_from(["rgb", "bgr"]),
    output=st.none() | st.text(min_size=1),
    normalise=st.booleans(),
)


@given(towers, st.text(), st.text())
def test_a_description_survives_its_file(tower: PictureTower, licence: str, source: str) -> None:
    row = OnnxDescription(name="x", dim=3, licence=licence, source=source, files=FILES, picture=tower, text=TEXT)
    assert parse_description(dump_description(row), "model.toml") == row


@pytest.mark.parametrize("description", [ONNX, FUSION])
def test_both_kinds_are_told_apart(description: Description, tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.write_text(dump_description(description), encoding="utf-8")
    assert read_description(file) == description


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "clip"', "name = clip", "is not TOML"),
        ('name = "clip"', "", "broken at name"),
        ('name = "clip"', 'name = "../clip"', "broken at name"),
        ("format = 1", "format = 2", "has format 2, this Yunmeng reads 1: update Yunmeng"),
        ('kind = "onnx"', 'kind = "cat"', "'onnx', 'fusion'"),
        ("dim = 512", "dim = 0", "broken at dim"),
        ("dim = 512", "dimension = 512", "broken at"),
        ("input_size = 224", "input_size = 224\nresize_side = 256", "resize_side goes with"),
        ('resize = "squash"', 'resize = "stretch"', "broken at picture.resize"),
        ('file = "picture.onnx"', 'file = "../picture.onnx"', "must be the name of a file beside model.toml"),
        (DIGEST, "12", "broken at files"),
        ("context_length = 77", "context_length = 1", "broken at text.context_length"),
        ("mean = [\n    0.0,", "mean = [\n    0.5,", "mean and std need"),
        ('pixels = "uint8"', 'pixels = "float16"', "broken at picture.pixels"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(old: str, new: str, complaint: str) -> None:
    text = dump_description(ONNX)
    assert old in text
    with pytest.raises(EncoderError) as caught:
        parse_description(text.replace(old, new), "models/clip/model.toml")
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("models/clip/model.toml ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b""])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "model.toml").write_bytes(content)
    with pytest.raises(EncoderError, match=r"model\.toml"):
        read_description(tmp_path / "model.toml")


def test_the_identity_is_of_all_that_decides_a_vector_and_of_nothing_else() -> None:
    """Two encoders with the same digest can stand for each other."""
    identity = ONNX.spec.sha256
    tower = PICTURE.model_copy(update={"resize": "pad"})
    others = {
        "files": ONNX.model_copy(update={"files": {**FILES, "picture.onnx": "12" * 32}}),
        "picture": ONNX.model_copy(update={"picture": tower}),
        "weights": ONNX.model_copy(update={"weights_sha256": "34" * 32}),
        "dim": ONNX.model_copy(update={"dim": 256}),
    }
    assert len({identity, *(other.spec.sha256 for other in others.values())}) == 1 + len(others)
    for same in ({"licence": "MIT"}, {"source": "elsewhere"}, {"text": None, "files": {"picture.onnx": DIGEST}}):
        assert ONNX.model_copy(update=same).spec.sha256 == identity
    exported = others["weights"]
    again = exported.model_copy(update={"files": {**FILES, "picture.onnx": "56" * 32}})
    assert again.spec.sha256 == exported.spec.sha256  # another version of PyTorch, the same weights
    heavier = FUSION.model_copy(update={"weights": (1.0, 0.6)})
    assert FUSION.spec.sha256 not in (identity, heavier.spec.sha256)


def test_a_fusion_needs_as_many_of_each() -> None:
    with pytest.raises(EncoderError, match="the same length"):
        parse_description(dump_description(FUSION).replace("0.5,", "0.5, 0.5,"), "model.toml")
