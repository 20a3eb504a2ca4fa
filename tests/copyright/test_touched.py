"""Whatever is done to the register behind its back is found, and where."""

import random
from collections.abc import Callable

import pytest

from tests.copyright.conftest import picture, register
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.merkle import leaf_hash, peaks_of, peaks_root
from yunmeng.apps.copyright.types import Problem, TreeHead
from yunmeng.errors import StateError
from yunmeng.library import Library

COUNT = 13


@pytest.fixture
def head(library: Library, works: Works) -> TreeHead:
    """The tree head of 13 works."""
    list(register(library, works, COUNT))
    assert works.verify(works.head()).sound
    return works.head()


def told(works: Works, earlier: TreeHead | None = None) -> list[tuple[str, int | None, int | None]]:
    return [(problem.kind, problem.number, problem.last) for problem in works.verify(earlier).problems]


def rows(works: Works) -> list[tuple[int, bytes, bytes]]:
    return [(row.number, row.content, row.leaf) for row in works._tables.raw_entries()]


def names(problems: "list[Problem]", number: int) -> bool:
    return any(
        problem.number is not None and problem.number <= number <= (problem.last or problem.number)
        for problem in problems
    )


def test_a_changed_byte_anywhere_is_found(head: TreeHead, works: Works, touch: Callable[..., None]) -> None:
    chance = random.Random(7)
    for number, content, leaf in rows(works):
        for column, data in (("content", content), ("leaf", leaf)):
            for _ in range(4):
                at = chance.randrange(len(data))
                other = bytes([*data[:at], data[at] ^ chance.randrange(1, 256), *data[at + 1 :]])
                sql = f"UPDATE copyright_entries SET {column} = ? WHERE number = {number}"
                touch(sql, values=(other,))
                assert ("changed", number, None) in told(works), (column, at)
                assert len(works.verify().problems) <= 2
                touch(sql, values=(data,))
    assert works.verify(head).sound


@pytest.mark.parametrize("column", ["size", "root", "peaks"])
def test_a_changed_tree_head_is_found(
    head: TreeHead, works: Works, touch: Callable[..., None], column: str, library: Library
) -> None:
    touch(f"UPDATE copyright_head SET {column} = {'11' if column == 'size' else 'zeroblob(32)'}")
    (problem,) = works.verify().problems
    assert problem.kind == "head"
    assert column in problem.detail
    library.add(picture(99), id="new")
    with pytest.raises(StateError, match="was touched"):
        works.register(library.get("new"), owner="Lin")


@pytest.mark.parametrize("number", [1, 6, COUNT])
def test_a_removed_entry_is_found(head: TreeHead, works: Works, touch: Callable[..., None], number: int) -> None:
    touch(f"DELETE FROM copyright_entries WHERE number = {number}")
    assert told(works) == [("missing", number, None)]


def test_several_removed_entries_are_told_together(head: TreeHead, works: Works, touch: Callable[..., None]) -> None:
    touch("DELETE FROM copyright_entries WHERE number IN (3, 4, 5, 12, 13)")
    assert told(works) == [("missing", 3, 5), ("missing", 12, 13)]


@pytest.mark.parametrize(("one", "other"), [(1, 2), (4, 11), (12, 13)])
def test_swapped_entries_are_found(
    head: TreeHead, works: Works, touch: Callable[..., None], one: int, other: int
) -> None:
    touch(
        f"UPDATE copyright_entries SET number = -1 WHERE number = {one}",
        f"UPDATE copyright_entries SET number = {one} WHERE number = {other}",
        f"UPDATE copyright_entries SET number = {other} WHERE number = -1",
    )
    found = told(works)
    assert ("moved", one, None) in found
    assert ("moved", other, None) in found
    assert {number for _, number, _ in found} <= {one, other}


@pytest.mark.parametrize("number", [1, 5, COUNT])
def test_an_entry_that_was_written_anew_with_its_hash_is_found(
    head: TreeHead, works: Works, touch: Callable[..., None], number: int
) -> None:
    content = rows(works)[number - 1][1].replace("林".encode(), "王".encode())
    sql = f"UPDATE copyright_entries SET content = ?, leaf = ? WHERE number = {number}"
    touch(sql, values=(content, leaf_hash(content)))
    assert names([*works.verify().problems], number)


def test_a_register_that_was_written_anew_is_found_with_an_earlier_head(
    head: TreeHead, works: Works, touch: Callable[..., None], library: Library
) -> None:
    import json

    from yunmeng.apps.copyright.tables import canonical

    leaves, previous = [], "0" * 64
    for number, content, _ in rows(works):
        other = canonical({**json.loads(content), "previous": previous, "owner": "王"})
        leaves.append(leaf_hash(other))
        previous = leaves[-1].hex()
        sql = f"UPDATE copyright_entries SET content = ?, leaf = ? WHERE number = {number}"
        touch(sql, values=(other, leaves[-1]))
    peaks = peaks_of(leaves)
    touch("UPDATE copyright_head SET root = ?, peaks = ?", values=(peaks_root(peaks), b"".join(peaks)))
    assert works.verify().sound
    assert told(works, head) == [("earlier", None, None)]
    touch("DELETE FROM copyright_entries", "DELETE FROM copyright_head")
    assert works.verify().sound
    assert told(works, head) == [("earlier", None, None)]


def test_other_rows_are_found(head: TreeHead, works: Works, touch: Callable[..., None]) -> None:
    touch("UPDATE copyright_entries SET number = 4000000000 WHERE number = 6")
    assert told(works) == [("missing", 6, None), ("moved", 4000000000, None)]
    touch("UPDATE copyright_entries SET number = 6 WHERE number = 4000000000")
    touch("INSERT INTO copyright_entries SELECT 14, content, leaf FROM copyright_entries WHERE number = 13")
    assert ("moved", 14, None) in told(works)
    touch(
        "DELETE FROM copyright_entries WHERE number = 14", "UPDATE copyright_entries SET content = 'x' WHERE number = 2"
    )
    assert told(works) == [("changed", 2, None)]


def test_a_missing_tree_head_is_found(head: TreeHead, works: Works, touch: Callable[..., None]) -> None:
    touch("DELETE FROM copyright_head")
    assert told(works) == [("head", None, None)]


def test_an_earlier_head_stays_good_while_the_register_grows(head: TreeHead, works: Works, library: Library) -> None:
    library.add(picture(99), id="new")
    works.register(library.get("new"), owner="Lin")
    assert works.verify(head).sound
    assert told(works, TreeHead(head.size, bytes(32))) == [("earlier", None, None)]
    assert told(works, TreeHead(99, head.root)) == [("earlier", None, None)]


def test_nothing_is_read_from_a_touched_register_as_if_it_were_good(
    head: TreeHead, library: Library, works: Works, touch: Callable[..., None]
) -> None:
    content = rows(works)[4][1].replace("林".encode(), "王".encode())
    touch("UPDATE copyright_entries SET content = ? WHERE number = 5", values=(content,))
    again = Works(library)
    for read in (again.all, again.export, lambda: again.prove(5)):
        with pytest.raises(StateError, match="verify says where"):
            read()
