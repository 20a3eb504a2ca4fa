"""URLs of libraries in Milvus: what they say, and what is refused in one line. No server is needed."""

import sys
from pathlib import Path

import pytest

from tests.needing import need
from yunmeng import stores
from yunmeng.errors import MissingExtra, StoreError
from yunmeng.stores.milvus.address import Address

need("pymilvus", extra="milvus")


def test_a_url_says_where_it_is_and_how_it_is_indexed() -> None:
    plain = Address.parse("milvus://server/photos")
    assert (plain.server, plain.name, plain.database, plain.tls) == ("server:19530", "photos", "", False)
    assert (plain.index.kind, plain.shards, plain.replicas) == ("HNSW", 1, 1)
    full = Address.parse("milvus://[::1]:19531/a_b?index=ivf_sq8&nlist=64&nprobe=8&shards=2&database=x&tls=true")
    assert (full.server, full.name, full.database, full.tls) == ("[::1]:19531", "a_b", "x", True)
    assert (full.index.kind, full.index.build, full.index.depth, full.shards) == ("IVF_SQ8", {"nlist": 64}, 8, 2)


def test_the_stores_of_a_library_have_collections_of_their_own() -> None:
    address = Address.parse("milvus://server/photos")
    names = [address.collection(place) for place in ("store", "regions", "augmented", "store-1", "regions-1")]
    assert names[0] == "photos_store"
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("milvus:", "milvus://localhost:19530/photos"),
        ("milvus://server", "milvus://localhost:19530/photos"),
        ("milvus://server/two words", "milvus://localhost:19530/photos"),
        ("milvus://server:seven/photos", "milvus://localhost:19530/photos"),
        ("milvus://server/photos?index=ANNOY", "HNSW, IVF_FLAT"),
        ("milvus://server/photos?index=HNSW&nlist=7", "M, efConstruction, ef, index, shards"),
        ("milvus://server/photos?shards=none", "shards=none"),
        ("milvus://server/photos?M=-1", "M=-1"),
        ("milvus://server/photos?tls=yes", "neither true nor false"),
    ],
)
def test_urls_that_cannot_be(url: str, complaint: str) -> None:
    with pytest.raises(StoreError) as error:
        stores.create(url, Path("store"), 4, {})
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("user", ["root:secret@", ":secret@", "root@"])
def test_a_password_never_stands_in_the_url(user: str) -> None:
    with pytest.raises(StoreError, match="YUNMENG_MILVUS_PASSWORD") as error:
        stores.create(f"milvus://{user}server/photos", Path("store"), 4, {})
    assert "secret" not in str(error.value)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MissingExtra, match=r"yunmeng\[milvus\]"):
        stores.open("milvus://server/photos", Path("store"), 4, {})
