"""Reports of evidence: what they say, in which language, and that they can be checked by what they say."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from tests.conftest import CommandLine, told_in_one_line
from tests.copyright.test_checking import file
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.report.document import Block, Code, Document, Facts, Heading, Steps, Text
from yunmeng.apps.copyright.report.pdf import as_pdf
from yunmeng.errors import RecordNotFound
from yunmeng.library import Library

need("cv2", "faiss", extra="copies")
need("reportlab", extra="copyright")

SUSPECT = file(photograph(2, (240, 180)).crop((15, 10, 225, 170)), 70)


@pytest.fixture
def registered(library: Library, works: Works) -> Works:
    for seed in range(4):
        library.add(file(photograph(seed, (240, 180))), id=f"work-{seed}")
        works.register(library.get(f"work-{seed}"), owner="林 <Studio>", title=f"桥 & bridge {seed}")
    return works


def texts(report: bytes, tag: str) -> list[str]:
    found = re.findall(f"<{tag}[^>]*>(.*?)</{tag}>", report.decode(), re.DOTALL)
    return [unescape(re.sub("<[^>]*>", "", text)) for text in found]


@pytest.mark.parametrize(("language", "made"), [("en", "was made from registered work 3"), ("zh", "由登记作品 3")])
def test_a_report_names_work_owner_and_edits(registered: Works, language: str, made: str) -> None:
    report = registered.report(SUSPECT, language=language, name="suspect.jpg")  # type: ignore[arg-type]
    assert f'<html lang="{language}">' in report.decode()
    (lead,) = [text for text in texts(report, "p") if made in text]
    assert "林 <Studio>" in lead
    assert "桥 & bridge 2" in lead
    assert report.count(b"data:image/jpeg;base64,") == 3
    assert [
        found for found in re.findall('(?:src|href)="([^"]*)"', report.decode()) if not found.startswith("data:")
    ] == []
    cells = texts(report, "td")
    assert "suspect.jpg" in cells
    assert registered.get(3).picture["sha256"] in cells


def test_a_report_can_be_checked_by_what_it_says(registered: Works, tmp_path: Path) -> None:
    proof, program = texts(registered.report(SUSPECT), "pre")
    (tmp_path / "proof.json").write_text(proof, encoding="utf-8")

    def checked() -> str:
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert checked() == "True"
    other = json.loads(proof)
    other["entry"]["owner"] = "somebody else"
    (tmp_path / "proof.json").write_text(json.dumps(other), encoding="utf-8")
    assert checked() == "False"


def test_a_report_compares_with_the_work_that_is_named(registered: Works) -> None:
    stranger = file(photograph(9, (240, 180)))
    with pytest.raises(RecordNotFound, match="name one"):
        registered.report(stranger)
    report = registered.report(stranger, work=1)
    assert "Nothing shows that the examined picture was made from registered work 1" in report.decode()
    with pytest.raises(RecordNotFound, match="no work 99"):
        registered.report(stranger, work=99)


def test_a_register_that_was_touched_is_not_relied_on(registered: Works, touch: Callable[..., None]) -> None:
    touch("update copyright_entries set content = replace(content, 'bridge 0', 'bridge X') where number = 1")
    report = registered.report(SUSPECT, work=3).decode()
    assert "it was touched. Do not rely on it" in report


def test_a_pdf_prints_any_text() -> None:
    rows = [("名称", "a" * 300), ("emoji", "\U0001f600 \ud800 \x07"), ("한국어", "Ελλάδα Россия <b>&")]
    blocks: list[Block] = [
        Heading("标题 title"),
        Text("正文 " * 200),
        Facts(rows),
        Steps(["一", "two"]),
        Code('{"owner": "\\u6797"}\n' * 90),
    ]
    for language in ("en", "zh"):
        data = as_pdf(Document("证据 report", language, blocks, "foot 页脚"))
        assert data.startswith(b"%PDF-")
        assert b"STSong-Light" in data


def test_reports_are_written_by_the_command(yunmeng: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "work.jpg").write_bytes(file(photograph(2, (240, 180))))
    (tmp_path / "suspect.jpg").write_bytes(SUSPECT)
    common = ("--db", "works")
    assert yunmeng("copyright", "register", "work.jpg", "--owner", "林", *common).returncode == 0
    for name, begin in (("report.pdf", b"%PDF-"), ("report.html", b"<!doctype html>")):
        done = yunmeng("copyright", "report", "suspect.jpg", "--out", name, "--language", "zh", *common)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_bytes().startswith(begin)
    told_in_one_line(yunmeng("copyright", "report", "suspect.jpg", "--out", "report.doc", *common), ".html or .pdf")
