"""Methods are compared on a log."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.recommend.conftest import NOW
from yunmeng.apps.recommend import Recommender
from yunmeng.errors import QueryError


def write_log(file: Path) -> Path:
    """Eight users who like cats and cars, or hats and ships: ten pictures each at first, four more later."""
    rows = []
    for user in range(8):
        for number in range(14):
            group = (("cats", "cars"), ("hats", "ships"))[user % 2][number % 2]
            at = NOW - timedelta(days=30) + timedelta(hours=number, minutes=user)
            picture = f"{group}/{(user + number * 7) % 20:02}"
            rows.append({"user": f"u{user}", "picture": picture, "kind": "like", "at": at.isoformat()})
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_replay(recommender: Recommender, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = recommender.evaluate(
        [write_log(tmp_path / "log.jsonl")], k=10, share=4 / 14, on_step=lambda done, total: steps.append((done, total))
    )
    assert (found.k, found.users, found.events) == (10, 8, 80)
    assert set(found.methods) == {"tastes", "mean", "popular", "random"}
    for figures in found.methods.values():
        assert all(0 <= value <= 1 for value in (figures.recall, figures.ndcg, figures.coverage))
        assert 0 <= figures.diversity <= 2
    assert found.methods["tastes"].ndcg > 1.3 * found.methods["random"].ndcg
    assert steps == [(done, 32) for done in range(1, 33)]


def test_nothing_is_written_and_the_same_comes_out_again(recommender: Recommender, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl")
    first = recommender.evaluate([log], users=3)
    recommender.record("u0", "cats/00", "like")
    assert recommender.evaluate([log], users=3) == first
    assert first.users == 3
    assert len(recommender.export("u0").events) == 1


@pytest.mark.parametrize(("share", "told"), [(0.0, "between 0 and 1"), (0.001, "too few"), (1.0, "between 0 and 1")])
def test_logs_that_cannot_be_replayed(recommender: Recommender, tmp_path: Path, share: float, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        recommender.evaluate([write_log(tmp_path / "log.jsonl")], share=share)


def test_a_log_in_which_nobody_likes_anything_later(recommender: Recommender, tmp_path: Path) -> None:
    rows = [{"user": "u", "picture": "cats/00", "kind": "view", "at": 1_700_000_000 + n} for n in range(10)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(QueryError, match="nothing to predict"):
        recommender.evaluate([tmp_path / "log.jsonl"])
