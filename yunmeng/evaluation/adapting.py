"""Fitting a head to labels, and judging it on pictures and on classes that it was not fitted on.

A head must not be worse than none. How it is fitted is chosen on three in four of the pictures of each class, where it
must hold on classes that were left out, too. What the fourth, which it never sees, gains decides whether it is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.heads import Head, fit_heads
from yunmeng.errors import EncoderError
from yunmeng.evaluation.measures import ClassScores, leave_one_out

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["FIT_MOST", "LEAST", "Adapted", "Change", "choose_head"]

FIT_MOST: Final = 6_000
"""Labelled pictures that are used at most: each is ranked against the others several times."""
LEAST: Final = 40
"""Labelled pictures that are needed at least."""

_LEAST_OF_A_CLASS: Final = 4  # one is held back, and two are needed to be each other's hit
_HELD_BACK: Final = 4  # one picture of so many of each class
_FOLDS: Final = 3
_CLASSES_TO_LEAVE_OUT: Final = 6  # with fewer, too few stay to learn from
_SHRINKAGES: Final = (0.2, 0.5, 0.8)
_EMPHASES: Final = (0.0, 0.5, 1.0, 3.0)

Labelled: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Change:
    """Scores without and with a head, on the same pictures, each of which asks for the others."""

    before: ClassScores
    after: ClassScores

    @property
    def worse(self) -> bool:
        """Whether the head loses mAP or P@1."""
        return self.after.map < self.before.map or self.after.precision_at_1 < self.before.precision_at_1

    @property
    def pays(self) -> bool:
        """Whether mAP loses nothing, and P@1 no more than mAP gains: one class in three is few to be strict on."""
        gained = self.after.map - self.before.map
        return gained >= 0 and self.after.precision_at_1 - self.before.precision_at_1 >= -gained


@dataclass(frozen=True, slots=True)
class Adapted:
    """A head and what it is worth: ``held_out`` on pictures it was not fitted on, ``unseen`` on left out classes (mean
    over the folds; None where there are too few classes to leave any out). It was fitted on ``pictures``.
    """

    head: Head
    held_out: Change
    unseen: Change | None
    pictures: int
    classes: int


def choose_head(vectors: NDArray[np.float32], labels: "Sequence[Hashable]") -> Adapted:
    """Return the best head for labelled vectors, float32 (n, dim), L2-normalised.

    Raises EncoderError when there are too few labels, and when no head is at least as good as none.
    """
    vectors, classes = _usable(vectors, labels)
    rank = _rank_in_class(classes)
    held = rank % _HELD_BACK == _HELD_BACK - 1
    rest = (vectors[~held], classes[~held])
    shrinkage, emphasis, unseen = _choose(rest, rank[~held])
    (head,) = fit_heads(*rest, shrinkage, [emphasis])
    held_out = _judge(head, (vectors[held], classes[held]))
    if held_out.worse:
        raise _refused("on pictures that were held back", held_out)
    return Adapted(head, held_out, unseen, int((~held).sum()), len(np.unique(classes)))


def _usable(vectors: NDArray[np.float32], labels: "Sequence[Hashable]") -> Labelled:
    """Return the pictures of classes that are large enough, at most `FIT_MOST`, and their classes as numbers."""
    number = {label: index for index, label in enumerate(dict.fromkeys(labels))}
    classes = np.array([number[label] for label in labels], np.int64)
    sizes = np.bincount(classes, minlength=1)
    large = sizes[classes] >= _LEAST_OF_A_CLASS if len(classes) else np.zeros(0, bool)
    if len(np.unique(classes[large])) < 2 or large.sum() < LEAST:
        raise EncoderError(
            f"a head needs {LEAST} labelled pictures of two classes or more, each with {_LEAST_OF_A_CLASS} pictures; "
            f"there are {int(large.sum())} of {len(np.unique(classes[large]))}"
        )
    vectors, classes = vectors[large], classes[large]
    if len(classes) > FIT_MOST:
        few = np.argsort(_rank_in_class(classes), kind="stable")[:FIT_MOST]  # of large classes first
        vectors, classes = vectors[few], classes[few]
    return vectors, classes


def _rank_in_class(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of its class each is, from 0."""
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], classes[order])
    ranks = np.empty(len(classes), np.int64)
    ranks[order] = np.arange(len(classes)) - starts
    return ranks


def _choose(rest: Labelled, rank: NDArray[np.int64]) -> tuple[float, float, Change | None]:
    """Return the shrinkage and the emphasis that are best on pictures, among those that are no worse on left out
    classes, and what they are worth there.
    """
    classes = rest[1]
    numbers = np.unique(classes)
    by_picture = [rank % _FOLDS == fold for fold in range(_FOLDS)]
    by_class = [np.isin(classes, numbers[fold::_FOLDS]) for fold in range(_FOLDS)]
    on_pictures = _tried(rest, by_picture)
    if len(numbers) < _CLASSES_TO_LEAVE_OUT:
        best = max(on_pictures, key=lambda way: on_pictures[way].after.map)
        return (*best, None)
    on_classes = _tried(rest, by_class)
    harmless = [way for way, change in on_classes.items() if change.pays]
    if not harmless:
        raise _refused("on classes that were left out", max(on_classes.values(), key=lambda change: change.after.map))
    best = max(harmless, key=lambda way: on_pictures[way].after.map)
    return (*best, on_classes[best])


def _tried(rest: Labelled, folds: Sequence[NDArray[np.bool_]]) -> dict[tuple[float, float], Change]:
    """Return what each way to fit is worth on the folds, of which each is left out once."""
    vectors, classes = rest
    found: dict[tuple[float, float], list[Change]] = {}
    for fold in folds:
        seen, unseen = (vectors[~fold], classes[~fold]), (vectors[fold], classes[fold])
        before = leave_one_out(*unseen)
        for shrinkage in _SHRINKAGES:
            for emphasis, head in zip(_EMPHASES, fit_heads(*seen, shrinkage, _EMPHASES), strict=True):
                after = leave_one_out(head(unseen[0]), unseen[1])
                found.setdefault((shrinkage, emphasis), []).append(Change(before, after))
    return {way: _mean(changes) for way, changes in found.items()}


def _judge(head: Head, unseen: Labelled) -> Change:
    return Change(leave_one_out(*unseen), leave_one_out(head(unseen[0]), unseen[1]))


def _mean(changes: Sequence[Change]) -> Change:
    def over(side: Callable[[Change], ClassScores]) -> ClassScores:
        scores = [side(change) for change in changes]
        return ClassScores(
            float(np.mean([score.map for score in scores])),
            float(np.mean([score.precision_at_1 for score in scores])),
            float(np.mean([score.precision_at_10 for score in scores])),
        )

    return Change(over(lambda change: change.before), over(lambda change: change.after))


def _refused(where: str, change: Change) -> EncoderError:
    return EncoderError(
        f"no head is made, as it would be worse {where}: mAP {change.before.map:.4f} -> {change.after.map:.4f}, "
        f"P@1 {change.before.precision_at_1:.4f} -> {change.after.precision_at_1:.4f}; label more pictures, or check "
        "the labels"
    )
