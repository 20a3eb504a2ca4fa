"""Models of the user's own: added, found by name, run, changed on disk, removed."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from tests.encoders.graphs import (
    DIM,
    SIDE,
    TABLE,
    colour_network,
    colour_vectors,
    map_network,
    some_pictures,
    word_network,
)
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders import BatchingEncoder, added, get_spec, load, specs
from yunmeng.encoders.adding import add_described, add_graph, workplace
from yunmeng.encoders.catalogue import broken_models
from yunmeng.encoders.described_encoder import DescribedEncoder
from yunmeng.encoders.description import OnnxDescription, PictureTower, TextTower, dump_description
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.encoders.preparation import fit
from yunmeng.errors import EncoderError, UnknownEncoder, WeightsError

LENGTH = 6


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models", cache_dir=tmp_path / "cache", threads=2)


def described(folder: Path, text: TextTower | None = None, **picture: Any) -> Path:
    """A folder with model.toml and a colour network; gives the folder."""
    file = colour_network(folder / "net.onnx")
    tower = PictureTower.model_validate({"file": file.name, "input_size": SIDE, **picture})
    row = OnnxDescription(name="colours", dim=DIM, licence="MIT", source="made", picture=tower, text=text)
    (folder / "model.toml").write_text(dump_description(row), encoding="utf-8")
    return folder


def reading(folder: Path) -> Path:
    """The same with a text tower, whose tokeniser knows a few words."""
    need("tokenizers", extra="words")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = {"[pad]": 0, "[unk]": 1, "red": 2, "dress": 3, "红": 4, "色": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[unk]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    described(folder, TextTower(file="words.onnx", context_length=LENGTH, lower_case=True))
    word_network(folder / "words.onnx", LENGTH)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_an_added_model_is_an_encoder_like_any_other(tmp_path: Path, settings: Settings) -> None:
    spec = add_described(described(tmp_path / "mine"), settings)
    assert spec == get_spec("colours", settings)
    assert [row.name for row in specs(settings)] == ["efficientnet-lite0", "efficientnet-lite2", "colours"]
    encoder = load("colours", settings)
    pictures = some_pictures(5)
    prepared = [encoder.prepare(picture) for picture in pictures]
    vectors = encoder.encode(pictures)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, colour_vectors(np.stack(prepared)), atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(prepared), vectors)
    assert encoder.encode([]).shape == (0, DIM)
    with ThreadPoolExecutor(4) as pool:
        for row, found in zip(vectors, pool.map(lambda picture: encoder.encode([picture])[0], pictures), strict=True):
            np.testing.assert_allclose(found, row, atol=1e-5)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_pixels_arrive_as_described(layout: str, channels: str, tmp_path: Path, settings: Settings) -> None:
    file = colour_network(tmp_path / "net.onnx", layout=layout, kind=TensorProto.FLOAT)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    description = describe_graph(file, settings, mean=mean, std=std, channels=channels)
    assert description.picture.layout == layout
    add_graph(description, file, settings)
    prepared = fit(some_pictures(1)[0], description.picture)
    colours = prepared[None, ..., :: -1 if channels == "bgr" else 1].astype(np.float64)
    expected = colour_vectors((colours / 255 - np.array(mean)) / np.array(std))
    np.testing.assert_allclose(load("net", settings).encode([prepared]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("rank", "pooling"), [(4, "mean"), (4, "gem"), (3, "mean"), (3, "first")], ids=["map", "gem", "tokens", "first"]
)
def test_pooling_of_feature_maps_and_tokens(rank: int, pooling: str, tmp_path: Path, settings: Settings) -> None:
    file = map_network(tmp_path / "net.onnx", rank)
    add_graph(describe_graph(file, settings, pooling=pooling, mean=(0, 0, 0), std=(1, 1, 1)), file, settings)
    prepared = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    flat = prepared.reshape(-1, 3).astype(np.float64) / 255
    pooled = {"mean": flat.mean(0), "gem": (flat**3).mean(0) ** (1 / 3), "first": flat[0]}[pooling]
    np.testing.assert_allclose(load("net", settings).encode([prepared])[0], pooled / np.linalg.norm(pooled), atol=1e-5)


def test_a_graph_for_one_picture_at_a_time_takes_batches(tmp_path: Path, settings: Settings) -> None:
    file = colour_network(tmp_path / "one.onnx", batch=1)
    add_graph(describe_graph(file, settings), file, settings)
    encoder = load("one", settings)
    prepared = np.stack([encoder.prepare(picture) for picture in some_pictures(5)])
    np.testing.assert_allclose(encoder.encode(list(prepared)), colour_vectors(prepared), atol=1e-5)


def test_words_meet_pictures_and_load_only_when_they_come(tmp_path: Path, settings: Settings) -> None:
    spec = add_described(reading(tmp_path / "mine"), settings)
    assert spec.reads_text
    encoder = load("colours", settings)
    assert isinstance(encoder, DescribedEncoder)
    ids = [[2, 3, 0, 0, 0, 0], [4, 5, 2, 1, 4, 4], [0] * LENGTH]
    found = encoder.encode_texts(["RED dress", "红色 Red nonsense 红 " * 9, ""])
    expected = TABLE[ids].mean(axis=1)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    assert encoder.encode_texts([]).shape == (0, DIM)
    assert np.isfinite(encoder.encode_texts(["\ud83d lone", "\x00"])).all()
    code = (
        "import sys; from pathlib import Path; from yunmeng.config import Settings; from yunmeng.encoders import load\n"
        "load('colours', Settings(models_dir=Path(sys.argv[1]))).encode([]); assert 'tokenizers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(settings.models_dir)], check=True)


def test_words_pass_the_encoder_that_gathers_batches(tmp_path: Path, settings: Settings) -> None:
    add_described(reading(tmp_path / "mine"), settings)
    encoder = load("colours", settings)
    assert isinstance(encoder, DescribedEncoder)
    with BatchingEncoder(encoder) as batching:
        np.testing.assert_array_equal(batching.encode_texts(["red dress"]), encoder.encode_texts(["red dress"]))
    with BatchingEncoder(FakeEncoder()) as batching, pytest.raises(EncoderError, match="fake reads no text"):
        batching.encode_texts(["red"])


def test_one_text_tower_serves_many_threads(tmp_path: Path, settings: Settings) -> None:
    add_described(reading(tmp_path / "mine"), settings)
    encoder = load("colours", settings)
    assert isinstance(encoder, DescribedEncoder)
    before = threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: encoder.encode_texts(["red dress"])[0], range(16)))
    assert threading.active_count() <= before + 2  # one pool of two threads, not one for each caller
    assert all(np.array_equal(row, found[0]) for row in found)


def test_without_the_extra_words_are_refused_in_one_line(tmp_path: Path, settings: Settings) -> None:
    add_described(reading(tmp_path / "mine"), settings)
    code = (
        "import sys; sys.modules['tokenizers'] = None\n"
        "from pathlib import Path; from yunmeng.config import Settings; from yunmeng.encoders import load\n"
        "from yunmeng.errors import MissingExtra\n"
        "encoder = load('colours', Settings(models_dir=Path(sys.argv[1])))\n"
        "try:\n    encoder.encode_texts(['red'])\nexcept MissingExtra as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(settings.models_dir)], check=True, capture_output=True, text=True
    )
    assert 'pip install "yunmeng[words]"' in done.stdout


def test_a_model_without_words_says_so(tmp_path: Path, settings: Settings) -> None:
    add_described(described(tmp_path / "mine"), settings)
    encoder = load("colours", settings)
    assert isinstance(encoder, DescribedEncoder)
    with pytest.raises(EncoderError, match="colours reads no text"):
        encoder.encode_texts(["red"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dim": 7}, "gave 2x5 for 2, where its description promises 2x7"),
        ({"output": "nonsense"}, "no output 'nonsense', only vector"),
        ({"input": "nonsense"}, "no input 'nonsense', only pixels"),
        ({"input_size": 32}, "failed on a batch"),
        ({"layout": "nchw"}, "failed on a batch"),
        ({"pixels": "float32"}, "failed on a batch"),
        ({"pooling": "mean"}, None),
        ({"normalise": False}, "have length .* and not 1: set normalise = true"),
        ({"file": "missing.onnx"}, "missing.onnx"),
    ],
)
def test_a_model_that_is_not_as_described_is_not_added(
    change: dict[str, Any], complaint: str | None, tmp_path: Path, settings: Settings
) -> None:
    folder = described(tmp_path / "mine")
    row = OnnxDescription(name="colours", dim=DIM, picture=PictureTower(file="net.onnx", input_size=SIDE))
    tower = row.picture.model_copy(update={key: value for key, value in change.items() if key != "dim"})
    row = row.model_copy(update={"picture": tower, "dim": change.get("dim", DIM)})
    (folder / "model.toml").write_text(dump_description(row), encoding="utf-8")
    if complaint is None:  # pooling of what is pooled already does nothing
        add_described(folder, settings)
        return
    with pytest.raises(EncoderError, match=complaint) as caught:
        add_described(folder, settings)
    assert "\n" not in str(caught.value)
    assert not list(settings.models_dir.iterdir())
    with pytest.raises(UnknownEncoder):
        load("colours", settings)


def test_values_that_are_no_numbers_are_refused(tmp_path: Path, settings: Settings) -> None:
    file = colour_network(tmp_path / "net.onnx", weight=np.full((3, DIM), np.nan, np.float32))
    with pytest.raises(EncoderError, match="no numbers"):
        add_graph(describe_graph(file, settings), file, settings)


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_file_that_changed_is_refused_with_what_to_do(damage: str, tmp_path: Path, settings: Settings) -> None:
    add_described(described(tmp_path / "mine"), settings)
    file = settings.models_dir / "colours" / "net.onnx"
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:50] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(WeightsError, match=r"net\.onnx.*yunmeng models remove colours, then yunmeng models add"):
        load("colours", settings)


def test_a_broken_description_hides_no_other_model(tmp_path: Path, settings: Settings) -> None:
    add_described(described(tmp_path / "mine"), settings, "good")
    add_described(described(tmp_path / "mine"), settings, "bad")
    file = settings.models_dir / "bad" / "model.toml"
    file.write_text(file.read_text().replace("dim = 5", "dim = -5"))
    assert "good" in [spec.name for spec in specs(settings)]
    assert [name for name, _ in broken_models(settings)] == ["bad"]
    for ask in (get_spec, load):
        with pytest.raises(EncoderError, match="broken at dim"):
            ask("bad", settings)
    (settings.models_dir / "moved").mkdir()
    good = (settings.models_dir / "good" / "model.toml").read_text()
    (settings.models_dir / "moved" / "model.toml").write_text(good)
    with pytest.raises(EncoderError, match="it says 'good', its folder is 'moved'"):
        get_spec("moved", settings)


def test_names_that_are_taken_or_none(tmp_path: Path, settings: Settings) -> None:
    folder = described(tmp_path / "mine")
    add_described(folder, settings)
    with pytest.raises(EncoderError, match="there is a model colours already: yunmeng models remove colours"):
        add_described(folder, settings)
    with pytest.raises(EncoderError, match="efficientnet-lite2 is built in"):
        add_described(folder, settings, "efficientnet-lite2")
    for name in ("../out", "", ".hidden", "a/b", "x" * 101):
        with pytest.raises(EncoderError, match="cannot be called"):
            add_described(folder, settings, name)
    assert [path.name for path in settings.models_dir.iterdir()] == ["colours"]


def test_what_is_removed_is_gone(tmp_path: Path, settings: Settings) -> None:
    add_described(described(tmp_path / "mine"), settings)
    added.remove_added("colours", settings)
    assert not list(settings.models_dir.iterdir())
    for name in ("colours", "efficientnet-lite2"):
        with pytest.raises(EncoderError, match="models list"):
            added.remove_added(name, settings)


def test_digests_in_the_users_own_description_are_held_to(tmp_path: Path, settings: Settings) -> None:
    folder = described(tmp_path / "mine")
    text = (folder / "model.toml").read_text()
    wrong = f'"net.onnx" = "{"0" * 64}"'
    (folder / "model.toml").write_text(text.replace("[files]", f"[files]\n{wrong}"))
    with pytest.raises(EncoderError, match=r"net\.onnx is not the file that the description means"):
        add_described(folder, settings)


@pytest.mark.parametrize("where", ["file", "below a file"])
def test_a_models_dir_that_cannot_be_written_names_the_setting(where: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    models_dir = tmp_path / "taken" / ("" if where == "file" else "models")
    with pytest.raises(EncoderError, match="YUNMENG_MODELS_DIR"):
        add_described(described(tmp_path / "mine"), Settings(models_dir=models_dir))


FULL_DISK = """
import resource, sys
from pathlib import Path
from yunmeng.config import Settings
from yunmeng.encoders.adding import add_described
from yunmeng.errors import EncoderError
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # the copy fails half-way, as on a full disk
try:
    add_described(Path(sys.argv[1]), Settings(models_dir=Path(sys.argv[2])))
except EncoderError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, settings: Settings) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(described(tmp_path / "mine")), str(settings.models_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "YUNMENG_MODELS_DIR" in done.stdout, done.stderr
    assert not list(settings.models_dir.iterdir())


def test_a_draft_of_a_killed_process_is_no_model_and_is_swept_later(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(KeyboardInterrupt), workplace("late", settings) as place:
        raise KeyboardInterrupt
    assert not place.folder.exists()
    old = settings.models_dir / ".adding-old"
    described(old)
    os.utime(old, (0, 0))
    assert len(specs(settings)) == 2
    add_described(described(tmp_path / "mine"), settings)
    assert not old.exists()


def test_two_that_add_the_same_name_at_once_leave_one_model(tmp_path: Path, settings: Settings) -> None:
    folder = described(tmp_path / "mine")

    def add(_: int) -> str:
        try:
            return add_described(folder, settings).name
        except EncoderError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(add, range(4)))
    assert results.count("colours") == 1, results
    assert sum("there is a model colours already" in result for result in results) == 3, results
    assert load("colours", settings).spec.dim == DIM


@pytest.mark.parametrize(
    ("graph", "options", "complaint"),
    [
        ({"side": "s"}, {}, "takes any size: give the one to use, as --input-size 224"),
        ({"kind": TensorProto.FLOAT16}, {}, "takes float16"),
        ({"weight": np.zeros((3, 5), np.float32)}, {"output": "other"}, "no output 'other'"),
        ({}, {"name": "bad name"}, "name"),
    ],
)
def test_a_graph_that_says_too_little(
    graph: dict[str, Any], options: dict[str, Any], complaint: str, tmp_path: Path, settings: Settings
) -> None:
    file = colour_network(tmp_path / "net.onnx", **graph)
    with pytest.raises(EncoderError, match=complaint):
        describe_graph(file, settings, **options)


def test_a_graph_describes_itself(tmp_path: Path, settings: Settings) -> None:
    open_size = colour_network(tmp_path / "My net (1).onnx", side="s", layout="nchw", kind=TensorProto.FLOAT)
    description = describe_graph(open_size, settings, input_size=20)
    assert (description.name, description.dim, description.picture.input_size) == ("My-net--1-", DIM, 20)
    assert description.picture.mean == (0.485, 0.456, 0.406)
    fixed = describe_graph(colour_network(tmp_path / "fixed.onnx"), settings).picture
    assert (fixed.input_size, fixed.pixels, fixed.layout) == (SIDE, "uint8", "nhwc")
    (tmp_path / "broken.onnx").write_bytes(b"nonsense")
    with pytest.raises(EncoderError, match="cannot load"):
        describe_graph(tmp_path / "broken.onnx", settings)
    with pytest.raises(EncoderError, match="no such file"):
        describe_graph(tmp_path / "absent.onnx", settings)


def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path, settings: Settings) -> None:
    folder = reading(tmp_path / "mine")
    (folder / "tokenizer.json").write_text(json.dumps({"model": 3}))
    with pytest.raises(EncoderError, match=r"tokenizer\.json is not a tokenizer\.json"):
        add_described(folder, settings)
