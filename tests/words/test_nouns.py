"""The table of nouns, on a small one made here and on the one that the package carries."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.encoders import class_names
from yunmeng.encoders.text.nouns import Nouns, nouns, plain

# synsets: 0 thing > 1 animal > 2 dog > 3 poodle, 4 beagle; 1 animal > 5 cat; 0 thing > 6 tool > 7 hammer
PARENTS = [[], [0], [1], [2], [2], [1], [0], [6]]
INFORMATION = [0.0, 0.25, 0.5, 1.0, 1.0, 1.0, 0.5, 1.0]
LEMMAS = {"animal": [1], "dog": [2, 7], "hammer": [7], "poodle": [3], "puppy": [2], "saw": [6], "cat": [5]}
CLASSES = [3, 4, 5, 7]  # poodle, beagle, cat, hammer


def made() -> Nouns:
    names = sorted(LEMMAS)
    file = io.BytesIO()
    np.savez(
        file,
        lemmas=np.frombuffer("\n".join(names).encode(), np.uint8),
        sense_ends=np.cumsum([len(LEMMAS[name]) for name in names]).astype(np.int32),
        senses=np.array([sense for name in names for sense in LEMMAS[name]], np.uint16),
        parent_ends=np.cumsum([len(parents) for parents in PARENTS]).astype(np.int32),
        parents=np.array([parent for parents in PARENTS for parent in parents], np.uint16),
        information=np.array(INFORMATION, np.float16),
        classes=np.array(CLASSES, np.uint16),
    )
    return Nouns(file.getvalue())


@pytest.mark.parametrize(
    ("text", "nearness"),
    [
        ("poodle", [1, 2 * 0.5 / 2, 2 * 0.25 / 2, 0]),
        ("puppy", [1, 1, 2 * 0.25 / 1.5, 0]),
        ("animal", [1, 1, 1, 0]),
        ("saw", [0, 0, 0, 1]),
        ("dog", [1, 1, 2 * 0.25 / 1.5, 0.9]),  # its second sense is the hammer
        ("POODLES", [1, 2 * 0.5 / 2, 2 * 0.25 / 2, 0]),
        ("a photo of the small poodle", [0.9, 2 * 0.5 / 2 - 0.1, 2 * 0.25 / 2 - 0.1, 0]),
        ("table", [0, 0, 0, 0]),
        ("", [0, 0, 0, 0]),
    ],
)
def test_nearness_is_lins_over_the_best_sense(text: str, nearness: list[float]) -> None:
    np.testing.assert_allclose(made().nearness(text), nearness, atol=1e-6)


def best(text: str, count: int = 1) -> list[str]:
    near = nouns().nearness(text)
    return [class_names()[index].split(", ")[0] for index in np.argsort(-near, kind="stable")[:count]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("emu", "ostrich"),
        ("euphonium", "cornet"),
        ("T-shirts", "jersey"),
        ("café", "restaurant"),
        ("jack-o'-lantern", "jack-o'-lantern"),
        ("jack o lantern", "jack-o'-lantern"),
        ("moped", "moped"),
        ("tea pot", "teapot"),
    ],
)
def test_a_noun_is_nearest_to_its_class_or_to_its_kin(text: str, name: str) -> None:
    assert name in best(text, 3)


@pytest.mark.parametrize(("text", "classes"), [("dog", 118), ("bird", 59), ("snake", 17)])
def test_a_kind_is_all_of_its_classes(text: str, classes: int) -> None:
    assert np.count_nonzero(nouns().nearness(text) == 1) == pytest.approx(classes, abs=3)


@pytest.mark.parametrize(
    ("young", "grown"), [("puppy", "dog"), ("kitten", "domestic cat"), ("chick", "bird"), ("cygnet", "swan")]
)
def test_the_young_are_of_their_kind(young: str, grown: str) -> None:
    assert nouns().nearness(young)[nouns().nearness(grown) == 1].min() >= 0.9


def test_each_class_is_near_to_each_of_its_names() -> None:
    missed = [
        word
        for index, name in enumerate(class_names())
        for word in name.split(", ")
        if nouns().nearness(word.split(" (")[0])[index] < 0.6
    ]
    assert missed == []


@given(st.text())
def test_any_text_can_be_looked_up(text: str) -> None:
    near = nouns().nearness(text)
    assert near.shape == (1000,)
    assert near.dtype == np.float32
    assert near.min() >= 0
    assert near.max() <= 1
    assert plain(plain(text)) == plain(text)
