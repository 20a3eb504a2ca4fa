"""The picture that is asked with by its id is the first hit, however alike others are."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write_pictures
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

TWINS = [f"twin-{number}.jpg" for number in range(6)]
"""Pictures with the same bytes, and so with the same vector."""
STEPS = ["average", "alpha", "expand", "reciprocal", "diffusion", "diverse"]

QUESTIONS: list[dict[str, Any]] = [
    {},
    {"filter": "kind = 'twin'"},
    {"filter": "kind = 'twin' or number > 3", "explain": True},
    {"group_by": "kind"},
    {"group_by": "kind", "rerank": ["average"]},
    {"min_score": 0.5},
    {"subject": False},
    {"rerank": ["average", "reciprocal", "diverse"], "explain": True},
    *({"rerank": step} for step in STEPS),
    *({"metric": metric} for metric in ("euclidean", "manhattan", "hamming", "fingerprint")),
    {"metric": "hamming", "rerank": "expand", "group_by": "kind", "explain": True},
]


@pytest.fixture(scope="module", params=["plain", "regions", "augmented"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp(request.param)
    pictures = write_pictures(folder / "pictures", 12)
    for name in TWINS:
        (pictures / name).write_bytes((pictures / "000.jpg").read_bytes())
    library = Library.create(
        folder / "library",
        FakeEncoder(),
        {"kind": "str", "number": "int"},
        Settings(cache_dir=folder),
        regions=request.param == "regions",
        augmented=request.param == "augmented",
    )
    library.index([pictures])
    for number, record in enumerate(list(library.iterate())):
        kind = "twin" if record.id in TWINS else f"kind {number % 3}"
        library.set_attributes(record.id, {"kind": kind, "number": number})
    return library


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_it_comes_first_and_scores_fall(library: Library, question: dict[str, Any]) -> None:
    for k in (1, 5, 40):
        hits = library.search(id="twin-5.jpg", k=k, **question)
        assert hits[0].id == "twin-5.jpg"
        assert hits[0].attributes["kind"] == "twin"
        assert len({hit.id for hit in hits}) == len(hits) <= k
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        if question.get("explain"):
            assert all(
                (hit.explanation[-1].score, hit.explanation[0].step) == (hit.score, "search") for hit in hits[:1]
            )
        if "group_by" in question:
            kinds = [hit.attributes["kind"] for hit in hits]
            assert len(set(kinds)) == len(kinds) == min(k, 4)


@pytest.mark.parametrize("question", [{}, {"rerank": "average"}, {"group_by": "kind"}], ids=str)
def test_it_is_on_the_first_page_only(library: Library, question: dict[str, Any]) -> None:
    pages = [library.search(id="twin-4.jpg", k=2, offset=offset, **question) for offset in range(0, 18, 2)]
    ids = [hit.id for page in pages for hit in page]
    assert len(ids) == (4 if question.get("group_by") else 18)
    assert [place for place, id in enumerate(ids) if id == "twin-4.jpg"] == [0]


def test_where_the_parts_of_pictures_are_searched(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 2)
    for name in TWINS:
        (pictures / name).write_bytes((pictures / "000.jpg").read_bytes())
    with Library.create(
        tmp_path / "library", FakeEncoder(), settings=Settings(cache_dir=tmp_path), regions=True
    ) as own:
        own.index([pictures])
        for id in TWINS:
            for k in (1, 3):
                hit = own.search(id=id, regions=True, k=k)[0]
                assert (hit.id, hit.region) == (id, (0, 0, 1, 1))
                assert hit.score == pytest.approx(1, abs=1e-5)


def test_a_filter_that_it_does_not_pass_leaves_it_out(library: Library) -> None:
    hits = library.search(id="twin-3.jpg", k=3, filter="kind != 'twin'")
    assert "twin-3.jpg" not in {hit.id for hit in hits}
    assert len(hits) == 3
