"""Methods compared on a log: what they recommend in the middle of it, against what users liked after."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, get_args

import numpy as np

from yunmeng.apps.recommend.people import learn_people
from yunmeng.apps.recommend.ranking import Ranker
from yunmeng.apps.recommend.tables import EventTables
from yunmeng.apps.recommend.types import Event, Figures, Method, Replay
from yunmeng.errors import QueryError
from yunmeng.state.database import State

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["diversity", "ndcg", "recall", "replay"]

_LIKES: Final = frozenset({"like", "buy"})
_SEED: Final = 0


def replay(
    library: "Library",
    events: Sequence[Event],
    k: int,
    share: float,
    users: int,
    on_step: Callable[[int, int], None],
) -> Replay:
    """Return the figures of each method; see `Recommender.evaluate`. Raises `QueryError` where nothing can be measured.

    The log is cut by time, not by user, as in life: what is recommended knows nothing of what came later.
    """
    if not 0 < share < 1:
        raise QueryError(f"the later part must be a share of the log between 0 and 1, not {share}")
    ordered = sorted(events, key=lambda event: event.at)
    cut = round(len(ordered) * (1 - share))
    if not 0 < cut < len(ordered):
        raise QueryError(f"{len(ordered):,} usable events are too few to replay")
    until = ordered[cut].at
    past = [event for event in ordered[:cut] if event.at < until]
    wanted = _liked_later(past, ordered[len(past) :])
    if not past or not wanted:
        raise QueryError(
            "no user of this log liked a picture in its later part that was new: there is nothing to predict"
        )
    chosen = sorted(wanted)
    random.Random(_SEED).shuffle(chosen)
    chosen = chosen[:users]
    with TemporaryDirectory() as folder, State.open(Path(folder) / "replay.db") as state:
        tables = EventTables(state)
        tables.add(past)
        people = learn_people(tables) if find_spec("implicit") else None
        ranker, methods = Ranker(library, tables, lambda: people), get_args(Method)
        figures: dict[str, Figures] = {}
        for number, method in enumerate(methods):
            pages: dict[str, list[str]] = {}
            for user in chosen:
                pages[user] = [pick.id for pick in ranker.rank(user, k, None, method, until)]
                on_step(number * len(chosen) + len(pages), len(methods) * len(chosen))
            figures[method] = _figures(library, pages, wanted, k)
    return Replay(k, until, len(chosen), len(past), figures)


def recall(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """Return which share of ``relevant`` is among ``ranked``."""
    return len(set(ranked) & set(relevant)) / len(relevant)


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Return the normalised discounted cumulative gain of the first ``k``, in [0, 1] (Järvelin, Kekäläinen, 2002)."""
    discounts = 1 / np.log2(np.arange(k) + 2)
    gains = [discounts[rank] for rank, id in enumerate(ranked[:k]) if id in relevant]
    return float(sum(gains) / discounts[: len(relevant)].sum())


def diversity(vectors: np.ndarray) -> float:
    """Return the mean of 1 - cosine over all pairs of L2-normalised ``vectors``, (n, dim); 0 for fewer than two."""
    count = len(vectors)
    if count < 2:
        return 0.0
    cosines = vectors @ vectors.T
    return float(1 - (cosines.sum() - np.trace(cosines)) / (count * (count - 1)))


def _liked_later(past: Sequence[Event], later: Sequence[Event]) -> dict[str, set[str]]:
    """Return the pictures that each user liked in the later part, without those that the user knew before."""
    seen = {(event.user, event.picture) for event in past}
    wanted: dict[str, set[str]] = {}
    for event in later:
        if event.kind in _LIKES and (event.user, event.picture) not in seen:
            wanted.setdefault(event.user, set()).add(event.picture)
    return wanted


def _figures(
    library: "Library", pages: Mapping[str, Sequence[str]], wanted: Mapping[str, Collection[str]], k: int
) -> Figures:
    shown = {id for page in pages.values() for id in page}
    records = library.reader.get_many(list(shown), vectors=True)
    spread = [
        diversity(np.array([records[id].vector for id in page if id in records], np.float32)) for page in pages.values()
    ]
    return Figures(
        recall=float(np.mean([recall(page, wanted[user]) for user, page in pages.items()])),
        ndcg=float(np.mean([ndcg(page, wanted[user], k) for user, page in pages.items()])),
        coverage=len(shown) / max(library.count(), 1),
        diversity=float(np.mean(spread)),
    )
