"""Registered works over HTTP and by the client: register, list, prove, verify, check."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.imaging.samples import photograph
from tests.live import serving
from tests.needing import need
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.merkle import is_included, leaf_hash
from yunmeng.apps.copyright.tables import canonical
from yunmeng.client import Client
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.library import Library
from yunmeng.server import create_app

need("cv2", "faiss", extra="copies")


def file(image: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture
def client(library: Library) -> Iterator[Client]:
    for seed in range(6):
        library.add(file(photograph(seed, (240, 180))), id=f"作品/{seed}.jpg")
    with serving(create_app(library)) as address, Client(address) as client:
        yield client


def test_works_are_registered_corrected_and_withdrawn(client: Client) -> None:
    assert client.works_register().head.size == 0
    work = client.register_work("作品/1.jpg", "林工作室", title="猫", date="2026-11")
    assert (work.number, work.id, work.owner, work.title, work.licence) == (1, "作品/1.jpg", "林工作室", "猫", "")
    with pytest.raises(QueryError, match="registered"):
        client.register_work("作品/1.jpg", "somebody else")
    with pytest.raises(QueryError, match="date"):
        client.register_work("作品/2.jpg", "Lin", date="yesterday")
    with pytest.raises(RecordNotFound):
        client.register_work("nowhere.jpg", "Lin")
    assert client.correct_work(1, licence="CC BY 4.0").licence == "CC BY 4.0"
    for number in range(2, 6):
        client.register_work(f"作品/{number}.jpg", "Lin")
    assert [one.number for one in client.registered_works(page=2)] == [1, 3, 4, 5, 6]
    assert [one.number for one in client.registered_works(owner="林工作室")] == [1]
    assert client.withdraw_work(3, "sold").withdrawn
    assert [one.number for one in client.registered_works()] == [1, 4, 5, 6]
    assert [one.number for one in client.registered_works(withdrawn=True)] == [1, 3, 4, 5, 6]
    history = client.show_work(1)
    assert [entry.kind for entry in history.entries] == ["registration", "correction"]
    register = client.works_register()
    assert (register.works, register.head.size, register.stamped_at, register.stamps) == (4, 7, None, False)
    with pytest.raises(RecordNotFound):
        client.show_work(99)
    with pytest.raises(QueryError, match="YUNMENG_TSA_URL"):
        client.stamp_register()


def test_a_picture_that_is_sent_is_registered_and_joins_the_library(client: Client, library: Library) -> None:
    data = file(photograph(9, (240, 180)))
    work = client.register_work(data, "林工作室", title="桥")
    assert (work.owner, work.title, library.original(work.id)) == ("林工作室", "桥", data)
    with pytest.raises(QueryError, match="registered"):
        client.register_work(data, "somebody else")
    with pytest.raises(QueryError, match="owner"):
        client.register_work(file(photograph(8, (240, 180))), " ")
    known = client.register_work(library.original("作品/1.jpg"), "Lin")
    assert known.id == "作品/1.jpg"


def test_a_tree_head_of_before_is_verified(client: Client) -> None:
    client.register_work("作品/0.jpg", "Lin")
    head = client.works_register().head
    client.register_work("作品/1.jpg", "Lin")
    assert client.verify_register(head).sound
    other = head.model_copy(update={"root": "0" * 64})
    assert [problem.kind for problem in client.verify_register(other).problems] == ["earlier"]


def test_a_proof_is_checked_by_its_own_means(client: Client) -> None:
    for number in range(3):
        client.register_work(f"作品/{number}.jpg", "Lin")
    proof = client.prove_work(2)
    leaf = leaf_hash(canonical(proof["entry"]))
    path = [bytes.fromhex(each) for each in proof["path"]]
    root = bytes.fromhex(proof["tree"]["root"])
    assert is_included(leaf, proof["leaf_index"], proof["tree"]["size"], path, root)
    assert proof["tree"] == client.works_register().head.model_dump()
    assert len(client.export_register()["entries"]) == 3
    found = client.verify_register()
    assert (found.sound, found.problems) == (True, [])


def test_a_copy_is_traced_to_its_owner(client: Client, tmp_path: Path) -> None:
    client.register_work("作品/2.jpg", "林工作室", licence="CC BY 4.0")
    suspect = file(photograph(2, (240, 180)).crop((15, 10, 225, 170)), 70)
    (match,) = client.check_works(suspect)
    assert (match.work.owner, match.id, match.verdict) == ("林工作室", "作品/2.jpg", "edited-copy")
    assert "crop" in {edit.name for edit in match.edits}
    (tmp_path / "suspect.jpg").write_bytes(suspect)
    assert client.check_works(tmp_path / "suspect.jpg") == [match]
    (same,) = client.check_works("作品/2.jpg")
    assert same.verdict == "same-file"
    assert client.check_works("作品/3.jpg") == []
    assert len(client.check_works("作品/3.jpg", min_chance=0)) == 1


def test_evidence_is_reported(client: Client, tmp_path: Path) -> None:
    need("reportlab", extra="copyright")
    client.register_work("作品/2.jpg", "林工作室", title="桥")
    (tmp_path / "suspect.jpg").write_bytes(file(photograph(2, (240, 180)).crop((15, 10, 225, 170)), 70))
    report = client.report_copy(tmp_path / "suspect.jpg", language="zh").decode()
    assert "林工作室" in report
    assert "suspect.jpg" in report
    assert client.report_copy("作品/2.jpg", format="pdf").startswith(b"%PDF-")
    assert "Nothing shows" in client.report_copy("作品/3.jpg", work=1).decode()
    with pytest.raises(RecordNotFound):
        client.report_copy("作品/3.jpg")


def test_findings_are_listed_and_dismissed(client: Client, library: Library, tmp_path: Path) -> None:
    for number in (1, 2):
        client.register_work(f"作品/{number}.jpg", "Lin")
        (tmp_path / f"{number}.jpg").write_bytes(file(photograph(number, (240, 180)), 70))
        Works(library).inspect(str(tmp_path / f"{number}.jpg"))
    newest, oldest = client.copy_findings(page=1)
    assert (newest.work, oldest.work, newest.source) == (2, 1, str(tmp_path / "2.jpg"))
    assert client.dismiss_finding(newest.number).dismissed
    assert [one.number for one in client.copy_findings()] == [oldest.number]
    assert [one.number for one in client.copy_findings(dismissed=True)] == [newest.number]
    assert client.check_works(tmp_path / "2.jpg") == []
    with pytest.raises(RecordNotFound):
        client.dismiss_finding(99)
