"""What a store that began empty has been given, so that it need not look for what cannot be there."""

from collections.abc import Iterable
from typing import Final

__all__ = ["Written"]

_BITS: Final = 1 << 24
"""2 MB: of a million names in the table, one look in seventeen is in vain."""


class Written:
    """Ids and digests of records that were written. It may take others for written, but never forgets one.

    A Bloom filter (Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970) with one hash. Only one
    thread at a time may add; others may ask meanwhile.
    """

    def __init__(self) -> None:
        self._table = bytearray(_BITS >> 3)

    def add(self, names: Iterable[str]) -> None:
        """Remember names."""
        for name in names:
            place = hash(name) % _BITS
            self._table[place >> 3] |= 1 << (place & 7)

    def among(self, names: Iterable[str]) -> list[str]:
        """Return those of ``names`` that may have been added, in their order."""
        table, places = self._table, ((name, hash(name) % _BITS) for name in names)
        return [name for name, place in places if table[place >> 3] >> (place & 7) & 1]
