"""Searching a shop: filters, groups, order, facets, guesses, similar products, clicks."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import STATES, state_of
from tests.shop.conftest import CATEGORIES, Write, row
from tests.subject.scenes import scene
from yunmeng.apps.shop.guessing import guess
from yunmeng.apps.shop.service import Shop
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.types import Record, Region, Vector


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


@pytest.fixture
def filled(shop: Shop, write: Write) -> Shop:
    """Twenty products; each even one has a second picture."""
    rows = [row(n, image=f"{n}.png|{n + 1}.png" if n % 2 == 0 else f"{n}.png") for n in range(18)]
    shop.import_catalogue(
        write([*rows, row(18, family="f", stock=0), row(19, title="Velvet kestrel", family="f", price="", currency="")])
    )
    return shop


def ids(found: object) -> list[str]:
    return [hit.product.id for hit in found.products]  # type: ignore[attr-defined]


def test_each_product_once_with_its_best_picture(filled: Shop, folder: Path) -> None:
    answer = filled.search(folder / "4.png", k=20)
    assert len(ids(answer)) == len(set(ids(answer))) == 20
    assert answer.total == 20
    assert answer.next_offset is None
    first = answer.products[0]
    assert first.product.id == "p4"
    assert first.score == pytest.approx(1, abs=1e-3)
    assert len(first.others) == 1
    pages = [filled.search(folder / "4.png", k=6, offset=offset) for offset in (0, 6, 12, 18)]
    assert [id for page in pages for id in ids(page)] == ids(answer)
    assert [page.next_offset for page in pages] == [6, 12, 18, None]


def test_the_things_in_a_photo_can_be_searched_with(filled: Shop, folder: Path) -> None:
    things = (Region(0.05, 0.1, 0.3, 0.5), Region(0.6, 0.35, 0.3, 0.5))
    found = filled.objects(scene(*things))
    assert len(found) == 2
    assert ids(filled.search(scene(*things), region=found[1].region)) != []
    assert len(filled.objects(scene(things[0]))) == 1
    assert filled.objects(np.full((90, 120, 3), 127, np.uint8)) == []


def test_filters_are_inside_the_search(filled: Shop, folder: Path) -> None:
    for category, count in (("women", 14), ("women/shoes", 14), (CATEGORIES[1], 7), ("women/shoe", 0), ("men", 6)):
        answer = filled.search(folder / "0.png", category=category, k=20)
        assert len(answer.products) == answer.total == count
    answer = filled.search(folder / "0.png", brands=["Ada"], least=15, most=20, currency="EUR")
    assert sorted(ids(answer)) == ["p5", "p7", "p9"]
    assert "p18" not in ids(filled.search(folder / "0.png", in_stock=True))
    assert ids(filled.search(folder / "0.png", filter="title = 'Product 3'")) == ["p3"]


def test_order_by_price(filled: Shop, folder: Path) -> None:
    cheap = filled.search(folder / "0.png", sort="price", k=20)
    assert ids(cheap) == [f"p{n}" for n in range(20)]  # without a price last
    dear = filled.search(folder / "0.png", sort="-price", k=3)
    assert ids(dear) == ["p18", "p17", "p16"]
    assert dear.next_offset == 3


def test_facets_leave_out_the_filter_of_their_own_kind(filled: Shop, folder: Path) -> None:
    plain = filled.search(folder / "0.png", k=1).facets
    assert plain.categories == {
        "women": 14,
        "women/shoes": 14,
        CATEGORIES[0]: 7,
        CATEGORIES[1]: 7,
        "men": 6,
        "men/hats": 6,
    }
    assert plain.brands == {"Bela": 10, "Ada": 10}
    assert plain.prices == {"EUR": (10.5, 28.5)}
    facets = filled.search(folder / "0.png", k=1, category="men", brands=["Ada"]).facets
    assert facets.categories["women"] == 7
    assert facets.brands == {"Bela": 3, "Ada": 3}
    assert facets.prices == {"EUR": (15.5, 27.5)}


def test_words_and_words_beside_a_photo(filled: Shop, folder: Path) -> None:
    answer = filled.search(text="velvet kestrel", k=3)
    assert ids(answer)[0] == "p19"
    assert list(answer.guesses) == []
    for wrong in ({}, {"text": "x", "k": 0}, {"text": "x", "offset": -1}):
        with pytest.raises(QueryError):
            filled.search(**wrong)  # type: ignore[arg-type]


def test_similar_products_without_the_family_and_sold_out_last(filled: Shop) -> None:
    found = ids(filled.similar("p19", k=20))
    assert len(found) == 18
    assert not {"p18", "p19"} & set(found)
    sold_out = [f"p{n}" for n in range(0, 18, 4)]
    assert sorted(found[-len(sold_out) :]) == sorted(sold_out)
    assert "p19" in ids(filled.similar("p3", k=20))
    with pytest.raises(RecordNotFound):
        filled.similar("nothing")


def test_clicks_are_kept_with_what_was_shown(filled: Shop, folder: Path) -> None:
    answer = filled.search(folder / "3.png", k=5, offset=5)
    chosen = answer.products[2].product.id
    click = filled.click(answer.search, chosen)
    assert (click.place, click.kind, list(click.shown)) == (8, "photo", ids(answer))
    assert click.vector is not None
    vector = np.frombuffer(click.vector, "<f2")
    assert vector.shape == (filled._library.info().dim,)
    similar = filled.similar("p3")
    filled.click(similar.search, similar.products[0].product.id)
    assert [one.number for one in filled.clicks()] == [1, 2]
    assert [one.query for one in filled.clicks(after=1)] == ["p3"]
    for search, product in ((answer.search, "p-none"), ("unknown", chosen)):
        with pytest.raises(RecordNotFound):
            filled.click(search, product)


def neighbours(categories: dict[str, int], spread: float = 0.3) -> tuple[Vector, list[Record]]:
    """A photo, and products of some categories, each around a place of its own; the first is around the photo."""
    random = np.random.default_rng(0)
    records = []
    for place, (category, count) in enumerate(categories.items()):
        for number in range(count):
            vector = np.eye(16)[place] + spread * random.normal(size=16)
            unit = (vector / np.linalg.norm(vector)).astype(np.float32)
            attributes = {"category": category} if category else {}
            records.append(Record(f"{category}-{number}", "", "", "", "", 1, 1, attributes=attributes, vector=unit))
    return np.eye(16, dtype=np.float32)[0], records


def test_the_category_is_told_from_the_neighbours() -> None:
    photo, records = neighbours({"women/shoes/boots": 6, "women/shoes/sandals": 6, "men/hats": 12})
    best, *others = guess(photo, records)
    assert best.category == "women/shoes/boots"
    assert 0.5 < best.chance < 1
    assert [other.category for other in others] == sorted(
        [other.category for other in others], key=lambda c: c[0] != "w"
    )
    assert sum(one.chance for one in (best, *others)) == pytest.approx(1, abs=0.02)


def test_a_category_that_is_not_certain_is_told_as_the_one_above() -> None:
    _, records = neighbours({"women/shoes/boots": 3, "women/shoes/sandals": 3, "women/shoes/pumps": 3}, spread=0)
    middle = np.sum([record.vector for record in records if record.vector is not None], axis=0)
    best, *others = guess((middle / np.linalg.norm(middle)).astype(np.float32), records)
    assert best.category == "women/shoes"
    assert len(others) == 3


def test_products_without_a_category_tell_nothing() -> None:
    photo, records = neighbours({"": 5})
    assert guess(photo, records) == []
