"""What is recommended, and why."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.recommend.conftest import EACH, GROUPS
from yunmeng.apps.recommend import Recommender
from yunmeng.apps.recommend.types import Because, Method, Pick
from yunmeng.errors import FilterError, QueryError, RecordNotFound
from yunmeng.library import Library


def kinds(picks: list[Pick]) -> Counter[str]:
    return Counter(pick.id.split("/")[0] for pick in picks)


def like(recommender: Recommender, *pictures: str, user: str = "ann") -> None:
    for picture in pictures:
        recommender.record(user, picture, "like")


def test_both_of_two_tastes_are_served(recommender: Recommender) -> None:
    like(recommender, "cats/00", "cats/01", "cars/00", "cars/01")
    picks = recommender.recommend("ann", k=10)
    assert kinds(picks) == {"cats": 5, "cars": 5}
    assert {pick.source for pick in picks} == {"taste"}


def test_each_pick_names_the_liked_picture_that_is_most_like_it(shop: Library, recommender: Recommender) -> None:
    liked = ["cats/00", "cats/01", "cars/00"]
    like(recommender, *liked)
    vectors = {record.id: record.vector for record in shop.iterate(vectors=True)}
    for pick in recommender.recommend("ann", k=10):
        cosines = {id: float(vectors[id] @ vectors[pick.id]) for id in liked if id[:4] == pick.id[:4]}  # type: ignore[operator]
        assert pick.because == Because(max(cosines, key=lambda id: cosines[id]), "like")
        assert pick.score == pytest.approx(max(cosines.values()), abs=1e-4)


def test_nothing_that_has_an_event_comes_again(recommender: Recommender) -> None:
    for number in range(12):
        recommender.record("ann", f"cats/{number:02}", "view" if number % 2 else "like")
    recommender.record("ann", "cats/12", "hide")
    picks = recommender.recommend("ann", k=60)
    assert len({pick.id for pick in picks}) == 60
    assert not {f"cats/{number:02}" for number in range(13)} & {pick.id for pick in picks}


def test_all_that_is_left_is_recommended_once(recommender: Recommender) -> None:
    like(recommender, "cats/00", "cars/00")
    picks = recommender.recommend("ann", k=200)
    assert len(picks) == len({pick.id for pick in picks}) == len(GROUPS) * EACH - 2


@pytest.mark.parametrize("method", ["tastes", "mean", "popular", "random"])
def test_a_page_continues_the_one_before(recommender: Recommender, method: Method) -> None:
    like(recommender, "cats/00", "cars/00", "hats/00")
    like(recommender, "ships/00", "ships/01", user="bob")
    whole = recommender.recommend("ann", k=30, method=method)
    assert recommender.recommend("ann", k=10, offset=10, method=method) == whole[10:20]


def test_a_like_changes_the_next_page_and_an_undone_one_brings_it_back(recommender: Recommender) -> None:
    like(recommender, "cats/00")
    before = recommender.recommend("ann", k=10)
    event = recommender.record("ann", "ships/00", "like")
    after = recommender.recommend("ann", k=10)
    assert kinds(before) == {"cats": 10}
    assert kinds(after)["ships"] == 5
    assert recommender.forget(event.id)
    assert not recommender.forget(event.id)
    assert recommender.recommend("ann", k=10) == before


def test_old_likes_count_less(recommender: Recommender) -> None:
    recommender.record("ann", "cars/00", "like")
    recommender.record("ann", "cats/00", "like", at=datetime.now(UTC) - timedelta(days=60))
    assert kinds(recommender.recommend("ann", k=10)) == {"cars": 8, "cats": 2}
    assert [round(taste.share, 2) for taste in recommender.tastes("ann")] == [0.8, 0.2]


@pytest.mark.parametrize("years", [2, 20, 50])
def test_likes_of_long_ago_count_where_there_are_no_others(recommender: Recommender, years: int) -> None:
    for picture in ("cats/00", "cats/01", "cars/00"):
        recommender.record("old", picture, "like", at=datetime.now(UTC) - timedelta(days=365 * years))
        recommender.record("ann", picture, "like")
    found, expected = (recommender.recommend(user, k=20) for user in ("old", "ann"))
    assert [pick.id for pick in found] == [pick.id for pick in expected]
    assert [pick.source for pick in found] == ["taste"] * 20


def test_what_is_like_a_disliked_picture_comes_last(shop: Library, recommender: Recommender) -> None:
    like(recommender, "cats/00")
    best = recommender.recommend("ann", k=10)[0].id
    recommender.record("ann", best, "dislike")
    vectors = {record.id: record.vector for record in shop.iterate(vectors=True)}
    after = [pick.id for pick in recommender.recommend("ann", k=19)]
    likest = max(after, key=lambda id: float(vectors[id] @ vectors[best]))  # type: ignore[operator]
    assert after.index(likest) > 5


def test_the_formula_of_the_outline(shop: Library, recommender: Recommender) -> None:
    like(recommender, "cats/00", "cats/01", "ships/03")
    recommender.record("ann", "hats/00", "dislike")
    recommender.record("ann", "hats/01", "hide")
    recommender.record("ann", "cars/01", "view")
    vectors = {record.id: np.asarray(record.vector) for record in shop.iterate(vectors=True)}
    liked = np.mean([vectors[id] for id in ("cats/00", "cats/01", "ships/03")], axis=0)
    preferred = liked - 0.3 * np.mean([vectors[id] for id in ("hats/00", "hats/01")], axis=0)
    seen = {"cats/00", "cats/01", "ships/03", "hats/00", "hats/01", "cars/01"}
    expected = sorted(vectors.keys() - seen, key=lambda id: -float(vectors[id] @ preferred))
    assert [pick.id for pick in recommender.recommend("ann", k=20, method="mean")] == expected[:20]


def test_a_newcomer_sees_what_is_popular_and_what_is_varied(recommender: Recommender) -> None:
    for number in range(5):
        for user in range(5 - number):
            like(recommender, f"cats/{number:02}", user=f"user {user}")
    recommender.record("user 9", "ships/00", "dislike")
    picks = recommender.recommend("new", k=10)
    assert [pick.id for pick in picks if pick.source == "popular"] == [f"cats/{number:02}" for number in range(5)]
    varied = [pick for pick in picks if pick.source == "varied"]
    assert len(varied) == 5
    assert len(kinds(varied)) == len(GROUPS)
    assert all(pick.because is None and pick.score == 0 for pick in picks)


def test_what_was_popular_long_ago_is_less_so(recommender: Recommender) -> None:
    for user in range(3):
        recommender.record(f"user {user}", "cats/00", "like", at=datetime.now(UTC) - timedelta(days=90))
    recommender.record("user 0", "cars/00", "like")
    picks = recommender.recommend("new", k=2, method="popular")
    assert [pick.id for pick in picks] == ["cars/00", "cats/00"]


def test_filters_hold_for_every_method(recommender: Recommender) -> None:
    like(recommender, "cats/00", "cars/00")
    like(recommender, "hats/00", "hats/19", user="bob")
    methods: list[Method] = ["tastes", "mean", "popular", "random"]
    for method in methods:
        picks = recommender.recommend("ann", k=50, filter="price < 5 and category != 'ships'", method=method)
        assert len(picks) == 15 - 2
        assert {pick.record.attributes["category"] for pick in picks} == {"cats", "cars", "hats"}
    with pytest.raises(FilterError):
        recommender.recommend("ann", filter="colour = 'red'")


def test_muted_tastes_are_left_out_until_they_are_unmuted(recommender: Recommender) -> None:
    like(recommender, "cats/00", "cats/01", "cars/00")
    assert [(sorted(taste.pictures), taste.muted) for taste in recommender.tastes("ann")] == [
        (["cats/00", "cats/01"], False),
        (["cars/00"], False),
    ]
    assert [taste.muted for taste in recommender.mute("ann", "cats/01")] == [True, False]
    like(recommender, "cats/02")  # the taste stays muted as it grows
    assert kinds(recommender.recommend("ann", k=10)) == {"cars": 10}
    recommender.mute("ann", "cats/00", muted=False)
    assert kinds(recommender.recommend("ann", k=10))["cats"] > 0
    with pytest.raises(RecordNotFound, match="no taste of ann"):
        recommender.mute("ann", "ships/00")


def test_a_file_that_was_liked_under_another_id_is_not_recommended(shop: Library, recommender: Recommender) -> None:
    from dataclasses import replace

    shop.generation.store.upsert([replace(shop.get("cats/00", vector=True), id="copy of cats/00")])
    like(recommender, "cats/00")
    taste = [pick.id for pick in recommender.recommend("ann", k=200) if pick.source == "taste"]
    assert "copy of cats/00" not in taste
    assert "copy of cats/00" not in [pick.id for pick in recommender.similar("cats/00", k=30)]


def test_similar_pictures(shop: Library, recommender: Recommender) -> None:
    picks = recommender.similar("cats/00", k=5, filter="price > 3")
    hits = [hit for hit in shop.search(id="cats/00", k=6, filter="price > 3") if hit.id != "cats/00"]
    assert [(pick.id, pick.score) for pick in picks] == [(hit.id, hit.score) for hit in hits[:5]]
    assert {pick.because for pick in picks} == {Because("cats/00", None)}
    assert recommender.similar("cats/00", k=3, offset=2, filter="price > 3") == picks[2:5]
    with pytest.raises(RecordNotFound):
        recommender.similar("dogs/00")


def test_pictures_that_are_deleted_leave_everything(shop: Library, recommender: Recommender) -> None:
    like(recommender, "cats/00", "cars/00")
    like(recommender, "cats/05", user="bob")
    shop.delete(["cars/00", "cats/05"])
    assert [list(taste.pictures) for taste in recommender.tastes("ann")] == [["cats/00"]]
    assert "cats/05" not in [pick.id for pick in recommender.recommend("new", k=100)]
    assert len(recommender.recommend("ann", k=100)) == 77


def test_an_empty_library_and_a_single_picture(shop: Library, recommender: Recommender) -> None:
    like(recommender, "cats/00")
    shop.delete([record.id for record in shop.iterate() if record.id != "cats/00"])
    assert recommender.recommend("ann") == []
    assert [pick.id for pick in recommender.recommend("new")] == ["cats/00"]
    shop.delete("cats/00")
    assert recommender.recommend("ann") == recommender.recommend("new") == []


def test_a_method_that_is_none(recommender: Recommender) -> None:
    with pytest.raises(QueryError, match="no method 'best': choose among tastes"):
        recommender.recommend("ann", method="best")  # type: ignore[arg-type]


@pytest.mark.parametrize(("k", "offset"), [(0, 0), (1, -1), (200, 1), (201, 0)])
def test_pages_that_are_none(recommender: Recommender, k: int, offset: int) -> None:
    with pytest.raises(QueryError, match="at most 200"):
        recommender.recommend("ann", k, offset=offset)
    with pytest.raises(QueryError, match="at most 200"):
        recommender.similar("cats/00", k, offset=offset)
