"""Learn what people who liked the same pictures liked, where there are enough. Needs the extra ``recommend``.

A picture's neighbours are those with the greatest cosine of who liked them (Sarwar et al., "Item-Based Collaborative
Filtering Recommendation Algorithms", WWW 2001), shrunk where few like both (Bell and Koren, "Improved
Neighborhood-based Collaborative Filtering", KDD Cup 2007); the library implicit counts them. They are learnt again as
events grow; what a user has just liked counts at once, since only the neighbours of pictures are learnt.
"""

import io
import threading
import time
import warnings
from collections.abc import Sequence, Set
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from yunmeng.errors import MissingExtra, YunmengError
from yunmeng.library.paths import put
from yunmeng.stores.ids import escape, unescape

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from yunmeng.apps.recommend.opinions import Opinion
    from yunmeng.apps.recommend.tables import EventTables

__all__ = ["ENOUGH", "Neighbour", "People", "PeopleKeeper", "learn_people"]

ENOUGH: Final = 50
"""Users with two liked pictures or more, below which nothing is learnt."""

_CANDIDATES: Final = 100  # neighbours of a picture: those that most users like as well
_SHRINK: Final = 5  # users: a cosine counts half where so many like both
_SECONDS: Final = 60.0  # between two looks whether events have grown
_GROWTH: Final = 1.2  # times the events of before, from which on the neighbours are learnt again


class Neighbour(NamedTuple):
    """A picture for a user: how much speaks for it, at most 1, and the liked picture that speaks most for it."""

    picture: str
    score: float
    because: "Opinion"


class People:
    """For each picture, those that the same users liked. ``events`` says how many events it was learnt from."""

    def __init__(self, pictures: Sequence[str], similarity: "csr_matrix", events: int) -> None:
        self.events: Final = events
        self._pictures = pictures
        self._rows = {picture: row for row, picture in enumerate(pictures)}
        self._similarity = similarity

    def ranked(self, liked: "Sequence[Opinion]", unwanted: Set[str], most: int) -> list[Neighbour]:
        """Return the pictures for a user who has these opinions, the best first, without those that are unwanted."""
        rows = [(self._rows[opinion.picture], opinion) for opinion in liked if opinion.picture in self._rows]
        total = sum(opinion.weight for _, opinion in rows)
        if not total:
            return []
        scores = np.zeros(len(self._pictures))
        best = np.zeros(len(self._pictures))
        reasons = np.zeros(len(self._pictures), np.intp)
        for number, (row, opinion) in enumerate(rows):
            part = slice(*self._similarity.indptr[row : row + 2])
            near, speaks = self._similarity.indices[part], self._similarity.data[part] * (opinion.weight / total)
            scores[near] += speaks
            stronger = near[speaks > best[near]]
            reasons[stronger] = number
            best[near] = np.maximum(best[near], speaks)
        spoken = np.flatnonzero(scores)
        order = spoken[np.argsort(-scores[spoken], kind="stable")].tolist()
        found = list(islice((row for row in order if self._pictures[row] not in unwanted), most))
        return [Neighbour(self._pictures[row], float(scores[row]), rows[reasons[row]][1]) for row in found]

    def save(self, file: Path) -> None:
        """Keep it in ``file``, whole or not at all. Raises OSError."""
        stream, matrix = io.BytesIO(), self._similarity
        names = np.array(list(map(escape, self._pictures)))
        parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        np.savez(stream, **parts, pictures=names, events=self.events)
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, stream.getvalue())

    @classmethod
    def load(cls, file: Path) -> "People | None":
        """Return what `save` has kept; None where there is nothing that can be read."""
        from scipy.sparse import csr_matrix

        try:
            with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as kept:
                names = list(map(unescape, kept["pictures"].tolist()))
                parts = (kept["data"], kept["indices"], kept["indptr"])
                return cls(names, csr_matrix(parts, shape=(len(names), len(names))), int(kept["events"]))
        except Exception:  # a damaged archive can raise nearly anything; what it held is learnt again
            return None


class PeopleKeeper:
    """Keeps what was learnt, in memory and in ``file``, and learns again when the events have grown by a fifth."""

    def __init__(self, tables: "EventTables", file: Path) -> None:
        self._tables = tables
        self._file = file
        self._learnt: People | None = None
        self._tried = -1  # events there were at the last try
        self._next_look = 0.0
        self._learning = threading.Lock()

    def current(self) -> People | None:
        """Return what was learnt last, and have it learnt again beside if it is outgrown. None without enough users."""
        now = time.monotonic()
        if now >= self._next_look:  # to count a million events takes longer than a recommendation
            self._next_look = now + _SECONDS
            if self._outgrown() and not self._learning.locked():
                threading.Thread(target=self._try, name="yunmeng-people", daemon=True).start()
        return self._learnt

    def keep_up(self) -> None:
        """Learn now, if that is due."""
        if self._outgrown():
            self._try()

    def forget(self) -> None:
        """Remove what was learnt, as somebody's events are erased; it is learnt anew from the others."""
        with self._learning:
            self._learnt, self._tried = None, -1
            self._file.unlink(missing_ok=True)

    def _outgrown(self) -> bool:
        if self._tried < 0:
            self._learnt = People.load(self._file)
            self._tried = self._learnt.events if self._learnt else 0
        return self._tables.count() > max(_GROWTH * self._tried, 2 * ENOUGH)

    def _try(self) -> None:
        with self._learning, suppress(YunmengError, OSError):  # what was learnt before stays
            self._tried = self._tables.count()
            learnt = learn_people(self._tables)
            if learnt is not None:
                self._learnt = learnt
                learnt.save(self._file)


def learn_people(tables: "EventTables") -> People | None:
    """Learn which pictures the same users liked or bought; None where fewer than `ENOUGH` users have two of them.

    Raises `MissingExtra`, only where there are enough users.
    """
    from scipy.sparse import csr_matrix

    events, likes = tables.count(), tables.likes()
    if not likes:
        return None
    users, user_rows, of_each = np.unique([user for user, _ in likes], return_inverse=True, return_counts=True)
    if (of_each > 1).sum() < ENOUGH:
        return None
    pictures = sorted({picture for _, picture in likes})
    columns = {picture: column for column, picture in enumerate(pictures)}
    places = (user_rows, [columns[picture] for _, picture in likes])
    matrix = csr_matrix((np.ones(len(likes)), places), shape=(len(users), len(pictures)))
    return People(pictures, _neighbours(matrix), events)


def _neighbours(likes: "csr_matrix") -> "csr_matrix":
    """Return the nearest columns of each column of (users, pictures), without itself: (pictures, pictures)."""
    from scipy.sparse import csr_matrix

    try:
        from implicit.nearest_neighbours import ItemItemRecommender
    except ImportError as exc:
        raise MissingExtra("recommending what people with the same likes liked", "recommend") from exc
    model = ItemItemRecommender(K=_CANDIDATES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of implicit, about threads of other libraries
        model.fit(likes, show_progress=False)
    common = csr_matrix(model.similarity, dtype=np.float32)  # how many like both
    common.setdiag(0)
    common.eliminate_zeros()
    count = np.sqrt(np.asarray(likes.sum(axis=0), np.float32).ravel())
    rows = np.repeat(np.arange(common.shape[0]), np.diff(common.indptr))
    common.data *= common.data / (common.data + _SHRINK) / (count[rows] * count[common.indices])
    return common
