"""Works are registered, corrected and withdrawn; nothing is ever lost."""

import hashlib
import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import STATES, state_of, write_pictures
from tests.copyright.conftest import picture, register
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.types import Details, TreeHead
from yunmeng.errors import PictureError, QueryError, RecordNotFound, SourceError
from yunmeng.library import Library

LIN = Details("Studio Lin")


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


def test_a_work_is_registered_with_its_proof(library: Library, works: Works) -> None:
    work = works.register(picture(1), owner=" Studio Lin ", title="桥", licence="CC BY 4.0", date="2024-05", notes="x")
    assert (work.number, work.details) == (1, Details("Studio Lin", "桥", "CC BY 4.0", "2024-05", "x"))
    kept = next(library.iterate(vectors=True))
    assert kept.vector is not None
    assert dict(work.picture) == {
        "id": kept.id,
        "sha256": hashlib.sha256(picture(1)).hexdigest(),
        "part": "",
        "width": 64,
        "height": 48,
        "phash": kept.phash,
        "pdq": kept.pdq,
        "vector": hashlib.sha256(kept.vector.astype("<f4").tobytes()).hexdigest(),
        "encoder": "fake",
        "encoder_sha256": library.config.encoder.sha256,
    }
    assert work.registered_at.endswith("Z")
    assert works.get(1) == Works(library).get(1) == work


def test_the_register_is_kept_with_the_library(library: Library, works: Works) -> None:
    assert list(register(library, works, 3)) == [1, 2, 3]
    kept, head = works.all(), works.head()
    library.close()
    with Library.open(library.path, settings=library.settings) as again:
        assert (Works(again).all(), Works(again).head()) == (kept, head)
        assert Works(again).verify(head).sound


def test_a_picture_is_one_work(library: Library, works: Works) -> None:
    works.register(picture(1), owner="Lin")
    with pytest.raises(QueryError, match="as work 1"):
        works.register(picture(1), owner="Wang")
    assert works.head().size == 1
    works.withdraw(1, "sold")
    assert works.register(picture(1), owner="Wang").number == 3
    assert [work.number for work in works.all()] == [3]
    assert [(work.number, work.withdrawn) for work in works.all(withdrawn=True)] == [(1, True), (3, False)]


def test_corrections_and_withdrawals_are_new_entries(library: Library, works: Works) -> None:
    list(register(library, works, 2))
    corrected = works.correct(1, title="另一张", owner="王")
    assert (corrected.details.owner, corrected.details.title, corrected.entries) == ("王", "另一张", (1, 3))
    assert works.correct(1, title="另一张") == corrected  # that changes nothing
    assert works.withdraw(1, "sold").entries == (1, 3, 4)
    kinds = [(entry.kind, entry.content.get("replaces")) for entry in works.history(1)]
    assert kinds == [("registration", None), ("correction", 1), ("withdrawal", 3)]
    assert works.history(1)[0].content["owner"] == "林"
    for change in (works.withdraw, works.correct):
        with pytest.raises(QueryError, match="was withdrawn"):
            change(1)
        with pytest.raises(RecordNotFound):
            change(4)  # an entry, and no work
    assert works.verify().sound


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"owner": "  "}, "owner"),
        ({"date": "1.5.2024"}, "YYYY"),
        ({"date": "2024-02-30"}, "YYYY"),
        ({"date": "2024-5"}, "YYYY"),
        ({"title": "x" * 1001}, "title is longer"),
        ({"notes": "\udcff"}, "notes has bytes"),
    ],
)
def test_bad_details_are_refused(works: Works, library: Library, wrong: dict[str, str], complaint: str) -> None:
    with pytest.raises(QueryError, match=complaint):
        works.register(picture(1), **{"owner": "Lin", **wrong})
    assert works.head().size == 0


def test_a_folder_is_registered_once(library: Library, works: Works, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "works", 3)
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not a picture either")
    report = works.register_all([folder], defaults=LIN)
    assert (list(report.works), report.skipped) == ([1, 2, 3], 0)
    assert [Path(failure.path).name for failure in report.failed] == ["broken.jpg"]
    write_pictures(folder, 2, start=3)
    again = works.register_all([folder], defaults=LIN)
    assert (list(again.works), again.skipped, len(again.failed)) == ([4, 5], 3, 1)
    other = works.register_all([folder / "000.jpg"], defaults=Details("Wang"))
    assert (list(other.works), other.skipped) == ([], 0)
    assert "registered already, as work 1" in other.failed[0].reason
    assert works.verify().sound
    with pytest.raises(SourceError):
        works.register_all([tmp_path / "nowhere"], defaults=LIN)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_manifest_says_what_each_work_is(library: Library, works: Works, tmp_path: Path, ending: str) -> None:
    folder = write_pictures(tmp_path / "works", 4)
    library.add(folder / "000.jpg", id="known", attributes={"category": "bridges"})
    rows = [
        {"path": "000.jpg", "Owner": "Lin", "title": "桥", "license": "CC0", "date": "2024", "price": "3"},
        {"path": "001.jpg", "Owner": "", "title": "", "license": "", "date": "", "price": "4"},
        {"path": "002.jpg", "Owner": "Wang", "title": "", "license": "", "date": "tomorrow", "price": ""},
        {"path": "gone.jpg", "Owner": "Wang", "title": "", "license": "", "date": "", "price": ""},
    ]
    manifest = folder / f"works.{ending}"
    if ending == "csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps({**row, "price": float(row["price"] or 0)}) for row in rows]
    manifest.write_text("\n".join(lines), encoding="utf-8")
    report = works.register_all([manifest], defaults=Details("Studio Lin", licence="all rights reserved"))
    assert [work.details for work in works.all()] == [
        Details("Lin", "桥", "CC0", "2024"),
        Details("Studio Lin", licence="all rights reserved"),
    ]
    assert sorted(Path(failure.path).name for failure in report.failed) == ["002.jpg", "gone.jpg"]
    assert library.get("known").attributes == {"category": "bridges"}  # as it was
    assert library.get("001.jpg").attributes["price"] == 4.0  # as `index` would have it


def test_a_run_that_is_stopped_goes_on_later(library: Library, works: Works, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "works", 3)
    stop = threading.Event()
    stop.set()
    assert works.register_all([folder], defaults=LIN, stop=stop).interrupted
    assert works.head().size == 0
    assert len(works.register_all([folder], defaults=LIN).works) == 3


def test_what_is_no_picture_is_told(works: Works, tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        works.register(b"no picture", owner="Lin")
    with pytest.raises(PictureError):
        works.register(tmp_path / "nowhere.jpg", owner="Lin")
    assert works.head() == TreeHead(0, hashlib.sha256(b"").digest())
    assert works.verify().sound


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(str.strip))
def test_any_text_is_hashed_as_rfc_8785_writes_it(text: str) -> None:
    from yunmeng.apps.copyright.tables import canonical

    written = canonical({"title": text, "b": 1, "a": [text, None, True]})
    assert json.loads(written) == {"a": [text, None, True], "b": 1, "title": text}
    assert written.startswith(b'{"a":["')
    short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    told = "".join(short.get(ord(c), f"\\u{ord(c):04x}" if ord(c) < 32 else c) for c in text)
    assert written.endswith(f'"title":"{told}"}}'.encode())
