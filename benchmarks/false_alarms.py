"""Count how often a picture that was made from no registered work is taken for a copy of one, by threshold.

    python -m benchmarks.false_alarms FOLDER [--more FOLDER] [--strangers 500] [--each 0] [--seed 1] [--json]

Of the pictures below ``FOLDER``, ``--strangers`` are held back, every second of them is edited; the others, and those
of ``--more``, are registered as works. Each stranger is checked. For some thresholds the result has the number of
strangers whose likeliest work reaches it, the rate, and what the rate is at the most, with a certainty of 95%
(Clopper-Pearson).
The strangers that alarm are named: look at them, as some may show the very thing that a work shows.
With ``--each``, so many copies of works are made with each edit and checked as well: the share is told that the default
threshold finds, with the right work first.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scipy.stats import beta

from benchmarks.copies import divide, queries
from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.thresholds import DEFAULT
from yunmeng.apps.copyright.types import Details
from yunmeng.library import Library

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


class Alarm(NamedTuple):
    chance: float
    stranger: str
    work: str


def most(alarms: int, strangers: int) -> float:
    """Return the greatest rate that so many alarms leave likely: the upper bound of its one-sided 95% interval."""
    return float(beta.ppf(0.95, alarms + 1, strangers - alarms)) if alarms < strangers else 1.0


def measure(folder: Path, more: Path | None, strangers: int, each: int, seed: int) -> dict[str, Any]:
    pictures = divide(folder, more, strangers, seed)
    with tempfile.TemporaryDirectory() as place, Library.create(Path(place) / "library") as library:
        works = Works(library)
        report = works.register_all(list(pictures.indexed), defaults=Details("the owner"))
        alarms: list[Alarm] = []
        found: dict[str, list[bool]] = {}
        for number, query in enumerate(queries(pictures, each, seed)):
            matches = works.check(query.data, k=1, min_chance=0)
            best = max(matches, key=lambda match: match.chance, default=None)
            if query.original is not None:
                right = best is not None and best.chance >= DEFAULT and best.uri == str(query.original.resolve())
                found.setdefault(query.edit, []).append(right)
            else:
                name = str(pictures.strangers[len(alarms)].relative_to(folder))
                alarms.append(Alarm(0.0, name, "") if best is None else Alarm(best.chance, name, best.id))
            if number % 50 == 49:
                print(f"{number + 1:,} checked", file=sys.stderr, flush=True)
    return {
        "works": len(report.works),
        "copies_found": {edit: sum(right) for edit, right in found.items()},
        "copies_of_each": each,
        "strangers": len(alarms),
        "thresholds": table(alarms),
        "highest": highest(alarms),
    }


def table(alarms: Sequence[Alarm]) -> list[dict[str, float]]:
    counted = {threshold: sum(alarm.chance >= threshold for alarm in alarms) for threshold in THRESHOLDS}
    total = len(alarms)
    return [
        {
            "threshold": threshold,
            "alarms": count,
            "rate": round(count / total, 5),
            "at_most": round(most(count, total), 5),
        }
        for threshold, count in counted.items()
    ]


def highest(alarms: Sequence[Alarm], count: int = 10) -> list[dict[str, Any]]:
    return [{**alarm._asdict(), "chance": round(alarm.chance, 4)} for alarm in sorted(alarms, reverse=True)[:count]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--strangers", type=int, default=500)
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.folder, options.more, options.strangers, options.each, options.seed)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{found['strangers']:,} strangers against {found['works']:,} works")
    if options.each:
        copies, total = sum(found["copies_found"].values()), options.each * len(found["copies_found"])
        print(f"{copies:,} of {total:,} copies found; of {options.each} each: {found['copies_found']}")
    for row in found["thresholds"]:
        print(f"{row['threshold']:.2f}  {row['alarms']:4} alarms, {row['rate']:.3%}, at most {row['at_most']:.3%}")
    for alarm in found["highest"]:
        print(f"{alarm['chance']:.4f}  {alarm['stranger']}  taken for  {alarm['work']}")


if __name__ == "__main__":
    main()
