"""Registers of a few works."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import paint
from yunmeng.apps.copyright import Works
from yunmeng.library import Library
from yunmeng.types import Record


@pytest.fixture
def works(library: Library) -> Works:
    return Works(library)


@pytest.fixture
def touch(library: Library) -> Callable[..., None]:
    """Runs SQL on the state database, as somebody would who goes behind Yunmeng's back."""

    def touch(*statements: str, values: tuple[Any, ...] = ()) -> None:
        with library.state.transaction() as session:
            connection = session.connection()
            sign = "?" if connection.dialect.name == "sqlite" else "%s"
            for statement in statements:
                connection.exec_driver_sql(statement.replace("?", sign), values)

    return touch


def picture(seed: int) -> bytes:
    """A picture file that only ``seed`` decides."""
    import io

    stream = io.BytesIO()
    paint(seed).save(stream, "PNG")
    return stream.getvalue()


def register(library: Library, works: Works, count: int) -> Iterator[int]:
    """Register so many pictures one by one, and yield the numbers of the works."""
    for seed in range(count):
        library.add(picture(seed), id=f"{seed:03}")
        yield works.register(record(library, f"{seed:03}"), owner="林", title=f"第 {seed} 张").number


def record(library: Library, id: str) -> Record:
    return library.get(id)
