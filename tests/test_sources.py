"""Folders, manifests and lists of URLs."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from yunmeng.errors import Reason, SourceError
from yunmeng.ingest import Names, Sources

SCHEMA = {"category": "str", "price": "float", "tags": "list[str]"}


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def ids(sources: Sources) -> list[str]:
    return [entry.id for entry in sources.entries()]


def of(*paths: Path | str, manifest: Path | None = None) -> Sources:
    return Sources(paths, manifest, SCHEMA)  # type: ignore[arg-type]


def test_a_folder_gives_all_files_below_it_in_order_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.jpg", "a/红色 裙子.PNG", "a/c.webp", ".hidden.jpg", ".cache/d.jpg", "notes.txt", "Z/é.heic"):
        touch(tmp_path / name)
    entries = list(of(tmp_path).entries())
    assert [e.id for e in entries] == ["Z/é.heic", "a/c.webp", "a/红色 裙子.PNG", "b.jpg", "notes.txt"]
    assert [e.certain for e in entries] == [True, True, True, True, False]
    assert all(e.uri == str(tmp_path / e.id) and e.attributes is None for e in entries)
    assert of(tmp_path).count() == 4


def test_what_systems_keep_beside_pictures_is_passed_over_unless_it_is_named(tmp_path: Path) -> None:
    theirs = ["@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found"]
    for name in (*theirs, ".thumbnails", ".AppleDouble", "recycle"):
        touch(tmp_path / "deep" / name / "a.jpg")
    touch(tmp_path / "Thumbs.db")
    assert ids(of(tmp_path)) == ["deep/recycle/a.jpg"]
    assert ids(of(tmp_path / "deep" / "@eaDir", tmp_path / "deep" / "#recycle" / "a.jpg")) == ["a.jpg"] * 2


def test_names_that_are_no_utf8_are_found(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    Path(os.fsdecode(raw)).write_bytes(b"x")
    (entry,) = of(tmp_path).entries()
    assert os.fsencode(entry.uri) == raw


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg")
    touch(tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "deep").mkdir()
    (tmp_path / "in" / "deep" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    assert ids(of(tmp_path / "in")) == ["a.jpg", "linked/b.jpg"]


def test_several_folders_name_each_file_once(tmp_path: Path) -> None:
    for name in ("one/a.jpg", "one/sub/b.jpg", "two/c.jpg"):
        touch(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "two")
    sources = of(tmp_path / "one", tmp_path / "one" / "sub", tmp_path / "two", tmp_path / "link")
    assert [entry.id for entry in Names().apart(sources.entries())] == ["a.jpg", "sub/b.jpg", "c.jpg"]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_a_manifest_gives_ids_and_typed_attributes(tmp_path: Path, ending: str) -> None:
    touch(tmp_path / "img" / "1.jpg")
    rows = [
        {"path": "img/1.jpg", "id": "sku-1", "category": "鞋", "price": 9.5, "tags": ["red", "new"], "note": "x"},
        {"path": "https://example.com/2.jpg", "price": 3.0},
    ]
    file = tmp_path / f"catalogue.{ending}"
    if ending == "jsonl":
        file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    else:
        tab = {"csv": ",", "tsv": "\t"}[ending]
        lines = [
            "path,id,category,price,tags,note",
            "img/1.jpg,sku-1,鞋,9.5,red|new,x",
            "https://example.com/2.jpg,,,3,,",
        ]
        file.write_text("\ufeff" + "\r\n".join(lines).replace(",", tab), encoding="utf-8")  # as spreadsheets save it
    first, second = of(file).entries()
    assert (first.id, first.uri) == ("sku-1", str(tmp_path / "img" / "1.jpg"))
    assert first.attributes == {"category": "鞋", "price": 9.5, "tags": ["red", "new"], "note": "x"}
    assert (second.id, second.uri) == ("https://example.com/2.jpg",) * 2
    assert second.attributes == {"price": 3.0}


def test_a_manifest_describes_the_pictures_of_a_folder(tmp_path: Path) -> None:
    for name in ("photos/a.jpg", "photos/b.jpg"):
        touch(tmp_path / name)
    manifest = tmp_path / "elsewhere" / "m.csv"
    manifest.parent.mkdir()
    manifest.write_text("path,id,category\na.jpg,sku,shoes\n", encoding="utf-8")
    entries = list(of(tmp_path / "photos", manifest=manifest).entries())
    assert [(e.id, e.attributes) for e in entries] == [("sku", {"category": "shoes"}), ("b.jpg", None)]


def test_bad_rows_are_reported_with_their_line_and_stop_nothing(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    good = json.dumps({"path": "a.jpg"})
    file.write_text(
        "\n".join(
            [
                good,
                "{broken",
                "[1]",
                json.dumps({"id": "x"}),
                json.dumps({"path": "b.jpg", "price": "cheap"}),
                json.dumps({"path": "c.jpg", "extra": {"nested": 1}}),
                json.dumps({"path": "d.jpg"}),
            ]
        ),
        encoding="utf-8",
    )
    entries = list(of(file).entries())
    assert [e.problem is None for e in entries] == [True, False, False, False, False, False, True]
    for number, entry in enumerate(entries, 1):
        if entry.problem is not None:
            assert f"m.jsonl line {number}" in str(entry.problem)
    assert entries[4].problem is not None
    assert entries[4].problem.reason == Reason.BAD_ATTRIBUTE
    assert "price" in str(entries[4].problem)


def test_a_list_of_urls(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_text("# shop\nhttps://example.com/1.jpg\n\n  http://example.com/2.jpg \nftp://example.com/3.jpg\n")
    entries = list(of(file).entries())
    assert [e.id for e in entries] == [
        "https://example.com/1.jpg",
        "http://example.com/2.jpg",
        "ftp://example.com/3.jpg",
    ]
    assert [e.problem is None for e in entries] == [True, True, False]
    assert of(file).fetches


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        (b"name,price\nx,1\n", "m.csv", "needs a first line"),
        (b"", "m.csv", "needs a first line"),
        (b"\n\n", "m.csv", "needs a first line"),
        (b"path,id, id\n", "m.csv", "two columns named id"),
        (b"\xff\xfep\0a\0t\0h\0\n\0\0\xd8x\0\n\0", "m.csv", "broken UTF-16"),
    ],
)
def test_a_manifest_that_is_none_says_so_in_one_line(tmp_path: Path, content: bytes, name: str, complaint: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as error:
        list(of(tmp_path / name).entries())
    assert "\n" not in str(error.value)


def test_what_is_not_there_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        of(tmp_path / "missing")
    with pytest.raises(SourceError, match="nothing to index"):
        of()
    touch(tmp_path / "m.xlsx")
    with pytest.raises(SourceError, match="is no manifest"):
        of(manifest=tmp_path / "m.xlsx")


def test_a_file_that_is_named_is_meant(make_pictures: Callable[..., Path]) -> None:
    folder = make_pictures(1)
    (entry,) = of(folder / "000.jpg").entries()
    assert (entry.id, entry.uri, entry.certain) == ("000.jpg", str(folder / "000.jpg"), True)
