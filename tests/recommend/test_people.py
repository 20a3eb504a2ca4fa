"""Check what people with the same likes liked: against cosines in plain NumPy, and in recommendations."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import STATES, state_of
from tests.recommend.conftest import NOW
from yunmeng.apps.recommend import Recommender
from yunmeng.apps.recommend.log import made_event
from yunmeng.apps.recommend.opinions import Opinion
from yunmeng.apps.recommend.people import ENOUGH, People, learn_people
from yunmeng.apps.recommend.tables import EventTables
from yunmeng.apps.recommend.types import Event
from yunmeng.library import Library


@pytest.fixture(params=STATES)
def state_url(request: pytest.FixtureRequest) -> str:
    return state_of(request)


def likes(users: int, *, of: tuple[str, ...] = ("cats/00", "ships/03")) -> list[Event]:
    """Every user likes these pictures, and one of their own."""
    own = ["hats", "cars"]
    return [
        made_event(f"user-{user}", picture, "like", NOW - timedelta(hours=user), None)
        for user in range(users)
        for picture in (*of, f"{own[user % 2]}/{user % 20:02}")
    ]


def opinion(picture: str, weight: float = 1.0) -> Opinion:
    return Opinion(picture, "like", weight)


def test_neighbours_are_those_of_the_shrunk_cosine(shop: Library) -> None:
    tables = EventTables(shop.state)
    random = np.random.default_rng(2)
    matrix = random.random((80, 12)) < 0.4
    ids = [f"cats/{number:02}" for number in range(12)]
    events = [
        made_event(f"user-{user}", ids[picture], "buy" if picture == 3 else "like", NOW, None)
        for user, picture in zip(*np.nonzero(matrix), strict=True)
    ]
    tables.add(events)
    people = learn_people(tables)
    assert people is not None
    common = matrix.T.astype(float) @ matrix
    cosines = common / np.sqrt(np.outer(matrix.sum(axis=0), matrix.sum(axis=0))) * common / (common + 5)
    told = people.ranked([opinion(ids[0], 2.0), opinion(ids[5], 1.0)], {ids[0], ids[5], ids[7]}, 20)
    expected = (2 * cosines[0] + cosines[5]) / 3
    order = [row for row in np.argsort(-expected) if row not in (0, 5, 7)]
    assert [one.picture for one in told] == [ids[row] for row in order]
    np.testing.assert_allclose([one.score for one in told], expected[order], rtol=1e-5)
    for one, row in zip(told, order, strict=True):
        assert one.because.picture == ids[0 if 2 * cosines[0][row] >= cosines[5][row] else 5]
    assert people.ranked([opinion("ships/00")], set(), 5) == []


def test_too_few_users_teach_nothing(shop: Library, recommender: Recommender) -> None:
    recommender.add(likes(ENOUGH - 1))
    assert learn_people(EventTables(shop.state)) is None
    recommender.record("ann", "cats/00", "like")
    assert {pick.source for pick in recommender.recommend("ann", k=10)} == {"taste"}


def test_what_others_liked_is_explained(shop: Library, recommender: Recommender, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [f"{event.user},{event.picture},{event.kind},{event.at.isoformat()}" for event in likes(ENOUGH + 10)]
    log.write_text("\n".join(["user,picture,kind,at", *rows]), encoding="utf-8")
    recommender.import_events([log])
    recommender.record("ann", "cats/00", "like")
    picks = recommender.recommend("ann", k=10)
    ship = next(pick for pick in picks if pick.id == "ships/03")
    assert ship.source == "people"
    assert ship.because is not None
    assert ship.because.picture == "cats/00"
    assert "taste" in {pick.source for pick in picks}
    assert "ships/03" not in {pick.id for pick in recommender.recommend("ann", k=10, filter="category != 'ships'")}
    again = Recommender(shop).recommend("ann", k=10)  # of what was kept in the library's cache
    assert [pick.id for pick in again] == [pick.id for pick in picks]
    recommender.mute("ann", "cats/00")
    assert "people" not in {pick.source for pick in recommender.recommend("ann", k=10)}


def test_what_was_learnt_goes_when_somebody_is_erased(shop: Library, recommender: Recommender, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [event._replace(at=event.at.isoformat())._asdict() for event in likes(ENOUGH + 1)]  # type: ignore[arg-type]

    log.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    recommender.import_events([log])
    kept = shop.resources.paths.cache / "recommend-people.npz"
    assert kept.is_file()
    recommender.erase("user-0")
    assert not kept.exists()


def test_what_is_kept_comes_back_and_a_damaged_file_does_not(shop: Library, tmp_path: Path) -> None:
    tables = EventTables(shop.state)
    tables.add(likes(ENOUGH + 1))
    people = learn_people(tables)
    assert people is not None
    file = tmp_path / "people.npz"
    people.save(file)
    back = People.load(file)
    assert back is not None
    assert back.events == people.events == 3 * (ENOUGH + 1)
    asked = ([opinion("cats/00")], {"cats/00"}, 30)
    assert back.ranked(*asked) == people.ranked(*asked)
    file.write_bytes(file.read_bytes()[:-200])
    assert People.load(file) is None
    assert People.load(tmp_path / "missing.npz") is None
