"""The search for duplicates of a whole library, from its records to groups."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Final

import numpy as np

from yunmeng.apps.duplicates.groups import grouped
from yunmeng.apps.duplicates.judging import Judge
from yunmeng.apps.duplicates.keep import rank, share_that_counts
from yunmeng.apps.duplicates.pairs import RADIUS, candidates
from yunmeng.apps.duplicates.reading import Gathered, gathered
from yunmeng.apps.duplicates.types import (
    DuplicateGroup,
    DuplicateReport,
    DuplicateTally,
    KeepRule,
    Member,
    OnTally,
    Reason,
)
from yunmeng.config import cores
from yunmeng.imaging.fingerprint import hamming
from yunmeng.net.fetch import is_url
from yunmeng.stores.protocol import Store
from yunmeng.types import Record
from yunmeng.vectors.exact import nearest

__all__ = ["find_duplicates"]

_AT_ONCE: Final = 1000
"""Pictures of groups that are looked up together."""


def find_duplicates(
    store: Store,
    dim: int,
    original: Callable[[str], bytes],
    folder: Path,
    *,
    keep: KeepRule = "largest",
    max_pixels: int,
    on_tally: OnTally = lambda _: None,
    stop: threading.Event | None = None,
) -> DuplicateReport:
    """Return the groups of pictures in ``store``, whose vectors have ``dim`` numbers, that are the same.

    Files with the same bytes are the same, and so are pictures with close fingerprints and vectors. Other pairs with
    close vectors are read, laid over each other and compared; where a file cannot be read, only very close vectors
    count.

    Args:
        store: The pictures.
        dim: The length of their vectors.
        original: Returns the bytes of the picture with an id, or raises.
        folder: Where two bytes for each number of each vector are written during the search.
        keep: Which picture of a group is proposed to stay.
        max_pixels: The largest picture that is decoded.
        on_tally: Called with the progress.
        stop: Ends the search soon, without groups, once it is set.

    Raises `MissingExtra`, `StoreError`.
    """
    began = time.monotonic()
    stop = stop or threading.Event()
    tally = DuplicateTally(total=store.count())

    def told(done: int) -> None:
        tally.done = done
        on_tally(replace(tally))

    def enters(phase: str, total: int) -> None:
        tally.phase, tally.total = phase, total  # type: ignore[assignment]  # one of the three
        told(0)

    with gathered(store.iterate(vectors=True), dim, folder, told, stop) as rows:
        enters("pairing", len(rows.ids))
        found = candidates(rows, told, stop)
        enters("verifying", len(found.pairs))
        judge = Judge(lambda row: original(rows.ids[row]), RADIUS, max_pixels)
        groups = grouped(found, judge, cores(), told, stop)
        ids = [] if stop.is_set() else list(_ids(groups, rows))
    describing = _described(ids, store, keep, lambda id: share_that_counts(original, id, max_pixels))
    described = list(takewhile(lambda _: not stop.is_set(), describing))  # looking for frames reads files
    interrupted = stop.is_set()
    if interrupted:
        described.clear()
    described.sort(key=lambda group: (-len(group.members), group.keep))
    return DuplicateReport(described, rows.pictures, time.monotonic() - began, interrupted)


def _ids(groups: Sequence[Sequence[int]], rows: Gathered) -> Iterator[list[str]]:
    """The ids of each group, with all that have the bytes of one of it."""
    paired: set[int] = set()
    for group in groups:
        paired.update(group)
        yield [id for row in group for id in (rows.ids[row], *rows.twins.get(row, ()))]
    for row, twins in rows.twins.items():
        if row not in paired:
            yield [rows.ids[row], *twins]


def _described(
    groups: Sequence[Sequence[str]], store: Store, keep: KeepRule, share: Callable[[str], float]
) -> Iterator[DuplicateGroup]:
    """The groups with what is to be said of each picture, without those that have gone since."""
    batch: list[Sequence[str]] = []
    for number, group in enumerate(groups, 1):
        batch.append(group)
        if number < len(groups) and sum(map(len, batch)) < _AT_ONCE:
            continue
        records = store.get([id for ids in batch for id in ids], vectors=True)
        for ids in batch:
            there = [records[id] for id in ids if id in records]
            if len(there) > 1:
                yield _group(there, keep, share)
        batch.clear()


def _group(records: Sequence[Record], keep: KeepRule, share: Callable[[str], float]) -> DuplicateGroup:
    files = [_file(record) for record in records]
    vectors = np.stack([record.vector for record in records if record.vector is not None])
    found = nearest(vectors, vectors, 2)
    own = found.rows == np.arange(len(records))[:, None]
    scores = np.where(own[:, 0], found.values[:, 1], found.values[:, 0]).tolist()
    by_share = keep == "largest" and any(_reason(record, records[0]) == "edited-copy" for record in records)
    contents = {record.sha256 or record.id: record.id for record in records} if by_share else {}
    shares = {content: share(id) for content, id in contents.items()}  # each is read once, however many have its bytes
    ranks = [
        (*rank(record, file, keep, shares.get(record.sha256 or record.id, 1.0)), len(record.id), record.id)
        for record, file in zip(records, files, strict=True)
    ]
    order = sorted(range(len(records)), key=ranks.__getitem__)
    kept = records[order[0]]
    return DuplicateGroup(
        tuple(
            Member(
                id=records[place].id,
                reason=_reason(records[place], kept if place != order[0] else records[order[1]]),
                score=scores[place],
                width=records[place].width,
                height=records[place].height,
                bytes=None if (file := files[place]) is None else file.st_size,
            )
            for place in order
        )
    )


def _file(record: Record) -> os.stat_result | None:
    if is_url(record.uri):
        return None
    try:
        return os.stat(record.uri)  # noqa: PTH116  a uri may hold what pathlib would normalise
    except (OSError, ValueError):
        return None


def _reason(record: Record, other: Record) -> Reason:
    if record.sha256 == other.sha256:
        return "same-file"
    close = len(record.pdq) == len(other.pdq) == 64 and hamming(record.pdq, other.pdq) <= RADIUS
    return "same-picture" if close else "edited-copy"
