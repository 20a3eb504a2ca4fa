"""Second vectors of a whole library: how it comes to have them and keeps them up, through every face."""

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CommandLine, told_in_one_line
from tests.forking import fork_server
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.stores import AugmentedStore, augmented_in_memory

Make = Callable[..., Path]


@pytest.fixture
def library(tmp_path: Path, make_pictures: Make) -> Iterator[Library]:
    with Library.create(tmp_path / "library", FakeEncoder(), {"shelf": "str"}) as library:
        library.index([make_pictures(30)])
        yield library


def store_of(library: Library) -> AugmentedStore:
    store = library.generation.store
    assert isinstance(store, AugmentedStore)
    return store


def right(library: Library) -> None:
    """Every second vector is what it would be if all were worked out anew."""
    store = store_of(library)
    assert store.steps_left() == 0
    assert store.second.count() == store.count()
    records = list(library.iterate(vectors=True))
    wanted = augmented_in_memory(records).get_augmented([record.id for record in records])
    found = store.get_augmented(list(wanted))
    assert found.keys() == wanted.keys()
    assert min(float(found[id] @ vector) for id, vector in wanted.items()) > 0.99


def test_a_library_gets_them_and_keeps_them(library: Library, tmp_path: Path, make_pictures: Make) -> None:
    told: list[tuple[int, int]] = []
    assert not library.info().augmented
    report = library.augment(lambda taken, total: told.append((taken, total)))
    assert (report.pictures, report.interrupted) == (30, False)
    assert told[-1] == (report.steps, report.steps)
    assert library.info().augmented
    right(library)
    library.close()
    with Library.open(tmp_path / "library", FakeEncoder()) as again:
        assert again.config.augmented
        right(again)
        assert again.augment().steps == 0
        again.index([make_pictures(40)])
        right(again)


def test_made_with_them(tmp_path: Path, make_pictures: Make) -> None:
    with Library.create(tmp_path / "library", FakeEncoder(), augmented=True) as library:
        library.index([make_pictures(25)])
        right(library)


def test_an_older_library_is_then_closed_to_older_versions(tmp_path: Path, make_pictures: Make) -> None:
    """They would write pictures without second vectors."""
    card = tmp_path / "library" / "library.toml"
    with Library.create(tmp_path / "library", FakeEncoder()) as library:
        library.index([make_pictures(5)])
    card.write_text(card.read_text().replace("format = 3", "format = 2"))
    with Library.open(tmp_path / "library", FakeEncoder()) as library:
        assert "format = 2" in card.read_text()
        library.augment()
    assert "format = 3" in card.read_text()


def test_tending_works_off_what_came_and_went(library: Library) -> None:
    library.augment()
    ids = sorted(record.id for record in library.iterate())
    library.delete(ids[:5])
    library.set_attributes(ids[6], {"shelf": "top"})
    assert store_of(library).steps_left() > 0
    library.maintenance.maintain()
    right(library)
    number = store_of(library).changes.number
    library.maintenance.maintain()
    assert store_of(library).changes.number == number


def test_answers_by_second_vectors(library: Library) -> None:
    ids = sorted(record.id for record in library.iterate())
    plain = library.search(id=ids[0], k=30)
    local = library.search(id=ids[0], k=30, rerank=["expand"])
    library.augment()
    hits = library.search(id=ids[0], k=30, rerank=["expand"])
    for answer in (local, hits):
        assert answer[0].id == ids[0]
        assert {hit.id for hit in answer} == {hit.id for hit in plain}
        scores = [hit.score for hit in answer]
        assert scores == sorted(scores, reverse=True)
        assert -1 <= min(scores) <= max(scores) <= 1
    library.set_attributes(ids[3], {"shelf": "top"})
    (only,) = library.search(id=ids[0], k=5, rerank=["expand"], filter="shelf = 'top'")
    assert only.id == ids[3]
    assert [hit.id for hit in library.search(id=ids[0], k=30)] == [hit.id for hit in plain]


def test_what_changes_while_they_are_taken_over_is_taken_over(
    library: Library, make_pictures: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted(record.id for record in library.iterate())
    adopt, changed = AugmentedStore.adopt, threading.Event()

    def meanwhile(store: AugmentedStore, some: list[str]) -> None:
        adopt(store, some)
        if not changed.is_set():
            changed.set()
            library.delete(ids[:3])
            library.set_attributes(ids[4], {"shelf": "top"})
            library.add(next(make_pictures(1, "new", 77).iterdir()), id="new")

    monkeypatch.setattr(AugmentedStore, "adopt", meanwhile)
    library.augment()
    assert changed.is_set()
    right(library)
    assert "new" in {hit.id for hit in store_of(library).search_augmented(np.eye(1, library.config.encoder.dim)[0], 99)}


def test_stopped_before_all_are_taken_over_it_stays_as_it_was(library: Library, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert library.augment(stop=stop).interrupted
    assert not library.config.augmented
    assert not (tmp_path / "library" / "augmented").exists()
    library.augment()
    right(library)


def test_stopped_later_it_goes_on(library: Library) -> None:
    stop = threading.Event()
    library.augment(lambda taken, total: stop.set(), stop)
    assert library.config.augmented
    library.augment()
    right(library)


def test_killed_while_it_is_made_so(tmp_path: Path, make_pictures: Make) -> None:
    place, pictures = tmp_path / "library", make_pictures(150)
    with Library.create(place, FakeEncoder()) as library:
        library.index([pictures])
        ids = {record.id for record in library.iterate()}
    moments = random.Random(3)
    script = (
        "import sys; from yunmeng.encoders.fake import FakeEncoder; from yunmeng.library.library import Library\n"
        "lib = Library.open(sys.argv[1], FakeEncoder()); print('open', flush=True); lib.augment(); print('done')"
    )
    for _ in range(4):
        with fork_server().start("-c", script, place) as process:
            assert process.stdout.readline() == "open\n"
            time.sleep(moments.uniform(0.0, 0.4))
            process.kill()
        with Library.open(place, FakeEncoder()) as library:
            assert {hit.id for hit in library.search(id=min(ids), k=500, rerank=["expand"])} == ids
    with Library.open(place, FakeEncoder()) as library:
        library.augment()
        right(library)


def test_another_encoder_takes_them_along(library: Library, tmp_path: Path) -> None:
    library.augment()
    library.reencode(FakeEncoder(24, "other"))
    assert library.config.augmented
    right(library)
    library.close()
    assert [path.name for path in sorted((tmp_path / "library").glob("augmented*"))] == ["augmented-1"]


def test_with_the_parts_of_pictures(tmp_path: Path, make_pictures: Make) -> None:
    pictures = make_pictures(4)
    with Library.create(tmp_path / "library", FakeEncoder(), regions=True, augmented=True) as library:
        library.index([pictures])
        right(library)
        hits = library.search(next(iter(sorted(pictures.iterdir()))), regions=True, k=2)
        assert hits[0].region is not None
    with Library.open(tmp_path / "library", FakeEncoder()) as library:
        right(library)


def test_by_command(yunmeng: CommandLine, make_pictures: Make) -> None:
    make_pictures(6)
    assert yunmeng("index", "pictures", "--db", "library", "--encoder", "efficientnet-lite0").returncode == 0
    again = yunmeng("index", "pictures", "--db", "library", "--augment")
    told_in_one_line(again, "yunmeng augment --db library")
    done = yunmeng("augment", "--db", "library", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).keys() == {"pictures", "steps", "seconds"}
    assert json.loads(yunmeng("info", "--db", "library", "--json").stdout)["augmented"] is True
    assert re.search(r"augmented +yes", yunmeng("info", "--db", "library").stdout)
    assert "6 pictures" in yunmeng("augment", "--db", "library").stdout
