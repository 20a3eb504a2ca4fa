"""A library that moves to Milvus and back is the same."""

from pathlib import Path

from tests.milvus_server import MilvusServer
from tests.stores.examples import DIM, ODD, SCHEMA
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.library.transfer import copy_library


def test_there_and_back(milvus: MilvusServer, tmp_path: Path, settings: Settings) -> None:
    encoder = FakeEncoder(DIM)
    with Library.create(tmp_path / "a", encoder, SCHEMA, settings) as library:
        library.generation.store.upsert(ODD)
        there = copy_library(library, tmp_path / "b", f"{milvus.url}/moved")
    with Library.open(tmp_path / "b", encoder, settings) as library:
        assert library.count() == len(ODD)
        back = copy_library(library, tmp_path / "c", "zvec:")
    assert there.exact == back.exact == len(ODD)
    assert there.digest == back.digest
    with Library.open(tmp_path / "c", encoder, settings) as library:
        assert library.count() == len(ODD)
    assert encoder.encoded == 0
