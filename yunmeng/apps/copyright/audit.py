"""Recomputes the register and names what was touched."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from yunmeng.apps.copyright.merkle import DIGEST, appended, leaf_hash, peaks_of, peaks_root
from yunmeng.apps.copyright.tables import FIRST_PREVIOUS, RawEntry, RawHead, split
from yunmeng.apps.copyright.types import Problem, ProblemKind, TreeHead, Verification

__all__ = ["CheckStamp", "audit"]

CheckStamp = Callable[[Mapping[str, Any]], str | None]
"""Checks the signature of a time stamp: None if it is good, else what is wrong. Raises `LookupError` if it cannot."""


def audit(
    entries: Iterable[RawEntry],
    heads: Sequence[RawHead],
    check_stamp: CheckStamp,
    earlier: TreeHead | None = None,
) -> Verification:
    """Recompute every hash of the register, and its tree head; ``earlier`` is a head that somebody has kept elsewhere.

    ``entries`` come by number.
    """
    audited = _Audit(check_stamp, earlier)
    for entry in entries:
        audited.add(entry)
    return audited.finish(heads)


class _Audit:
    """What has been seen of the entries so far."""

    def __init__(self, check_stamp: CheckStamp, earlier: TreeHead | None) -> None:
        self._check_stamp = check_stamp
        self._earlier = earlier
        self._problems: list[Problem] = []
        self._next = 1
        self._leaves: list[bytes] = []  # as they are kept
        self._computed: dict[int, bytes] = {}  # by place, where these are others
        self._peaks: list[bytes] = []
        self._previous = {FIRST_PREVIOUS}  # what the next entry may name; empty: anything
        self._timestamps = self._unchecked = 0

    def add(self, row: RawEntry) -> None:
        """Check one row, and that it follows the one before it."""
        content = _parsed(row.content)
        leaf = leaf_hash(row.content) if isinstance(row.content, bytes) else b""
        intact = bool(content) and leaf == row.leaf
        moved = intact and content.get("number") != row.number
        if moved or row.number < 1:
            told = _shown(content.get("number"))
            self._tell("moved", row.number, f"the row of entry {row.number} holds entry {told}")
        if row.number < 1 or (moved and row.number != self._next):
            return
        if row.number > self._next:
            self._tell_missing(row.number - 1)
            self._previous = set()
        if not intact:
            self._computed[len(self._leaves)] = leaf
            self._tell("changed", row.number, f"entry {row.number} does not have the hash that is kept beside it")
        elif not moved:
            self._check_content(row.number, content)
        self._go_on(row, moved=moved)

    def finish(self, heads: Sequence[RawHead]) -> Verification:
        """Check the tree head."""
        self._check_earlier()
        size = self._next - 1
        if heads or size:
            self._check_head(heads, size)
        leaves = [self._computed.get(place, leaf) for place, leaf in enumerate(self._leaves)]
        head = TreeHead(size, peaks_root(peaks_of(leaves)))
        problems = sorted(self._problems, key=lambda problem: (problem.number is None, problem.number or 0))
        return Verification(head, problems, self._timestamps, self._unchecked)

    def _check_content(self, number: int, content: Mapping[str, Any]) -> None:
        if self._previous and content.get("previous") not in self._previous:
            what = f"entry {number} does not follow entry {number - 1}: one of them was written anew"
            self._tell("rewritten", max(number - 1, 1), what, number)
        if content.get("kind") == "timestamp":
            self._check_timestamp(number, content)

    def _go_on(self, row: RawEntry, *, moved: bool) -> None:
        kept = row.leaf if isinstance(row.leaf, bytes) and len(row.leaf) == DIGEST else b""
        computed = self._computed.get(len(self._leaves), kept)
        self._previous = set() if moved else {leaf.hex() for leaf in (kept, computed) if leaf}
        self._peaks = appended(self._peaks, len(self._leaves), kept)
        self._leaves.append(kept)
        self._next = row.number + 1
        if self._earlier is not None and self._earlier.size == row.number == len(self._leaves):
            self._check_earlier()

    def _check_timestamp(self, number: int, content: Mapping[str, Any]) -> None:
        self._timestamps += 1
        if content.get("head") != TreeHead(number - 1, peaks_root(self._peaks)).as_dict():
            if not self._problems:  # else it is they that differ
                self._tell("timestamp", number, f"time stamp {number} is of other entries than those before it")
            return
        try:
            wrong = self._check_stamp(content)
        except LookupError:
            self._unchecked += 1
        else:
            if wrong is not None:
                self._tell("timestamp", number, f"time stamp {number} is not good: {wrong}")

    def _check_earlier(self) -> None:
        """Compare the tree so far with the earlier head, once."""
        earlier, self._earlier = self._earlier, None
        if earlier is None:
            return
        if earlier.size > len(self._leaves):
            what = f"there were {earlier.size:,} entries before, and there are {len(self._leaves):,} now"
            self._tell("earlier", None, what)
        elif earlier.size and peaks_root(self._peaks) != earlier.root:
            self._tell("earlier", None, f"the first {earlier.size:,} entries are not those of the earlier tree head")

    def _check_head(self, heads: Sequence[RawHead], size: int) -> None:
        if len(heads) != 1 or heads[0].id != 1:
            self._tell("head", None, "the tree head is missing" if not heads else "there are other tree heads than one")
            return
        _, kept_size, root, joined = heads[0]
        peaks = split(joined) if isinstance(joined, bytes) else []
        if self._head_fits(size, kept_size, root, peaks):
            return
        if not isinstance(kept_size, int) or len(peaks) != kept_size.bit_count() or peaks_root(peaks) != root:
            self._tell("head", None, "the parts of the tree head do not fit: it was changed")
        elif kept_size > size:
            self._tell_missing(kept_size)
        elif kept_size < size:
            what = f"the tree head is of {kept_size:,} entries: those behind were added without it"
            self._tell("head", kept_size + 1, what, size)
        elif not self._problems:
            begin, end = self._first_difference(peaks, size)
            self._tell("rewritten", begin, f"entries {begin} to {end} are not those of the tree head", end)

    def _head_fits(self, size: int, kept_size: object, root: object, peaks: list[bytes]) -> bool:
        """Return whether at least two of the head's three parts are those of the entries, and tell of the third."""
        for leaves in (self._leaves, [self._computed.get(at, leaf) for at, leaf in enumerate(self._leaves)]):
            found = peaks_of(leaves)
            fits = {"size": kept_size == size, "root": root == peaks_root(found), "peaks": peaks == found}
            wrong = [name for name, fit in fits.items() if not fit]
            if len(wrong) < 2:
                self._problems += [Problem("head", None, f"the {name} of the tree head was changed") for name in wrong]
                return True
        return False

    def _first_difference(self, peaks: Sequence[bytes], size: int) -> tuple[int, int]:
        """Return the numbers of the first and last entry below the first peak that is another one."""
        begin = 1
        for bit, kept, found in zip(_bits(size), peaks, peaks_of(self._leaves), strict=True):
            if kept != found:
                return begin, begin + bit - 1
            begin += bit
        return 1, size

    def _tell_missing(self, last: int) -> None:
        first = self._next
        what = f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
        self._tell("missing", first, what, last)

    def _tell(self, kind: ProblemKind, number: int | None, detail: str, last: int | None = None) -> None:
        self._problems.append(Problem(kind, number, detail, last if last != number else None))


def _parsed(content: object) -> Mapping[str, Any]:
    """Return what an entry says; nothing if that cannot be read."""
    try:
        parsed = json.loads(content) if isinstance(content, bytes) else None
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _bits(size: int) -> list[int]:
    return [1 << bit for bit in reversed(range(size.bit_length())) if size >> bit & 1]


def _shown(told: object) -> str:
    return str(told) if isinstance(told, int) else "that has no number"
