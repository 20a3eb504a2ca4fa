"""Tables in text, as records of cells. A badly written record spoils no other."""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

__all__ = ["cells_of", "records"]

MOST_LINES: Final = 1000
"""Lines that a cell may have: a quote that is not closed makes one of all that follow."""

_NOT_CLOSED: Final = "a quoted cell is not closed"


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a record on one line. Raises `csv.Error`."""
    return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])


def records(
    lines: Iterable[tuple[int, str]], delimiter: str, width: int, is_record: Callable[[list[str]], bool]
) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the records among numbered ``lines``, each with the number of its first line: its cells, or a complaint.

    A quoted cell may have several lines. If one is not closed, or not closed properly, only the line where it begins is
    lost; the next record begins on the next line. ``is_record`` recognises cells that are certainly a record of their
    own: a quoted cell that would contain such a line counts as not closed.
    """
    source, again = iter(lines), deque[tuple[int, str]]()

    def next_line() -> tuple[int, str] | None:
        return again.popleft() if again else next(source, None)

    while first := next_line():
        following: list[tuple[int, str]] = []
        try:
            cells = _record(first[1], next_line, following, delimiter, is_record)
        except csv.Error as exc:
            again.extendleft(reversed(following))
            yield first[0], _complaint(exc)
        else:
            if following and len(cells) > width:  # a quote far below has closed it by chance
                again.extendleft(reversed(following))
                yield first[0], _NOT_CLOSED
            else:
                yield first[0], cells


def _record(
    line: str,
    next_line: Callable[[], tuple[int, str] | None],
    following: list[tuple[int, str]],
    delimiter: str,
    is_record: Callable[[list[str]], bool],
) -> list[str]:
    def feed() -> Iterator[str]:
        yield line
        while len(following) < MOST_LINES and (more := next_line()):
            following.append(more)
            if is_record(_cells_or_none(more[1], delimiter)):
                return
            yield more[1]

    return next(csv.reader(feed(), delimiter=delimiter, strict=True, skipinitialspace=True), [])


def _cells_or_none(line: str, delimiter: str) -> list[str]:
    try:
        return cells_of(line, delimiter)
    except csv.Error:
        return []


def _complaint(error: csv.Error) -> str:
    said = str(error)
    if "end of data" in said:
        return _NOT_CLOSED
    if "expected after" in said:
        return "a quote within a quoted cell must be doubled"
    if "field limit" in said:
        return f"a cell has more than {csv.field_size_limit():,} characters"
    return said
