"""Manifests as people's programs write them, with what goes wrong in them."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from yunmeng.ingest import Names, Sources
from yunmeng.ingest.entries import Entry

SCHEMA = {"category": "str", "price": "float", "tags": "list[str]", "Brand": "str"}
CHINESE = "path,id,category\n图/1.jpg,a,连衣裙\n图/2.jpg,b,红色皮鞋\n"


def read(folder: Path, content: str | bytes, name: str = "m.csv") -> list[Entry]:
    """The entries of a manifest beside which lie a.jpg, b.jpg and c.jpg."""
    for picture in "abc":
        (folder / f"{picture}.jpg").touch()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    sources = Sources([folder / name], None, SCHEMA)  # type: ignore[arg-type]
    return list(Names().apart(sources.entries()))


def good(entries: list[Entry]) -> list[tuple[str, dict[str, object]]]:
    return [(entry.id, dict(entry.attributes or {})) for entry in entries if entry.problem is None]


def bad(entries: list[Entry]) -> list[str]:
    """The problems, each as its reason and its line."""
    problems = [(entry.problem, entry.place) for entry in entries if entry.problem is not None]
    assert all(place in str(problem) and "\n" not in str(problem) for problem, place in problems)
    return [f"{problem.reason} {place}" for problem, place in problems]


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (['b.jpg,b,"15" screen"'], [3]),
        (['b.jpg,b,"15 inch'], [3]),
        (['b.jpg,"b,15 inch'], [3]),
        (['"b.jpg,b,15 inch'], [3]),
        (['b.jpg,b,"15 inch', 'b.jpg,x,"7, inch"'], [3]),
        (['b.jpg,b,"15 inch', 'b.jpg,x,7 inch"'], [3]),
        (['b.jpg,b,"15 inch', 'b.jpg,x,"7 inch', "b.jpg,y,fine"], [3, 4]),
        (["b.jpg,b," + "x" * 140_000], [3]),
        (["b.jpg,b," + "x" * 70_000], [3]),
        (["b.jpg,b,fine,more"], [3]),
        ([",b,fine"], [3]),
        (['b.jpg,b,"two', 'lines, ""quoted"", and a comma"'], []),
        (["b.jpg,b,fine,,,"], []),
        (["b.jpg"], []),
        ([",,,", "", "b.jpg,b,a\0b"], []),
        ([' b.jpg , b , "with, a comma"'], []),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_costs_no_other(tmp_path: Path, rows: list[str], lines: list[int]) -> None:
    content = "\n".join(["path,id,category", "a.jpg,a,fine", *rows, "c.jpg,c,fine"])
    entries = read(tmp_path, content)
    assert [problem.split()[-1] for problem in bad(entries)] == [str(line) for line in lines]
    ids = [id for id, _ in good(entries)]
    assert (ids[0], ids[-1]) == ("a", "c")
    assert len(entries) >= 3


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cells=st.lists(st.text('ab,"\n ;\r', max_size=6), min_size=1, max_size=6), at=st.integers(0, 5))
def test_whatever_one_cell_holds_the_other_rows_come_in(tmp_path: Path, cells: list[str], at: int) -> None:
    rows = [f"{n}.jpg,{n},fine" for n in range(6)]
    rows[at] = f"x.jpg,x,{','.join(cells)}"
    entries = read(tmp_path, "path,id,category\r\n" + "\r\n".join(rows) + "\r\n")
    assert {str(n) for n in range(6) if n != at} <= {id for id, _ in good(entries)}


@given(st.lists(st.text('a,"\n\r|é红 ', max_size=8), min_size=1, max_size=5))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_a_spreadsheet_quotes_comes_back(tmp_path: Path, texts: list[str]) -> None:
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(
        [["path", "id", "note"], *(["a.jpg", n, t] for n, t in enumerate(texts))]
    )
    entries = read(tmp_path, out.getvalue())
    assert bad(entries) == []
    assert [attributes.get("note", "") for _, attributes in good(entries)] == [text.strip() for text in texts]


@pytest.mark.parametrize(
    "header",
    [
        " path , id , category ,price",
        "Path,ID,Category,PRICE",
        "\ufeffpath,id,category,price",
        "path;id;category;price",
        "path\tid\tcategory\tprice",
        "path|id|category|price",
        "sep=;\r\npath;id;category;price",
        '"path","id","category","price"',
        "path,id,category,price,,",
        "\n\npath,id,category,price",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_are_known_however_they_are_written(tmp_path: Path, header: str, end: str) -> None:
    delimiter = next(sign for sign in ";\t|," if sign in header.replace("sep=;", ""))
    row = delimiter.join(["a.jpg", "sku", "hats", "1.5"])
    entries = read(tmp_path, end.join([header.replace("\r\n", end).replace("\n", end), row, ""]))
    assert (good(entries), bad(entries)) == ([("sku", {"category": "hats", "price": 1.5})], [])


def test_a_column_that_is_spelt_rightly_goes_before_one_in_another_case(tmp_path: Path) -> None:
    ((_, attributes),) = good(read(tmp_path, "path,Path,brand,BRAND\na.jpg,b.jpg,x,y\n".replace("BRAND", "note")))
    assert attributes == {"Path": "b.jpg", "Brand": "x", "note": "y"}


def test_decimal_commas_are_read_where_semicolons_part_the_cells(tmp_path: Path) -> None:
    assert good(read(tmp_path, "path;price\na.jpg;1,5\nb.jpg;2.5\n")) == [
        ("a.jpg", {"price": 1.5}),
        ("b.jpg", {"price": 2.5}),
    ]
    assert bad(read(tmp_path, 'path,price\na.jpg,"1,5"\n')) == ["bad-attribute m.csv line 2"]


@pytest.mark.parametrize("name", ["m.csv", "m.tsv"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk", "gb18030"]
)
def test_chinese_is_read_in_the_encodings_it_is_saved_in(tmp_path: Path, encoding: str, name: str) -> None:
    entries = read(tmp_path, CHINESE.replace(",", "\t" if name == "m.tsv" else ",").encode(encoding), name)
    assert good(entries) == [("a", {"category": "连衣裙"}), ("b", {"category": "红色皮鞋"})]
    assert entries[0].uri == str(tmp_path / "图" / "1.jpg")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("红色", "gbk"),
        ("红", "gb18030"),
        ("紅色長款洋裝夏季新款, 男士黑色皮鞋商務", "big5"),
        ("赤いドレスと黒い靴", "cp932"),
        ("crème brûlée, Größe für Männer", "cp1252"),
        ("красное платье и чёрные туфли", "cp1251"),
        ("plain", "ascii"),
    ],
)
def test_other_encodings_are_guessed(tmp_path: Path, text: str, encoding: str) -> None:
    assert good(read(tmp_path, f'path,category\na.jpg,"{text}"\n'.encode(encoding))) == [("a.jpg", {"category": text})]


def test_one_chinese_word_that_could_be_another_letter_in_utf8_misleads_nobody(tmp_path: Path) -> None:
    content = "path,category\na.jpg,裙\nb.jpg,裙\nc.jpg,红\n".encode("gbk")
    assert "裙".encode("gbk").decode() == "ȹ"
    assert [attributes["category"] for _, attributes in good(read(tmp_path, content))] == ["裙", "裙", "红"]


def test_a_line_that_is_not_in_the_encoding_of_the_others_is_named(tmp_path: Path) -> None:
    lines = ["path,category", "a.jpg,红色", "b.jpg,X", "c.jpg,蓝色", "c.jpg,绿色"]
    content = "\n".join(lines).encode().replace(b"X", "红".encode("gbk"))
    entries = read(tmp_path, content)
    assert bad(entries) == ["bad-attribute m.csv line 3", "bad-id m.csv line 5"]
    assert good(entries) == [("a.jpg", {"category": "红色"}), ("c.jpg", {"category": "蓝色"})]


def test_the_first_of_two_rows_with_one_id_counts(tmp_path: Path) -> None:
    content = "path,id,price\na.jpg,A,1\nb.jpg,A,2\nc.jpg,,3\nc.jpg,,4\na.jpg,B,5\nhttp://x.org/1.jpg,,6\nhttp://x.org/1.jpg,,7\n"
    entries = read(tmp_path, content)
    assert bad(entries) == [f"bad-id m.csv line {line}" for line in (3, 5, 8)]
    assert "m.csv line 2" in str(entries[1].problem)
    assert [id for id, _ in good(entries)] == ["A", "c.jpg", "B", "http://x.org/1.jpg"]


def test_ids_are_told_apart_over_several_manifests(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        read(tmp_path / name, "path,id\na.jpg,A\nb.jpg,\n")
    sources = Sources([tmp_path / "one" / "m.csv", tmp_path / "two" / "m.csv"], None, SCHEMA)  # type: ignore[arg-type]
    entries = list(Names().apart(sources.entries()))
    assert [id for id, _ in good(entries)] == ["A", "b.jpg", "two/b.jpg"]
    assert bad(entries) == ["bad-id m.csv line 2"]


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        (0, "0"),
        (17, "17"),
        (-1.5, "-1.5"),
        ("x", "x"),
        (None, "a.jpg"),
        ("", "a.jpg"),
        (["x"], None),
        ({"a": 1}, None),
        (True, None),
        (False, None),
        (float("nan"), None),
        ([], None),
    ],
)
def test_ids_in_json_are_text_or_numbers(tmp_path: Path, id: object, expected: str | None) -> None:
    entries = read(tmp_path, json.dumps({"path": "a.jpg", "id": id}), "m.jsonl")
    if expected is None:
        assert bad(entries) == ["bad-id m.jsonl line 1"]
    else:
        assert [id for id, _ in good(entries)] == [expected]


@pytest.mark.parametrize(
    "line",
    [
        '{"path": "b.jpg"',
        '{"path": "b.jpg", "price": NaN}',
        '{"path": "b.jpg", "note": {"a": 1}}',
        '{"path": "b.jpg", "path": "c.jpg"}',
        '{"path": "b.jpg", "Path": "c.jpg", "PATH": "d.jpg", "note": [1]}',
        '{"path": 5}',
        '{"path": ["b.jpg"]}',
        '{"path": "   "}',
        "null",
        '"b.jpg"',
        "[" * 100_000,
        '{"path": "b.jpg", "x": ' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"path": "b.jpg", "x": ' + "9" * 5_000 + "}",
        json.dumps({"path": "b.jpg", "note": "x" * 70_000}),
        json.dumps({"path": "b.jpg", **{f"k{n}": "红" * 100 for n in range(300)}}, ensure_ascii=False),
    ],
)
def test_a_bad_line_of_json_costs_no_other(tmp_path: Path, line: str) -> None:
    entries = read(tmp_path, "\ufeff" + "\r\n".join(['{"Path": "a.jpg"}', line, "", '{"path": "c.jpg"}']), "m.jsonl")
    assert [id for id, _ in good(entries)] == ["a.jpg", "c.jpg"]
    assert [problem.split()[-1] for problem in bad(entries)] == ["2"]


@pytest.mark.parametrize(
    ("name", "content"), [("m.csv", "path,id\n"), ("m.csv", "path"), ("m.jsonl", ""), ("m.tsv", "url\n\n")]
)
def test_a_manifest_without_rows_names_nothing(tmp_path: Path, name: str, content: str) -> None:
    assert read(tmp_path, content, name) == []


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("img\\summer\\1.jpg", "img/summer/1.jpg"),
        (".\\img\\1.jpg", "img/1.jpg"),
        ("img/1.JPG", "img/1.jpg"),
        ("IMG/1.jpg", "img/1.JPG"),
        (unicodedata.normalize("NFD", "été/é.jpg"), unicodedata.normalize("NFC", "été/é.jpg")),
        (unicodedata.normalize("NFC", "été/é.jpg"), unicodedata.normalize("NFD", "été/é.jpg")),
        ("back\\slash.jpg", "back\\slash.jpg"),
    ],
)
def test_files_are_found_as_other_systems_spell_them(tmp_path: Path, named: str, there: str) -> None:
    file = tmp_path / there
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    (entry,) = read(tmp_path, json.dumps({"path": named}), "m.jsonl")
    assert (entry.uri, entry.id) == (str(file), there)


def test_a_spelling_that_two_files_answer_to_finds_neither(tmp_path: Path) -> None:
    for name in ("x.JPG", "X.jpg"):
        (tmp_path / name).touch()
    (entry,) = read(tmp_path, "path\nx.jpg\n")
    assert entry.uri == str(tmp_path / "x.jpg")
