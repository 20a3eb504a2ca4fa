"""Events come in once, from files and one at a time, and go when a user asks for it."""

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import STATES, state_of
from yunmeng.apps.recommend import Recommender, service
from yunmeng.apps.recommend.log import made_event, read_log
from yunmeng.apps.recommend.types import Event
from yunmeng.errors import QueryError, RecordNotFound, SourceError
from yunmeng.library import Library
from yunmeng.types import Failure

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


def test_an_event_counts_once(recommender: Recommender) -> None:
    first = recommender.record("ann", "cats/00", "like", at=AT, id="e1")
    recommender.record("ann", "cats/01", "dislike", id="e1")
    assert list(recommender.export("ann").events) == [first] == [Event("ann", "cats/00", "like", AT, "e1")]
    assert recommender.add([first, made_event("ann", "cats/02", "buy", AT, "e2")]).added == 1


def test_an_event_of_an_unknown_picture_is_refused(recommender: Recommender) -> None:
    with pytest.raises(RecordNotFound):
        recommender.record("ann", "dogs/00", "like")
    report = recommender.add([made_event("ann", "dogs/00", "like"), made_event("ann", "cats/00", "like")])
    assert (report.added, report.known) == (1, 0)
    assert report.failed == [Failure("dogs/00", "the library has no picture with this id")]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-05-01T12:00:00Z", AT),
        ("2026-05-01T20:00:00+08:00", AT),
        ("2026-05-01 12:00:00", AT),
        (AT.replace(tzinfo=None), AT),
        (AT.timestamp(), AT),
        (str(AT.timestamp()), AT),
        ("20260501", datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_times(at: object, expected: datetime) -> None:
    assert made_event("ann", "a", "like", at).at == expected


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kind": "love"}, "the kind 'love' is none: view, like"),
        ({"kind": ["like"]}, "is none"),
        ({"user": ""}, "the user '' is none"),
        ({"user": "x" * 201}, "1 to 200"),
        ({"user": "a\x00b"}, "printable"),
        ({"user": None}, "the user None"),
        ({"picture": ""}, "is no id"),
        ({"picture": True}, "is no id"),
        ({"picture": "x" * 1025}, "is no id"),
        ({"at": "yesterday"}, "ISO 8601"),
        ({"at": float("nan")}, "ISO 8601"),
        ({"at": 1e300}, "ISO 8601"),
        ({"at": AT.timestamp() * 1000}, "milliseconds|ISO 8601"),
        ({"at": "2100-01-01"}, "in the future"),
        ({"id": "x" * 201}, "the id"),
    ],
)
def test_values_that_are_none(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(QueryError, match=told):
        made_event(**{"user": "ann", "picture": "a", "kind": "like", **wrong})


def written(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


CSV = "user,picture,kind,at,id\nann,cats/00,like,2026-05-01T12:00:00Z,e1\n小林,cats/01,buy,1777636800,\n"


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("log.csv", CSV, "utf-8"),
        ("log.csv", CSV, "utf-8-sig"),
        ("log.csv", CSV.replace(",", ";").replace("\n", "\r\n"), "gb18030"),
        ("log.tsv", CSV.replace(",", "\t"), "utf-16"),
        (
            "log.jsonl",
            '{"id": "e1", "user": "ann", "picture": "cats/00", "kind": "like", "at": "2026-05-01T12:00:00Z"}\n\n'
            '{"user": "小林", "picture": "cats/01", "kind": "buy", "at": 1777636800}\n',
            "utf-8",
        ),
    ],
)
def test_files(recommender: Recommender, tmp_path: Path, name: str, text: str, encoding: str) -> None:
    file = written(tmp_path, name, text, encoding)
    report = recommender.import_events([file])
    assert (report.added, report.known, report.failed) == (2, 0, [])
    assert [event[:4] for event in recommender.export("小林").events] == [("小林", "cats/01", "buy", AT)]
    again = recommender.import_events([file])
    assert (again.added, again.known) == (0, 2)


def test_each_bad_row_is_named_with_its_line(tmp_path: Path) -> None:
    rows = [
        "user,picture,kind,at",
        "ann,a,like,1777636800",
        "ann,a,love,1777636800",
        ",a,like,1",
        "ann,a,like,1,2,3",
        "",
        "ann",
    ]
    found = list(read_log(written(tmp_path, "log.csv", "\n".join(rows))))
    assert [each.path for each in found if isinstance(each, Failure)] == [f"log.csv line {n}" for n in (3, 4, 5, 7)]
    lines = ["[1]", "{", json.dumps({"user": "ann", "picture": "a", "kind": "like"}), "null"]
    told = [
        each.reason for each in read_log(written(tmp_path, "log.jsonl", "\n".join(lines))) if isinstance(each, Failure)
    ]
    assert told == ["it is no JSON object"] * 2 + ["at is missing", "it is no JSON object"]


@given(st.binary(max_size=300), st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str) -> None:
    file = tmp_path_factory.mktemp("logs") / f"log{ending}"
    file.write_bytes((b"" if ending == ".jsonl" else b"user,picture,kind,at\n") + data)
    with suppress(SourceError):
        assert all(isinstance(row, Event | Failure) for row in read_log(file))


@pytest.mark.parametrize(
    ("name", "told"), [("log.txt", "must end in"), ("log.csv", "kind is missing"), ("no.csv", "cannot read")]
)
def test_files_that_are_no_logs(recommender: Recommender, tmp_path: Path, name: str, told: str) -> None:
    if name != "no.csv":
        written(tmp_path, name, "user,picture,at\n")
    with pytest.raises(SourceError, match=told):
        recommender.import_events([tmp_path / name])


def test_an_import_can_be_stopped(recommender: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_BATCH", 100)
    stop = threading.Event()
    stop.set()
    rows = [f"ann,cats/{n % 20:02},view,{1777636800 + n}" for n in range(101)]
    file = written(tmp_path, "log.csv", "\n".join(["user,picture,kind,at", *rows]))
    counts: list[int] = []
    report = recommender.import_events([file], counts.append, stop)
    assert report.interrupted
    assert counts == [report.added] == [100]
    assert recommender.import_events([file]).added == 1


def test_a_user_is_erased_with_all_traces(shop: Library, recommender: Recommender) -> None:
    for user in ("ann", "bob"):
        recommender.record(user, "cats/00", "like")
    before = recommender.export("bob")
    for _ in range(3):
        recommender.record("ann", "cars/00", "buy")
    recommender.mute("ann", "cars/00")
    assert [pick.id for pick in recommender.recommend("new", 1, method="popular")] == ["cars/00"]
    told = recommender.export("ann")
    assert (len(told.events), list(told.muted)) == (4, ["cars/00"])
    assert recommender.erase("ann") == 4
    told = recommender.export("ann")
    assert (list(told.events), list(told.muted)) == ([], [])
    assert recommender.export("bob") == before
    popular = recommender.recommend("new", 80, method="popular")
    assert [pick.id for pick in popular if pick.source == "popular"] == ["cats/00"]
    assert recommender.erase("ann") == 0


def test_strange_ids_come_back_as_they_were(shop: Library, recommender: Recommender) -> None:
    from dataclasses import replace

    id = "a%b\udc80/\n.jpg"
    shop.generation.store.upsert([replace(shop.get("cats/00", vector=True), id=id)])
    recommender.record('o\'brien "x" 小林', id, "like")
    assert [event.picture for event in recommender.export('o\'brien "x" 小林').events] == [id]
    assert recommender.tastes('o\'brien "x" 小林')[0].pictures == [id]
