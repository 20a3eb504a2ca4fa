"""Merkle trees over SHA-256 as RFC 6962 defines them in section 2.1: roots, inclusion proofs, consistency proofs.

All functions take leaf hashes, see `leaf_hash`, not the entries themselves.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

__all__ = [
    "DIGEST",
    "EMPTY_ROOT",
    "appended",
    "consistency_proof",
    "inclusion_proof",
    "is_consistent",
    "is_included",
    "leaf_hash",
    "peaks_of",
    "peaks_root",
    "tree_root",
]

DIGEST: Final = 32  # bytes of a SHA-256
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + entry).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree with these leaves."""
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0] if level else EMPTY_ROOT


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of a leaf, counted from 0: the hashes that lead from it to the root, the lowest first."""
    level, path = list(leaves), []
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level, index = _parents(level), index // 2
    return path


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``path`` proves that ``leaf`` is number ``index``, from 0, of the ``size`` leaves below ``root``.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    node, last, rest = leaf, size - 1, list(reversed(path))
    while last:
        if index % 2 or index < last:
            if not rest:
                return False
            sibling = rest.pop()
            node = _node_hash(sibling, node) if index % 2 else _node_hash(node, sibling)
        index, last = index // 2, last // 2
    return node == root and not rest


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """Return the proof that the tree of the first ``size`` leaves, at least one, is the beginning of the whole tree."""
    return _subproof(leaves, size, known=True)


def is_consistent(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether ``proof`` shows that the tree with ``old_root`` is the beginning of the one with ``root``.

    RFC 9162, section 2.1.4.2.
    """
    if old_size == size:
        return not proof and old_root == root
    if not 0 < old_size < size or not proof:
        return False
    nodes = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    old, new = _shifted(old_size - 1, size - 1)
    old_node = node = nodes[0]
    for sibling in nodes[1:]:
        if not new:
            return False
        if old % 2 or old == new:
            old_node, node = _node_hash(sibling, old_node), _node_hash(sibling, node)
            while old and not old % 2:
                old, new = old // 2, new // 2
        else:
            node = _node_hash(node, sibling)
        old, new = old // 2, new // 2
    return old_node == old_root and node == root and not new


def appended(peaks: Sequence[bytes], size: int, leaf: bytes) -> list[bytes]:
    """Return the peaks of a tree of ``size`` leaves after one more leaf.

    Peaks are the roots of the full subtrees that a tree is made of, one for each bit of its size, the largest first:
    all that has to be known of a tree to go on with it.
    """
    rest = list(peaks)
    while size % 2:
        leaf, size = _node_hash(rest.pop(), leaf), size // 2
    return [*rest, leaf]


def peaks_of(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the peaks of a tree."""
    peaks, begin = [], 0
    for bit in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> bit & 1:
            peaks.append(tree_root(leaves[begin : begin + (1 << bit)]))
            begin += 1 << bit
    return peaks


def peaks_root(peaks: Sequence[bytes]) -> bytes:
    """Return the root of the tree with these peaks."""
    if not peaks:
        return EMPTY_ROOT
    *rest, node = peaks
    for peak in reversed(rest):
        node = _node_hash(peak, node)
    return node


def _parents(level: list[bytes]) -> list[bytes]:
    """Return the next level; the last one of an odd number goes up as it is."""
    even = len(level) & ~1
    return [_node_hash(level[at], level[at + 1]) for at in range(0, even, 2)] + level[even:]


def _subproof(leaves: Sequence[bytes], size: int, *, known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2; ``known``: the verifier has the root of these leaves."""
    count = len(leaves)
    if size == count:
        return [] if known else [tree_root(leaves)]
    left = 1 << (count - 1).bit_length() - 1  # the largest power of two below the number of leaves
    if size <= left:
        return [*_subproof(leaves[:left], size, known=known), tree_root(leaves[left:])]
    return [*_subproof(leaves[left:], size - left, known=False), tree_root(leaves[:left])]


def _shifted(old: int, new: int) -> tuple[int, int]:
    while old % 2:
        old, new = old // 2, new // 2
    return old, new
