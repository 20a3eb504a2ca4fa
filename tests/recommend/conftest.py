"""A library of made-up vectors in groups, and events about them."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from yunmeng.apps.recommend import Recommender
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.imaging.quality import assess
from yunmeng.library import Library
from yunmeng.types import AttributeSchema, Record

GROUPS = ("cats", "cars", "hats", "ships")
EACH = 20
QUALITY = assess(np.zeros((10, 10, 3), np.uint8), width=10, height=10)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def group_vectors(dim: int, groups: int, each: int) -> np.ndarray:
    """L2-normalised vectors, (groups * each, dim): those of a group are alike, and all have a part in common."""
    random = np.random.default_rng(7)
    common, centres = random.normal(size=dim), random.normal(size=(groups, dim))
    vectors = np.repeat(centres, each, axis=0) + common + 0.5 * random.normal(size=(groups * each, dim))
    normal: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return normal


def records(dim: int, groups: tuple[str, ...] = GROUPS, each: int = EACH) -> list[Record]:
    """Records cats/00, cats/01 and so on, with the attributes category and price."""
    names = [(group, number) for group in groups for number in range(each)]
    return [
        Record(
            id=f"{group}/{number:02}",
            uri=f"/gone/{group}/{number:02}",
            sha256=hashlib.sha256(f"{group}{number}".encode()).hexdigest(),
            phash="0" * 16,
            pdq="0" * 64,
            width=10,
            height=10,
            quality=dict(QUALITY),
            attributes={"category": group, "price": float(number)},
            vector=vector,
        )
        for (group, number), vector in zip(names, group_vectors(dim, len(groups), each), strict=True)
    ]


@pytest.fixture
def shop(tmp_path: Path, settings: Settings, state_url: str) -> Iterator[Library]:
    """A library of 80 pictures of four kinds."""
    attributes: AttributeSchema = {"category": "str", "price": "float"}
    with Library.create(
        tmp_path / "shop", FakeEncoder(), attributes, settings, store="memory:", state=state_url
    ) as library:
        library.generation.store.upsert(records(library.config.encoder.dim))
        yield library


@pytest.fixture
def recommender(shop: Library) -> Recommender:
    return Recommender(shop)
