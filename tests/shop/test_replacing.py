"""A catalogue that takes the place of another at one moment, for those who search meanwhile, and when it is killed."""

import threading
from pathlib import Path

import pytest

from tests.conftest import paint
from tests.forking import fork_server
from tests.shop.conftest import Write, row
from yunmeng.apps.shop.service import Shop
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import StoreError
from yunmeng.library import Library, staging
from yunmeng.types import Tally

OLD = {f"p{n}": "Old" for n in range(8)}
NEW = {f"p{n}": f"Product {n}" for n in range(4, 16)}


@pytest.fixture
def new(shop: Shop, write: Write) -> Path:
    """The new catalogue, where the old one is in the shop."""
    shop.import_catalogue(write([row(n, title="Old") for n in range(8)]))
    return write([row(n) for n in range(4, 16)])


def listed(shop: Shop) -> dict[str, str]:
    return {str(one.attributes["product"]): str(one.attributes["title"]) for one in shop.products(1000)}


def found(shop: Shop, photo: Path) -> dict[str, str]:
    """The products of an answer, whose facets count just these."""
    answer = shop.search(photo, k=100)
    assert sum(answer.facets.brands.values()) == answer.total == len(answer.products)
    return {hit.product.id: hit.product.title for hit in answer.products}


def test_whoever_searches_meanwhile_sees_the_old_or_the_new_one(shop: Shop, new: Path, folder: Path) -> None:
    seen: list[dict[str, str]] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(found(shop, folder / "5.png"))

    def meanwhile(_: Tally) -> None:
        assert found(shop, folder / "5.png") == listed(shop) == OLD

    reader = threading.Thread(target=look)
    reader.start()
    try:
        report = shop.import_catalogue(new, replace=True, on_tally=meanwhile)
    finally:
        over.set()
        reader.join()
    assert (report.products, report.changed, report.removed) == (12, 12, 4)
    assert found(shop, folder / "5.png") == listed(shop) == NEW
    assert all(one in (OLD, NEW) for one in seen)
    assert [one == NEW for one in seen] == sorted(one == NEW for one in seen)


def test_known_pictures_are_not_encoded_again(shop: Shop, new: Path, encoder: FakeEncoder) -> None:
    before = encoder.encoded
    shop.import_catalogue(new, replace=True)
    assert encoder.encoded == before + 8
    shop.import_catalogue(new, replace=True)
    assert encoder.encoded == before + 8


def test_what_is_no_product_stays_with_what_happens_to_it_meanwhile(
    shop: Shop, new: Path, library: Library, folder: Path
) -> None:
    for n in (20, 21):
        library.add(folder / f"{n}.png", id=f"{n}")

    def meanwhile(_: Tally) -> None:
        library.add(folder / "22.png", id="22", attributes={"tags": ["new"]})
        library.delete("21")
        library.set_attributes("20", {"tags": ["changed"]})

    shop.import_catalogue(new, replace=True, on_tally=meanwhile)
    assert {record.id for record in library.iterate("product is null")} == {"20", "22"}
    assert library.get("20").attributes == {"tags": ["changed"]}
    assert library.get("22").attributes == {"tags": ["new"]}
    assert [hit.id for hit in library.search(folder / "22.png", k=1)] == ["22"]
    assert listed(shop) == NEW


def test_a_replacement_that_fails_leaves_everything_as_it_was(
    shop: Shop, new: Path, library: Library, monkeypatch: pytest.MonkeyPatch, encoder: FakeEncoder
) -> None:
    before = sorted(library.iterate(), key=lambda record: record.id)

    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(staging, "write_config", full)
    with pytest.raises(StoreError):
        shop.import_catalogue(new, replace=True)
    monkeypatch.undo()
    assert sorted(library.iterate(), key=lambda record: record.id) == before
    encoded = encoder.encoded
    shop.import_catalogue(new, replace=True)
    assert listed(shop) == NEW
    assert encoder.encoded == encoded  # the pictures of the first attempt


def test_pictures_that_were_sent_lose_their_files_last(
    shop: Shop, new: Path, library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = library.add((folder / "25.png").read_bytes(), attributes={"product": "p99", "position": 1}).id
    monkeypatch.setattr(staging, "write_config", lambda *_: (_ for _ in ()).throw(StoreError("full")))
    with pytest.raises(StoreError):
        shop.import_catalogue(new, replace=True)
    assert library.original(sent) == (folder / "25.png").read_bytes()
    file = Path(library.get(sent).uri)
    monkeypatch.undo()
    shop.import_catalogue(new, replace=True)
    assert not file.exists()


KILLS = [
    ("upsert", 1, "before"),
    ("upsert", 1, "after"),
    ("upsert", 3, "after"),
    ("delete", 1, "after"),
    ("write_config", 1, "before"),
    ("write_config", 1, "after"),
]


@pytest.mark.parametrize(("step", "call", "moment"), KILLS)
def test_killed_at_any_moment(
    step: str, call: int, moment: str, shop: Shop, new: Path, library: Library, tmp_path: Path, settings: Settings
) -> None:
    library.close()
    killed = fork_server().start(
        "-m", "tests.shop.replacing", tmp_path / "library", new, settings.cache_dir, step, call, moment
    )
    killed.communicate()
    assert killed.returncode == -9
    with Library.open(tmp_path / "library", FakeEncoder(), settings) as again:
        now = Shop(again)
        assert listed(now) == (NEW if (step, moment) == ("write_config", "after") else OLD)
        report = now.import_catalogue(new, replace=True)
        assert not report.interrupted
        assert listed(now) == NEW
        assert again.count() == 12
    assert len(list((tmp_path / "library").glob("store*"))) == 1


def test_stores_of_two_kinds_of_vectors(tmp_path: Path, settings: Settings, folder: Path, write: Write) -> None:
    """Parts of pictures, and second vectors, are taken over too."""
    with Library.create(tmp_path / "both", FakeEncoder(), settings=settings, regions=True, augmented=True) as library:
        shop = Shop(library)
        shop.import_catalogue(write([row(n, title="Old") for n in range(8)]))
        paint(5).crop((0, 0, 32, 48)).save(folder / "part.png")
        before = library.search(folder / "part.png", k=3, regions=True, filter="product = 'p5'")
        shop.import_catalogue(write([row(n) for n in range(4, 16)]), replace=True)
        assert listed(shop) == NEW
        after = library.search(folder / "part.png", k=3, regions=True, filter="product = 'p5'")
        assert [hit.id for hit in after] == [hit.id for hit in before]
        assert [hit.score for hit in after] == pytest.approx([hit.score for hit in before])
        assert len(library.search(folder / "5.png", k=3, rerank="expand")) == 3
