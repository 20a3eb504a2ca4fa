"""Re-ranked, grouped and explained searches, through the library's face."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import paint
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import FilterError, LibraryFormatError, MissingExtra, QueryError
from yunmeng.imaging import hamming
from yunmeng.library import Library
from yunmeng.search import STEPS, QueryPart
from yunmeng.stores.filters import Compare
from yunmeng.types import Hit, LibraryMetric

COUNT = 260
VECTORIAL = sorted({*STEPS} - {"geometry"})
steps_in_any_order = st.lists(st.sampled_from(VECTORIAL), max_size=3, unique=True)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Products of three pictures each, two in three of them shoes; one picture in ten is of no product."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "pictures").mkdir()
    rows = ["path,product,kind,price"]
    for seed in range(COUNT):
        paint(seed % 200 + 1000 * (seed // 200), (32, 24)).save(folder / "pictures" / f"{seed:03}.png")
        product = "" if seed % 10 == 9 else f"p{seed // 3}"
        rows.append(f"pictures/{seed:03}.png,{product},{('shoe', 'shoe', 'hat')[seed % 3]},{seed}")
    (folder / "shop.csv").write_text("\n".join(rows))
    schema = {"product": "str", "kind": "str", "price": "float"}
    encoder = FakeEncoder(reads_text=True)
    with Library.create(folder / "library", encoder, schema, Settings(cache_dir=folder)) as library:  # type: ignore[arg-type]
        assert not library.index([folder / "shop.csv"]).failed
        yield library


def name(number: int) -> str:
    return f"pictures/{number:03}.png"


def ids(hits: list[Hit]) -> list[str]:
    return [hit.id for hit in hits]


# Explanations


def test_a_plain_search_is_explained_by_itself(filled: Library) -> None:
    hits = filled.search(id=name(3), k=5, offset=2, explain=True)
    assert [hit.explanation for hit in hits] == [(("search", hit.score, rank),) for rank, hit in enumerate(hits, 3)]
    assert not any(hit.explanation for hit in filled.search(id=name(3), k=5))


@given(number=st.integers(0, COUNT - 1), steps=steps_in_any_order, metric=st.sampled_from([None, "hamming"]))
@given_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_step_tells_score_and_rank(filled: Library, number: int, steps: list[str], metric: Any) -> None:
    hits = filled.search(id=name(number), k=300, rerank=steps, metric=metric, explain=True)
    order = ["search", *([metric] if metric else []), *steps]
    assert len(hits) == COUNT
    plain = {hit.id: (hit.score, rank) for rank, hit in enumerate(filled.search(id=name(number), k=300), 1)}
    for rank, hit in enumerate(hits, 1):
        told = [part.step for part in hit.explanation]
        assert told == order[-len(told) :]
        assert hit.explanation[-1] == (order[-1], hit.score, rank)
        if told == order:
            assert hit.explanation[0].score == pytest.approx(plain[hit.id][0], abs=1e-5)
    for place, step in enumerate(order):
        ranks = [part.rank for hit in hits for part in hit.explanation[place - len(order) :][:1] if part.step == step]
        assert sorted(ranks) == list(range(1, len(ranks) + 1))


def test_words_are_explained_by_what_they_mean_and_where_they_stand(filled: Library) -> None:
    filled.set_attributes(name(8), {"kind": "crimson"})
    hits = filled.search(text="crimson", k=20, explain=True)
    first = hits[0]
    assert first.id == name(8)
    assert [part.step for part in first.explanation] == ["meaning", "name", "search"]
    assert first.explanation[1].rank == 1
    assert first.explanation[2] == ("search", first.score, 1)
    nearest = filled.search(vector=FakeEncoder(reads_text=True).encode_texts(["crimson"])[0], k=3)
    meant = {part.rank: (hit.id, part.score) for hit in hits for part in hit.explanation if part.step == "meaning"}
    assert [meant[rank] for rank in (1, 2, 3)] == [(hit.id, hit.score) for hit in nearest]
    assert "crimson" not in str(hits[5].attributes)
    assert [part.step for part in hits[5].explanation] == ["meaning", "search"]


# Order


def test_the_library_is_asked_as_the_steps_are(filled: Library) -> None:
    """Against the vectors, by plain NumPy: the mean of the query and its five best, then by Manhattan distance."""
    known = {record.id: record.vector for record in filled.iterate(vectors=True) if record.vector is not None}
    query = known[name(7)]
    near = sorted(known, key=lambda id: -float(known[id] @ query))[:5]
    mean = query + np.sum([known[id] for id in near], axis=0)
    mean /= np.linalg.norm(mean)
    hits = filled.search(id=name(7), k=12, rerank="average")
    scores = sorted((float(vector @ mean) for vector in known.values()), reverse=True)
    assert [hit.score for hit in hits] == pytest.approx(scores[:12], abs=1e-4)
    by_distance = sorted(known, key=lambda id: float(np.abs(known[id] - query).sum()))
    hits = filled.search(id=name(7), k=12, metric="manhattan")
    assert ids(hits) == by_distance[:12]
    assert hits[5].score == pytest.approx(1 / (1 + float(np.abs(known[hits[5].id] - query).sum())), abs=1e-4)


@given(
    number=st.integers(0, COUNT - 1),
    steps=steps_in_any_order,
    grouped=st.booleans(),
    cuts=st.lists(st.integers(1, 12), min_size=1, max_size=6),
)
@given_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_go_on_where_the_page_before_ended(
    filled: Library, number: int, steps: list[str], grouped: bool, cuts: list[int]
) -> None:
    asked: dict[str, Any] = {"id": name(number), "rerank": steps, "group_by": "product" if grouped else None}
    pages: list[Hit] = []
    for k in cuts:
        pages += filled.search(**asked, k=k, offset=len(pages))
    whole = filled.search(**asked, k=len(pages))
    assert [(hit.id, hit.score) for hit in pages] == [(hit.id, hit.score) for hit in whole]


def test_fingerprints_order_the_hits_of_one_picture(filled: Library, tmp_path: Path) -> None:
    records = {record.id: record for record in filled.iterate()}
    hits = filled.search(id=name(11), k=10, metric="fingerprint")
    assert (hits[0].id, hits[0].score) == (name(11), 1.0)
    distances = [hamming(records[hit.id].pdq, records[name(11)].pdq) for hit in hits]
    assert [hit.score for hit in hits] == [1 - distance / 256 for distance in distances]
    by_path = filled.search(filled.get(name(11)).uri, k=10, metric="fingerprint")
    assert [hit.score for hit in by_path] == [hit.score for hit in hits]
    copy = tmp_path / "copy.jpg"
    Image.open(filled.get(name(11)).uri).save(copy, quality=60)
    assert filled.search(copy, k=1, metric="fingerprint")[0].id == name(11)


@pytest.mark.parametrize(
    "question",
    [
        {"text": "red", "metric": "fingerprint"},
        {"mix": [QueryPart(id=name(1)), QueryPart(id=name(2))], "metric": "fingerprint"},
        {"vector": np.ones(32), "rerank": "geometry"},
        {"id": name(1), "rerank": "geometrie"},
        {"id": name(1), "metric": "chebyshev"},
        {"id": name(1), "rerank": "average", "regions": True},
    ],
)
def test_what_cannot_be_put_in_order_says_so(filled: Library, question: dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        filled.search(**question)


def test_words_that_nothing_reads_are_found_by_name_but_not_ordered_by_looks(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(12):
        paint(seed).save(tmp_path / "pictures" / f"chair {seed}.png")
    with Library.create(tmp_path / "library", FakeEncoder(), settings=Settings(cache_dir=tmp_path)) as library:
        library.index([tmp_path / "pictures"])
        hits = library.search(text="chair", k=5, rerank="diverse", explain=True)
        assert [part.step for part in hits[0].explanation] == ["name", "search", "diverse"]
        with pytest.raises((QueryError, MissingExtra)):
            library.search(text="chair", rerank="reciprocal")


# Groups


@pytest.mark.parametrize("rerank", ["", "average", "reciprocal", "diffusion,diverse"])
@pytest.mark.parametrize("price", [0, 230])
def test_one_hit_a_group_is_the_first_of_each(filled: Library, rerank: str, price: int) -> None:
    asked: dict[str, Any] = {"id": name(50), "rerank": rerank, "filter": Compare("price", ">=", price)}
    every = filled.search(**asked, k=COUNT)
    seen: dict[object, Hit] = {}
    for hit in every:
        if hit.attributes.get("product"):
            seen.setdefault(hit.attributes["product"], hit)
    grouped = filled.search(**asked, k=COUNT, group_by="product")
    assert [hit.attributes["product"] for hit in grouped] == [hit.attributes["product"] for hit in seen.values()]
    assert ids(grouped) == ids(list(seen.values()))
    assert len(grouped) == (87 if price == 0 else 11)


def test_as_many_groups_as_are_wanted_come_out_though_one_fills_the_first_candidates(tmp_path: Path) -> None:
    """500 pictures of one product are nearer than the five other products."""
    (tmp_path / "pictures").mkdir()
    near = np.asarray(paint(1, (16, 12))).astype(int)
    rows = ["path,product"]
    for number in range(505):
        random = np.random.default_rng(number)
        pixels = near + random.integers(-4, 5, near.shape) if number < 500 else np.asarray(paint(number, (16, 12)))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "pictures" / f"{number}.png")
        rows.append(f"pictures/{number}.png,{'one' if number < 500 else number}")
    (tmp_path / "shop.csv").write_text("\n".join(rows))
    settings = Settings(cache_dir=tmp_path)
    with Library.create(tmp_path / "library", FakeEncoder(reads_text=True), {"product": "str"}, settings) as library:
        library.index([tmp_path / "shop.csv"])
        for question in ({"rerank": ""}, {"rerank": "reciprocal"}, {"metric": "manhattan"}, {"rerank": "average"}):
            hits = library.search(id="pictures/1.png", k=6, group_by="product", **question)  # type: ignore[arg-type]
            assert {hit.attributes["product"] for hit in hits} == {"one", *map(str, range(500, 505))}
            assert hits[0].attributes["product"] == "one"
        words = library.search(text="red", k=6, group_by="product")
        assert len({hit.attributes["product"] for hit in words}) == 6


def test_what_hits_are_to_be_unlike_does_not_stand_for_its_group(filled: Library) -> None:
    vector = filled.get(name(31), vector=True).vector
    mix = [QueryPart(vector=vector), QueryPart(id=name(31), weight=-0.1)]
    assert filled.search(vector=vector, k=1, group_by="product")[0].id == name(31)
    for rerank in ("", "average"):
        assert name(31) not in ids(filled.search(mix=mix, k=COUNT, rerank=rerank))
        hits = filled.search(mix=mix, k=COUNT, group_by="product", rerank=rerank)
        assert name(31) not in ids(hits)
        assert "p10" in [hit.attributes["product"] for hit in hits]
        assert len(hits) == 87


def test_groups_are_of_declared_attributes(filled: Library) -> None:
    with pytest.raises(FilterError, match="declared: product"):
        filled.search(id=name(1), group_by="price")


# Chances


def test_chances_go_by_the_cosine_whatever_the_order(filled: Library) -> None:
    assert filled.calibrate() is not None
    plain = {hit.id: hit.chance for hit in filled.search(id=name(40), k=COUNT)}
    for question in ({"rerank": "average"}, {"rerank": "reciprocal,diverse"}, {"metric": "hamming"}):
        hits = filled.search(id=name(40), k=50, **question)  # type: ignore[arg-type]
        assert {hit.id: hit.chance for hit in hits} == pytest.approx({hit.id: plain[hit.id] for hit in hits}, abs=1e-3)
    likely = filled.search(id=name(40), k=50, rerank="reciprocal", min_chance=0.5)
    assert set(ids(likely)) == {id for id, chance in plain.items() if chance is not None and chance >= 0.5}


# The library's metric


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "hamming"])
def test_a_library_has_a_metric_of_its_own(tmp_path: Path, metric: LibraryMetric) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(20):
        paint(seed).save(tmp_path / "pictures" / f"{seed}.png")
    settings, encoder = Settings(cache_dir=tmp_path), FakeEncoder(reads_text=True)
    with Library.create(tmp_path / "library", encoder, settings=settings, metric=metric) as library:
        library.index([tmp_path / "pictures"])
    with Library.open(tmp_path / "library", encoder, settings) as library:
        assert library.info().metric == metric
        assert library.search(id="3.png") == library.search(id="3.png", metric=metric)
        assert library.search(id="3.png") != library.search(id="3.png", metric="cosine")
        assert library.search(text="red")[0].score <= 1  # words are answered by meaning, as ever


def test_a_library_refuses_a_metric_that_it_cannot_have(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="cosine, euclidean, manhattan, hamming"):
        Library.create(tmp_path / "library", FakeEncoder(), metric="fingerprint")  # type: ignore[arg-type]
    assert not (tmp_path / "library").exists()
    with Library.create(tmp_path / "library", FakeEncoder(), settings=Settings(cache_dir=tmp_path)):
        pass
    card = tmp_path / "library" / "library.toml"
    card.write_text(card.read_text().replace('metric = "cosine"', 'metric = "chebyshev"'))
    with pytest.raises(LibraryFormatError, match="metric"):
        Library.open(tmp_path / "library")


# Geometry, on pictures


def test_geometry_finds_the_original_of_a_part_and_says_where(tmp_path: Path) -> None:
    need("cv2", extra="copies")
    (tmp_path / "pictures").mkdir()
    for seed in range(12):
        coarse = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "pictures" / f"{seed}.jpg", quality=92)
    with Library.create(tmp_path / "library", FakeEncoder(), settings=Settings(cache_dir=tmp_path)) as library:
        library.index([tmp_path / "pictures"])
        part = Image.open(tmp_path / "pictures" / "5.jpg").crop((200, 60, 400, 240))
        hits = library.search(part, k=12, rerank="geometry", explain=True)
        assert hits[0].id == "5.jpg"
        assert hits[0].alignment is not None
        assert all(hit.alignment is None for hit in hits[1:])
        x, y = np.array(hits[0].alignment.outline).T
        assert [x.min(), x.max(), y.min(), y.max()] == pytest.approx([0.5, 1, 0.2, 0.8], abs=0.03)
        assert [part.step for part in hits[0].explanation] == ["search", "geometry"]
        for own in ({"id": "5.jpg"}, {"image": tmp_path / "pictures" / "5.jpg"}):
            first, *others = library.search(**own, k=12, rerank="geometry")
            assert (first.id, first.score) == ("5.jpg", 1.0)
            assert all(hit.score < 1 for hit in others)
        by_region = library.search(id="5.jpg", region=(0.5, 0.2, 0.5, 0.6), k=3, rerank=["geometry"])
        assert by_region[0].id == "5.jpg"
        assert by_region[0].alignment is not None
        x, y = np.array(by_region[0].alignment.outline).T
        assert [x.min(), x.max(), y.min(), y.max()] == pytest.approx([0.5, 1, 0.2, 0.8], abs=0.03)
