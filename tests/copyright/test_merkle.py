"""Merkle trees against the published vectors, and against the definitions of RFC 6962 written down plainly."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.apps.copyright.merkle import (
    appended,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    peaks_of,
    peaks_root,
    tree_root,
)

# Leaves, roots of the first n of them, and proofs as the project certificate-transparency publishes them.
LEAVES = [
    leaf_hash(bytes.fromhex(entry))
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
G = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS)))
def test_roots_are_the_published_ones(size: int, root: str) -> None:
    assert tree_root(LEAVES[:size]).hex() == root
    assert peaks_root(peaks_of(LEAVES[:size])).hex() == root


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 8, [A, B, C]),
        (5, 8, [D, E, ROOTS[4]]),
        (2, 3, [ROOTS[2]]),
        (1, 5, [ROOTS[1], B, D]),
    ],
)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int, path: list[str]) -> None:
    proof = inclusion_proof(LEAVES[:size], index)
    assert [node.hex() for node in proof] == path
    assert is_included(LEAVES[index], index, size, proof, tree_root(LEAVES[:size]))


@pytest.mark.parametrize(
    ("old", "size", "path"),
    [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[4]]), (2, 5, [B, D]), (6, 7, [F, G, ROOTS[4]])],
)
def test_consistency_proofs_are_the_published_ones(old: int, size: int, path: list[str]) -> None:
    proof = consistency_proof(LEAVES[:size], old)
    assert [node.hex() for node in proof] == path
    assert is_consistent(old, size, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size]), proof)


def plain_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it stands there."""
    if len(entries) < 2:
        return hashlib.sha256(b"\0" + entries[0] if entries else b"").digest()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return hashlib.sha256(b"\1" + plain_root(entries[:k]) + plain_root(entries[k:])).digest()


def plain_path(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(entries) == 1:
        return []
    k = 1
    while 2 * k < len(entries):
        k *= 2
    if index < k:
        return [*plain_path(index, entries[:k]), plain_root(entries[k:])]
    return [*plain_path(index - k, entries[k:]), plain_root(entries[:k])]


sizes = st.integers(1, 70)


@given(sizes, st.data())
def test_proofs_prove_what_is_so(size: int, data: st.DataObject) -> None:
    entries = [number.to_bytes(2) for number in range(size)]
    leaves = [leaf_hash(entry) for entry in entries]
    root, index, old = tree_root(leaves), data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert root == plain_root(entries)
    assert inclusion_proof(leaves, index) == plain_path(index, entries)
    assert is_included(leaves[index], index, size, inclusion_proof(leaves, index), root)
    assert is_consistent(old, size, tree_root(leaves[:old]), root, consistency_proof(leaves, old))
    peaks: list[bytes] = []
    for number, leaf in enumerate(leaves):
        peaks = appended(peaks, number, leaf)
    assert peaks == peaks_of(leaves)
    assert peaks_root(peaks) == root


@given(sizes, st.data())
def test_nothing_else_is_proved(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(number.to_bytes(2)) for number in range(size)]
    root, index, other = tree_root(leaves), data.draw(st.integers(0, size - 1)), data.draw(st.integers(-2, size + 2))
    path = inclusion_proof(leaves, index)
    assert not is_included(leaf_hash(b"another"), index, size, path, root)
    assert not is_included(leaves[index], index, size, [*path, root], root)
    assert not is_included(leaves[index], index, size, path, leaf_hash(b"another"))
    if other != index:
        assert not is_included(leaves[index], other, size, path, root)
    if path:
        assert not is_included(leaves[index], index, size, path[:-1], root)
    old = data.draw(st.integers(1, size))
    old_root, proof = tree_root(leaves[:old]), consistency_proof(leaves, old)
    assert not is_consistent(old, size, leaf_hash(b"another"), root, proof)
    assert not is_consistent(old, size, old_root, leaf_hash(b"another"), proof)
    assert not is_consistent(old, size, old_root, root, [*proof, root])
    if proof:
        assert not is_consistent(old, size, old_root, root, proof[:-1])
