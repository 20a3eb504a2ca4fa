"""``yunmeng recommend``, as users run it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine, told_in_one_line
from tests.recommend.conftest import records
from tests.recommend.test_replay import write_log
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


@pytest.fixture
def db(tmp_path: Path, settings: Settings) -> Path:
    attributes = {"category": "str", "price": "float"}
    with Library.create(tmp_path / "shop", FakeEncoder(), attributes, settings) as library:  # type: ignore[arg-type]
        library.generation.store.upsert(records(library.config.encoder.dim))
    return tmp_path / "shop"


def said(done: Any, code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_log_is_recorded_and_pictures_are_recommended(yunmeng: CommandLine, db: Path, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl")
    log.write_text(log.read_text() + '\n{"user": "u0", "picture": "dogs/00", "kind": "like", "at": 1777636800}\n')
    common = ("--db", db, "--json")
    report = said(yunmeng("recommend", "events", "log.jsonl", *common), code=1)
    assert (report["added"], report["known"]) == (112, 0)
    assert [failure["path"] for failure in report["failed"]] == ["dogs/00"]
    again = yunmeng("recommend", "events", "log.jsonl", "--db", db)
    assert "0 recorded, 112 known already, 1 failed" in again.stdout
    one = ("--user", "ann", "--picture", "cats/00", "--kind", "like")
    assert said(yunmeng("recommend", "events", *one, *common))["added"] == 1
    picks = said(yunmeng("recommend", "for", "ann", "-k", "5", "--filter", "price > 4", *common))["picks"]
    assert [pick["because"] for pick in picks] == [{"picture": "cats/00", "kind": "like"}] * 5
    text = yunmeng("recommend", "for", "ann", "-k", "3", "--db", db).stdout
    assert "because you liked cats/00" in text
    assert "popular" in yunmeng("recommend", "for", "new", "--db", db).stdout
    similar = said(yunmeng("recommend", "similar", "cats/00", "-k", "2", *common))["picks"]
    assert [pick["source"] for pick in similar] == ["similar", "similar"]
    assert "similar to cats/00" in yunmeng("recommend", "similar", "cats/00", "--db", db).stdout


def test_tastes_are_shown_muted_exported_and_erased(yunmeng: CommandLine, db: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl")
    assert yunmeng("recommend", "events", "log.jsonl", "--db", db).returncode == 0
    tastes = said(yunmeng("recommend", "tastes", "u0", "--db", db, "--json"))["tastes"]
    assert len(tastes) == 2
    assert sum(taste["share"] for taste in tastes) == pytest.approx(1)
    muted = yunmeng("recommend", "tastes", "u0", "--mute", tastes[0]["pictures"][0], "--db", db).stdout
    assert "muted" in muted.splitlines()[0]
    assert "and 2 more" in muted
    assert yunmeng("recommend", "export", "u0", "u0.json", "--db", db).returncode == 0
    told = json.loads((tmp_path / "u0.json").read_text())
    assert (told["user"], len(told["events"]), len(told["muted"])) == ("u0", 14, 7)
    assert said(yunmeng("recommend", "export", "u0", "--db", db)) == told
    assert yunmeng("recommend", "erase", "u0", "--db", db).returncode == 130  # nobody says yes
    assert said(yunmeng("recommend", "erase", "u0", "--yes", "--db", db, "--json")) == {"erased": 14}
    assert "Nothing is known" in yunmeng("recommend", "tastes", "u0", "--db", db).stdout


def test_methods_are_compared(yunmeng: CommandLine, db: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl")
    found = said(yunmeng("recommend", "eval", "log.jsonl", "--later", "0.3", "--db", db, "--json"))
    assert set(found["methods"]) == {"tastes", "mean", "popular", "random"}
    assert set(found["methods"]["mean"]) == {"recall", "ndcg", "coverage", "diversity"}
    text = yunmeng("recommend", "eval", "log.jsonl", "--later", "0.3", "--db", db).stdout
    assert "ndcg@10" in text
    assert "8 users" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("events",), "name files, or give one event"),
        (("events", "log.jsonl", "--user", "a"), "name files, or give one event"),
        (("events", "--user", "a"), "--picture is missing"),
        (("events", "none.jsonl"), "cannot read"),
        (("for", "ann", "-k", "0"), "'-k'"),
        (("for", "ann", "--filter", "colour = 1"), "colour"),
        (("similar", "dogs/00"), "dogs/00"),
        (("tastes", "ann", "--mute", "cats/00"), "no taste of ann"),
        (("tastes", "ann", "--mute", "a", "--unmute", "b"), "one of --mute and --unmute"),
        (("export", "ann", "none/ann.json"), "cannot write"),
        (("eval", "log.txt"), "must end in"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    yunmeng: CommandLine, db: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    told_in_one_line(yunmeng("recommend", *arguments, "--db", db), complaint)
