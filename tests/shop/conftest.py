"""Catalogues and shops with made-up pictures."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.conftest import paint
from yunmeng.apps.shop.service import Shop
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

Rows: TypeAlias = Sequence[Mapping[str, Any]]
Write: TypeAlias = Callable[..., Path]


@pytest.fixture
def library(tmp_path: Path, encoder: FakeEncoder, settings: Settings, state_url: str) -> Iterator[Library]:
    """An empty library without attributes."""
    with Library.create(tmp_path / "library", encoder, settings=settings, state=state_url) as library:
        yield library


@pytest.fixture
def shop(library: Library) -> Shop:
    return Shop(library)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the pictures 0.png to 29.png."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for seed in range(30):
        paint(seed).save(folder / f"{seed}.png")
    return folder


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a catalogue as CSV beside the pictures."""

    def write(rows: Rows, name: str = "catalogue.csv", encoding: str = "utf-8", delimiter: str = ",") -> Path:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        file = folder / name
        file.write_bytes(text.getvalue().encode(encoding))
        return file

    return write


CATEGORIES = ("women/shoes/boots", "women/shoes/sandals", "men/hats")


def row(number: int, **other: Any) -> dict[str, Any]:
    """A product that only ``number`` decides, with the picture of this number."""
    return {
        "id": f"p{number}",
        "title": f"Product {number}",
        "price": f"{10 + number}.50",
        "currency": "EUR",
        "category": CATEGORIES[number % 3],
        "brand": "Ada" if number % 2 else "Bela",
        "link": f"https://shop.example/p{number}",
        "stock": number % 4,
        "image": f"{number}.png",
        **other,
    }
