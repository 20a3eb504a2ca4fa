"""Backups: whole, taken while the library is in use, restored elsewhere, and checked."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.conftest import STATES, CommandLine, paint, state_of
from tests.imaging.samples import encoded
from tests.installing import files_of, importable, install
from tests.postgres_server import PostgresServer
from tests.same import assert_same
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import LibraryError, LibraryExists, LibraryFormatError, LibraryNotFound
from yunmeng.library import Library
from yunmeng.library.backup import MANIFEST, check_backup
from yunmeng.library.restore import restore
from yunmeng.server import create_app

Make = Callable[..., Path]


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


@pytest.fixture
def filled(library: Library, make_pictures: Make) -> Library:
    library.index([make_pictures(6)])
    library.add(encoded(paint(77), "PNG"), id="sent", attributes={"category": "shoes"})
    return library


@pytest.fixture
def restored(filled: Library, tmp_path: Path, settings: Settings) -> Iterator[Library]:
    filled.backup(tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "elsewhere")
    with Library.open(tmp_path / "elsewhere", FakeEncoder(), settings) as library:
        yield library


def test_a_restored_library_is_the_same_and_goes_on(filled: Library, restored: Library) -> None:
    before = {record.id: record for record in filled.iterate(vectors=True)}
    after = {record.id: record for record in restored.iterate(vectors=True)}
    assert after.keys() == before.keys()
    for id, record in after.items():
        assert replace(record, vector=None) == replace(before[id], vector=None)
        np.testing.assert_array_equal(record.vector, before[id].vector)
    assert restored.search(id="sent", k=3) == filled.search(id="sent", k=3)
    assert restored.count("category = 'shoes'") == 1
    assert restored.state.last_job() == filled.state.last_job()
    assert restored.verify() == []
    restored.delete(["000.jpg"])
    assert (restored.count(), filled.count()) == (6, 7)
    assert restored.config.state == "sqlite:"


def test_a_backup_is_restored_to_another_database(
    filled: Library, tmp_path: Path, settings: Settings, postgres: PostgresServer
) -> None:
    filled.backup(tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "elsewhere", state=postgres.url)
    assert not (tmp_path / "elsewhere" / "state.db").exists()
    with Library.open(tmp_path / "elsewhere", FakeEncoder(), settings) as library:
        assert library.config.state.startswith(postgres.url)
        assert library.config.state != filled.config.state
        assert library.state.last_job() == filled.state.last_job()
        assert library.verify() == []


def test_pictures_that_were_sent_come_along(filled: Library, restored: Library) -> None:
    sent = filled.original("sent")
    filled.delete(["sent"])  # and its file with it
    assert restored.original("sent") == sent
    restored.delete(["sent"])
    assert not [file for file in (restored.path / "uploads").rglob("*") if file.is_file()]


def test_a_library_that_is_moved_finds_what_was_sent_to_it(filled: Library, tmp_path: Path, settings: Settings) -> None:
    sent = filled.original("sent")
    filled.close()
    shutil.move(filled.path, tmp_path / "moved")
    with Library.open(tmp_path / "moved", FakeEncoder(), settings) as moved:
        assert moved.original("sent") == sent


def test_what_is_written_meanwhile_is_in_or_not_and_never_half(
    library: Library, make_pictures: Make, tmp_path: Path, settings: Settings
) -> None:
    library.index([make_pictures(4)])
    stop, added = threading.Event(), 0

    def write() -> None:
        nonlocal added
        while not stop.is_set():
            library.add(encoded(paint(1000 + added), "PNG"), id=f"late-{added:03}")
            added += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        acknowledged = added
        made = library.backup(tmp_path / "backup")
    finally:
        stop.set()
        writer.join()
    assert made is not None
    restore(tmp_path / "backup", tmp_path / "elsewhere")
    with Library.open(tmp_path / "elsewhere", FakeEncoder(), settings) as restored:
        late = sorted(record.id for record in restored.iterate() if record.id.startswith("late-"))
        assert late == [f"late-{number:03}" for number in range(len(late))]
        assert acknowledged <= len(late) <= added
        assert made.pictures == restored.count() == 4 + len(late)
        for id in late:
            restored.original(id)
        assert restored.verify() == []


def test_every_damage_is_named(filled: Library, tmp_path: Path) -> None:
    source = tmp_path / "backup"
    filled.backup(source)
    assert check_backup(source) == []
    files = json.loads((source / MANIFEST).read_text())["files"]
    largest = max(files, key=lambda name: files[name]["bytes"])
    content = bytearray((source / largest).read_bytes())
    content[len(content) // 2] ^= 1
    (source / largest).write_bytes(content)
    (source / "library.toml").rename(source / "stray")
    assert sorted(line.partition(":")[0] for line in check_backup(source)) == sorted(["library.toml", largest, "stray"])
    with pytest.raises((LibraryFormatError, LibraryError)):
        restore(source, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    assert not list(tmp_path.glob(".*.draft"))


def test_a_manifest_cannot_reach_outside(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "backup")
    (tmp_path / "secret").write_text("secret")
    place = tmp_path / "backup" / MANIFEST
    told = json.loads(place.read_text())
    told["files"]["../secret"] = {"bytes": 6, "sha256": "0" * 64}
    place.write_text(json.dumps(told))
    with pytest.raises(LibraryFormatError, match="outside"):
        restore(tmp_path / "backup", tmp_path / "elsewhere")


def test_places_that_do_not_fit(filled: Library, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(LibraryExists, match="another folder"):
        filled.backup(tmp_path / "there")
    with pytest.raises(LibraryError, match="is not there"):
        filled.backup(tmp_path / "no" / "where")
    with pytest.raises(LibraryNotFound, match=MANIFEST):
        restore(tmp_path / "there", tmp_path / "elsewhere")
    stop = threading.Event()
    stop.set()
    assert filled.backup(tmp_path / "stopped", stop=stop) is None
    assert not list(tmp_path.glob("*stopped*"))


def test_parts_and_second_vectors_are_in_it(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(4):
        paint(seed, (200, 200)).save(tmp_path / "pictures" / f"{seed}.png")
    part = paint(2, (200, 200)).crop((0, 0, 80, 80))
    with Library.create(tmp_path / "library", FakeEncoder(), settings=settings, regions=True) as library:
        library.index([tmp_path / "pictures"])
        library.augment()
        library.backup(tmp_path / "backup")
        wanted = library.search(part, regions=True, k=3), library.search(id="1.png", k=3, rerank="expand")
    restore(tmp_path / "backup", tmp_path / "elsewhere")
    with Library.open(tmp_path / "elsewhere", FakeEncoder(), settings) as again:
        assert (again.search(part, regions=True, k=3), again.search(id="1.png", k=3, rerank="expand")) == wanted


def test_a_store_without_files_is_backed_up_record_by_record(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(4):
        paint(seed, (200, 200)).save(tmp_path / "pictures" / f"{seed}.png")
    encoder = FakeEncoder()
    with Library.create(
        tmp_path / "library", encoder, {"price": "float"}, settings, regions=True, augmented=True, store="memory:"
    ) as library:
        library.index([tmp_path / "pictures"])
        library.add(encoded(paint(77), "PNG"), id="sent", attributes={"price": 3.0, "undeclared": ["a", "b"]})
        library.augment()
        made = library.backup(tmp_path / "backup")
        assert made is not None
        assert (made.pictures, made.store, check_backup(tmp_path / "backup")) == (5, "memory:", [])
        encoded_before = encoder.encoded
        restore(tmp_path / "backup", tmp_path / "elsewhere")
        with Library.open(tmp_path / "elsewhere", encoder, settings) as again:
            assert_same(library, again, within=1e-6)
            assert again.original("sent") == library.original("sent")
            assert (again.config.store, again.count("price = 3"), again.verify()) == ("zvec:", 1, [])
            again.delete(["sent"])
        assert encoder.encoded == encoded_before
        stop = threading.Event()
        assert library.backup(tmp_path / "stopped", lambda done, _all: stop.set() if done else None, stop) is None
        assert not list(tmp_path.glob("*stopped*"))


def test_records_that_are_not_those_of_the_manifest_are_refused(
    tmp_path: Path, settings: Settings, make_pictures: Make
) -> None:
    files = install(files_of("A new store"), tmp_path / "packages")
    with (
        importable(files),
        Library.create(tmp_path / "library", FakeEncoder(), settings=settings, store="pocket:") as library,
    ):
        library.index([make_pictures(2)])
        library.backup(tmp_path / "backup")
        restore(tmp_path / "backup", tmp_path / "same", store="pocket:")
        with Library.open(tmp_path / "same", FakeEncoder(), settings) as again:
            assert_same(library, again, within=1e-6)
            assert again.config.store == "pocket:"
        place = tmp_path / "backup" / MANIFEST
        told = json.loads(place.read_text())
        place.write_text(json.dumps({**told, "digest": "0" * 64}))
        with pytest.raises(LibraryFormatError, match="earlier backup"):
            restore(tmp_path / "backup", tmp_path / "other", store="pocket:")


def test_by_command(tmp_path: Path, cache_dir: Path, make_pictures: Make) -> None:
    run = CommandLine(tmp_path, cache_dir)
    assert run("index", make_pictures(2), "--db", "library").returncode == 0
    done = run("backup", "copy", "--db", "library", "--json")
    assert json.loads(done.stdout)["pictures"] == 2
    assert run("verify", "copy").stdout == "Sound.\n"
    assert run("restore", "copy", "--db", "again").returncode == 0
    assert run("verify", "again").stdout == "Sound.\n"
    (tmp_path / "copy" / "library.toml").write_text("")
    done = run("verify", "copy")
    assert (done.returncode, done.stdout) == (1, "library.toml: it is not what was backed up\n")


def test_a_server_writes_backups_where_it_is_told(filled: Library, tmp_path: Path) -> None:
    def ordered(settings: ServerSettings) -> tuple[int, dict[str, object]]:
        with TestClient(create_app(filled, settings), base_url="http://127.0.0.1") as client:
            answer = client.post("/v1/jobs", json={"kind": "backup"})
            job = answer.json()
            while answer.status_code == 202 and job["status"] in ("queued", "running"):
                time.sleep(0.01)
                job = client.get(f"/v1/jobs/{job['number']}").json()
        return answer.status_code, job

    status, refused = ordered(ServerSettings())
    assert (status, "YUNMENG_SERVER_BACKUPS" in str(refused)) == (422, True)
    status, job = ordered(ServerSettings(backups=tmp_path))
    assert (status, job["status"], job["error"]) == (202, "done", None)
    arguments = job["arguments"]
    assert isinstance(arguments, dict)
    assert check_backup(tmp_path / arguments["name"]) == []


def test_killed_in_the_middle_it_leaves_no_backup(tmp_path: Path, cache_dir: Path, make_pictures: Make) -> None:
    run = CommandLine(tmp_path, cache_dir)
    assert run("index", make_pictures(3), "--db", "library").returncode == 0
    script = (
        "import os, sys; from yunmeng.library import Library; from yunmeng.config import Settings\n"
        "library = Library.open('library')\n"
        "library.backup('copy', lambda done, all: done >= 2 and os._exit(9))\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False)
    assert killed.returncode == 9
    assert not (tmp_path / "copy").exists()
    assert run("backup", "copy", "--db", "library").returncode == 0
    assert run("verify", "copy").returncode == 0
    assert not list(tmp_path.glob(".*.draft"))
