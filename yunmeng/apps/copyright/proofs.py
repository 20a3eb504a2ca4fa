"""Prove the register to others, who check it without Yunmeng: the whole of it, one entry, or that it only grew."""

from typing import TYPE_CHECKING, Any, Final

from yunmeng.apps.copyright.merkle import consistency_proof, inclusion_proof, is_included, tree_root
from yunmeng.apps.copyright.tables import TOUCHED
from yunmeng.apps.copyright.types import TreeHead
from yunmeng.errors import QueryError, RecordNotFound, StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yunmeng.apps.copyright.tables import RegisterTables
    from yunmeng.apps.copyright.types import Entry

__all__ = ["consistency", "inclusion", "whole_register"]

_PROOF: Final = "yunmeng copyright proof 1"
_CONSISTENCY: Final = "yunmeng copyright consistency 1"
_REGISTER: Final = "yunmeng copyright register 1"


def whole_register(tables: "RegisterTables") -> dict[str, Any]:
    """Return all entries and the tree head. Raises `StateError` where the register was touched."""
    entries, head = list(tables.entries()), tables.head()
    if head != TreeHead(len(entries), tree_root([entry.leaf for entry in entries])):
        raise StateError(TOUCHED)
    return {"format": _REGISTER, "tree": head.as_dict(), "entries": [dict(entry.content) for entry in entries]}


def inclusion(tables: "RegisterTables", number: int, stamps: "Sequence[Entry]") -> dict[str, Any]:
    """Return the proof that an entry is below the first of the tree heads in ``stamps`` that has it, or the newest.

    Raises `RecordNotFound`, and `StateError` where the register was touched.
    """
    found = tables.some([number])
    if not found:
        raise RecordNotFound(f"there is no entry {number}")
    (entry,) = found
    leaves, head = tables.leaves(), tables.head()
    stamp = next((stamp for stamp in stamps if stamp.content["head"]["size"] >= number), None)
    if stamp is not None:
        head = TreeHead(stamp.content["head"]["size"], bytes.fromhex(stamp.content["head"]["root"]))
    path = inclusion_proof(leaves[: head.size], number - 1)
    if not is_included(entry.leaf, number - 1, head.size, path, head.root):
        raise StateError(TOUCHED)
    return {
        "format": _PROOF,
        "entry": dict(entry.content),
        "leaf_index": number - 1,
        "tree": head.as_dict(),
        "path": [each.hex() for each in path],
        **({} if stamp is None else {"timestamp": dict(stamp.content)}),
    }


def consistency(tables: "RegisterTables", size: int) -> dict[str, Any]:
    """Return the proof that the first ``size`` entries are the beginning of the register. Raises `QueryError`."""
    leaves, head = tables.leaves(), tables.head()
    if not 0 < size <= len(leaves):
        raise QueryError(f"the register has {len(leaves):,} entries: there is no tree head of {size:,}")
    old = TreeHead(size, tree_root(leaves[:size]))
    path = [each.hex() for each in consistency_proof(leaves, size)]
    return {"format": _CONSISTENCY, "old": old.as_dict(), "tree": head.as_dict(), "path": path}
