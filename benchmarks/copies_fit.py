"""Fits the numbers by which `Library.match` turns evidence into a chance: those of yunmeng/copies/score.py.

    python -m benchmarks.copies_fit FOLDER [--more FOLDER] [--strangers 600] [--each 60] [--seed 1] [--library DIR]

The set is that of benchmarks.copies; only queries of even number are looked at, so that the figures of the odd ones
stay those of pictures never seen. Every candidate that is looked at counts: right where it is the original. A logistic
regression whose weights cannot fall below 0, so that more evidence never lowers a chance. Prints one JSON object.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.copies import arguments_of, built, divide, queries
from yunmeng.copies.score import Evidence, cues

RIDGE = 0.01


class Pair(NamedTuple):
    evidence: Evidence
    right: bool


def fit(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Weights and offset, for the candidates as they were seen and as if their files were gone."""
    seen = [pair for pair in pairs if pair.evidence.read]
    unseen = [Pair(replace(pair.evidence, read=False), pair.right) for pair in pairs]
    return {"seen": regression(seen), "unseen": regression(unseen), "pairs": len(pairs)}


def regression(pairs: Sequence[Pair]) -> dict[str, Any]:
    from scipy.optimize import minimize

    x = np.array([cues(pair.evidence) for pair in pairs])
    y = np.array([pair.right for pair in pairs])

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = x @ w[:-1] + w[-1]
        wrong = 1 / (1 + np.exp(-logits)) - y
        value = np.logaddexp(0, np.where(y, -logits, logits)).sum() + RIDGE * (w[:-1] ** 2).sum()
        gradient = np.append(x.T @ wrong + 2 * RIDGE * w[:-1], wrong.sum())
        return float(value), gradient

    bounds = [(0, None)] * x.shape[1] + [(None, None)]
    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    return {"weights": [round(float(w), 3) for w in found.x[:-1]], "offset": round(float(found.x[-1]), 3)}


def main() -> None:
    arguments = arguments_of(__doc__.splitlines()[0])
    pictures = divide(arguments.folder.absolute(), arguments.more, arguments.strangers, arguments.seed)
    pairs = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        built(arguments.library or Path(scratch, "library"), pictures) as library,
    ):
        for query in queries(pictures, arguments.each, arguments.seed):
            if query.number % 2 == 0:
                scored = library.generation.copies.scored(query.data, None, {})
                pairs += [Pair(one.evidence, one.record.uri == str(query.original)) for one in scored]
    print(json.dumps(fit(pairs)))


if __name__ == "__main__":
    main()
