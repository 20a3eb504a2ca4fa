"""Recommendation: two tastes against the outline's formula, and time with a million events.

    python -m benchmarks.recommend quality ../shared/data/clothing [--users 300] [--encoder NAME] [--json]
    python -m benchmarks.recommend people [--users 400]
    python -m benchmarks.recommend speed [--events 1000000] [--pictures 20000]

``quality``: each user likes some pictures of two kinds of garment, drawn by chance, and may dislike some of other ones;
every unseen picture of the two kinds is relevant. nDCG@10 is the usual one, which a page of one kind alone can fill.
α-nDCG@10 (Clarke et al., SIGIR 2008; α = 0.5) halves what a picture is worth for each one of its kind before it, so it
asks for both tastes; ``both`` is the share of pages with pictures of both kinds.

``people``: what other people's likes add. Each user likes five of ten pictures that look alike, and eight of the forty
favourites of one of five circles of users, drawn by chance, which no vector tells. The rest of both is to be found.

``speed``: users, pictures and vectors are made up. Each user has about a hundred events.
"""

import argparse
import hashlib
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final, get_args
from unittest.mock import patch

import numpy as np

from yunmeng.apps.recommend import Recommender
from yunmeng.apps.recommend import people as learning
from yunmeng.apps.recommend.log import made_event
from yunmeng.apps.recommend.replay import ndcg
from yunmeng.apps.recommend.types import EventKind, Method
from yunmeng.encoders.catalogue import DEFAULT_ENCODER
from yunmeng.library import Library
from yunmeng.types import Record

K: Final = 10
FIGURES: Final = ("ndcg", "alpha_ndcg", "both")
HISTORIES: Final = ((1, 0), (2, 0), (3, 0), (5, 0), (5, 3), (10, 0), (10, 6))
"""Pictures that are liked of each kind, and pictures of other kinds that are disliked."""


def alpha_ndcg(kinds: Sequence[str], wanted: tuple[str, str], alpha: float = 0.5) -> float:
    discounts = 1 / np.log2(np.arange(K) + 2)
    seen = dict.fromkeys(wanted, 0)
    gain = 0.0
    for discount, kind in zip(discounts, kinds, strict=False):
        if kind in seen:
            gain += discount * (1 - alpha) ** seen[kind]
            seen[kind] += 1
    best = sum(discount * (1 - alpha) ** (rank // 2) for rank, discount in enumerate(discounts))
    return float(gain / best)


def histories(
    ids: dict[str, list[str]], users: int, liked: int, disliked: int
) -> Iterator[tuple[tuple[str, str], list[str], list[str]]]:
    """Yield so many users: two kinds, what is liked of them, and what is disliked of others."""
    chance = random.Random(f"{liked} {disliked}")
    for _ in range(users):
        one, other, *rest = chance.sample(sorted(ids), len(ids))
        likes = chance.sample(ids[one], liked) + chance.sample(ids[other], liked)
        chance.shuffle(likes)
        yield (one, other), likes, chance.sample([id for kind in rest for id in ids[kind]], disliked)


def quality(folder: Path, users: int, encoder: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place, Library.create(Path(place) / "library", encoder) as library:
        library.index([folder])
        ids: dict[str, list[str]] = {}
        for record in library.iterate():
            ids.setdefault(Path(record.uri).parent.name, []).append(record.id)
        for of_kind in ids.values():
            of_kind.sort()
        return [_compared(library, ids, users, *history) for history in HISTORIES]


def _compared(library: Library, ids: dict[str, list[str]], users: int, liked: int, disliked: int) -> dict[str, Any]:
    recommender = Recommender(library)
    kinds = {id: kind for kind, of_kind in ids.items() for id in of_kind}
    methods: tuple[Method, ...] = ("tastes", "mean", "random")
    found: dict[str, list[tuple[float, float, float]]] = {method: [] for method in methods}
    for number, (wanted, likes, dislikes) in enumerate(histories(ids, users, liked, disliked)):
        user = f"{liked} {disliked} {number}"
        for id in likes:
            recommender.record(user, id, "like")
        for id in dislikes:
            recommender.record(user, id, "dislike")
        relevant = {id for kind in wanted for id in ids[kind]} - set(likes)
        for method in methods:
            page = [pick.id for pick in recommender.recommend(user, K, method=method)]
            assert not {*likes, *dislikes} & set(page)
            shown = [kinds[id] for id in page]
            found[method].append((ndcg(page, relevant, K), alpha_ndcg(shown, wanted), float({*wanted} <= {*shown})))
        recommender.erase(user)
    means = {method: np.mean(values, axis=0) for method, values in found.items()}
    return {
        "liked": liked,
        "disliked": disliked,
        "users": users,
        **{method: dict(zip(FIGURES, map(float, mean), strict=True)) for method, mean in means.items()},
        "ratio": float(means["tastes"][0] / means["mean"][0]),
        "alpha_ratio": float(means["tastes"][1] / means["mean"][1]),
    }


def write_log(file: Path, events: int, pictures: int) -> None:
    chance, users = random.Random(0), max(events // 100, 1)
    kinds: list[EventKind] = ["view", "view", "view", "view", *get_args(EventKind)[1:], "like", "like"]
    with file.open("w", encoding="utf-8") as out:
        for number in range(events):
            event = {
                "id": f"{number}",
                "user": f"user {chance.randrange(users)}",
                "picture": f"{chance.randrange(pictures):07}",
                "kind": chance.choice(kinds),
                "at": 1_777_636_800 + number,
            }
            out.write(json.dumps(event) + "\n")


def made_up(name: str, vector: np.ndarray) -> Record:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Record(name, f"/made-up/{name}", digest, "0" * 16, "0" * 64, 9, 9, vector=vector)


def fill(library: Library, pictures: int) -> None:
    chance, dim = np.random.default_rng(0), library.config.encoder.dim
    centres = chance.normal(size=(200, dim)) + chance.normal(size=dim)
    for begin in range(0, pictures, 1000):
        vectors = centres[chance.integers(0, 200, 1000)] + chance.normal(size=(1000, dim))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        names = [f"{number:07}" for number in range(begin, min(begin + 1000, pictures))]
        library.generation.store.upsert(list(map(made_up, names, vectors.astype(np.float32))))
    library.generation.store.optimise()


def people(users: int) -> dict[str, Any]:
    chance, pictures = random.Random(1), 2000
    circles = [[f"{one:07}" for one in chance.sample(range(pictures), 40)] for _ in range(5)]
    with tempfile.TemporaryDirectory() as place, Library.create(Path(place) / "library") as library:
        fill(library, pictures)
        recommender = Recommender(library)
        held: dict[str, set[str]] = {}
        for number in range(users):
            circle = circles[number % len(circles)]
            alike = [hit.id for hit in library.search(id=f"{chance.randrange(pictures):07}", k=10)]
            likes = {*chance.sample(circle, 8), *chance.sample(alike, 5)}
            user = f"user {number}"
            held[user] = {*circle, *alike} - likes
            recommender.add([made_event(user, id, "like", None, None) for id in sorted(likes)])

        def found(recommender: Recommender) -> float:
            pages = [{pick.id for pick in recommender.recommend(user, K)} for user in held]
            shares = [len(page & wanted) / K for page, wanted in zip(pages, held.values(), strict=True)]
            return float(np.mean(shares))

        with patch.object(learning, "ENOUGH", 10 * users):
            alone = found(recommender)
        recommender = Recommender(library)
        recommender.import_events([])  # at the end of an import, what others like is learnt
        return {
            "users": users,
            "precision@10": {"tastes alone": alone, "with other people's likes": found(recommender)},
        }


def speed(events: int, pictures: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place, Library.create(Path(place) / "library") as library:
        fill(library, pictures)
        write_log(Path(place) / "log.jsonl", events, pictures)
        recommender = Recommender(library)
        began = perf_counter()
        report = recommender.import_events([Path(place) / "log.jsonl"])
        seconds = perf_counter() - began
        assert report.added == events
        recommender.recommend("user 0", 20)  # takes the sample

        def timed(user: str) -> float:
            began = perf_counter()
            assert len(recommender.recommend(user, 20)) == 20
            return perf_counter() - began

        known = [timed(f"user {number}") * 1e3 for number in range(1, 101)]
        new = [timed(f"nobody {number}") * 1e3 for number in range(100)]
        before = recommender.recommend("user 1", 20)
        recommender.record("user 1", before[0].id, "like")
        after = recommender.recommend("user 1", 20)
        return {
            "events": events,
            "pictures": pictures,
            "import_seconds": seconds,
            "known_ms": {"p50": float(np.median(known)), "p95": float(np.percentile(known, 95))},
            "new_ms": {"p50": float(np.median(new)), "p95": float(np.percentile(new, 95))},
            "a_like_changes_the_next_page": [pick.id for pick in after] != [pick.id for pick in before],
        }


def print_quality(rows: list[dict[str, Any]]) -> None:
    print("liked of each kind, disliked | nDCG@10 (tastes / mean / random), ratio | α-nDCG@10, ratio | both kinds")
    for row in rows:
        of = [row[method] for method in ("tastes", "mean", "random")]
        ndcgs = " / ".join(f"{one['ndcg']:.3f}" for one in of)
        alphas = " / ".join(f"{one['alpha_ndcg']:.3f}" for one in of)
        both = " / ".join(f"{one['both']:.2f}" for one in of)
        told = f"{row['liked']}, {row['disliked']} | {ndcgs}, {row['ratio']:.2f}"
        print(f"{told} | {alphas}, {row['alpha_ratio']:.2f} | {both}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_quality = commands.add_parser("quality")
    of_quality.add_argument("folder", type=Path)
    of_quality.add_argument("--users", type=int, default=300)
    of_quality.add_argument("--encoder", default=DEFAULT_ENCODER)
    commands.add_parser("people").add_argument("--users", type=int, default=400)
    of_speed = commands.add_parser("speed")
    of_speed.add_argument("--events", type=int, default=1_000_000)
    of_speed.add_argument("--pictures", type=int, default=20_000)
    of_quality.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.command == "quality":
        rows = quality(given.folder, given.users, given.encoder)
        print(json.dumps(rows, indent=2)) if given.json else print_quality(rows)
    elif given.command == "people":
        print(json.dumps(people(given.users), indent=2))
    else:
        print(json.dumps(speed(given.events, given.pictures), indent=2))


if __name__ == "__main__":
    main()
