"""Hits come back as they were."""

from dataclasses import fields
from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.search.cache import pack_hits, unpack_hits
from yunmeng.types import Alignment, Band, Contribution, Hit, Region

NUMBERS = st.floats(allow_nan=False)
TEXTS = st.text(st.characters() | st.sampled_from("\udcff\ud800\n\0\"'"))
ALIGNMENTS = st.builds(
    Alignment,
    inliers=st.integers(),
    transform=st.tuples(*[NUMBERS] * 9),
    mirrored=st.booleans(),
    outline=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5).map(tuple),
    query_overlap=NUMBERS,
    target_overlap=NUMBERS,
)
HITS = st.builds(
    Hit,
    id=TEXTS,
    score=NUMBERS,
    uri=TEXTS,
    attributes=st.dictionaries(
        TEXTS, TEXTS | st.integers() | NUMBERS | st.booleans() | st.none() | st.lists(TEXTS, max_size=3), max_size=4
    ),
    chance=st.none() | NUMBERS,
    band=st.none() | st.sampled_from(get_args(Band)),
    region=st.none() | st.builds(Region, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    alignment=st.none() | ALIGNMENTS,
    explanation=st.lists(st.builds(Contribution, TEXTS, NUMBERS, st.integers()), max_size=3).map(tuple),
    recoloured=st.booleans(),
)


@given(st.lists(HITS, max_size=4))
def test_hits_come_back_as_they_were(hits: list[Hit]) -> None:
    again = unpack_hits(pack_hits(hits))
    assert again == hits
    assert repr(again) == repr(hits)  # 1 is no 1.0, and a region no list


def test_every_field_is_tried() -> None:
    tried = {"id", "score", "uri", "attributes", "chance", "band", "region", "alignment", "explanation", "recoloured"}
    assert {field.name for field in fields(Hit)} == tried, "add the new field to HITS"


def test_numbers_of_numpy_become_plain_ones() -> None:
    (hit,) = unpack_hits(pack_hits([Hit("a", np.float32(0.5), "", {"n": np.int64(3)})]))  # type: ignore[arg-type, dict-item]
    assert (hit.score, hit.attributes) == (0.5, {"n": 3})
