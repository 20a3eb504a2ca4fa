"""Colour words on garments whose colours people told: "red dress", 红色连衣裙, and plain words beside them.

    python -m benchmarks.colour_words ../shared/data/clothing [--encoder NAME] [--half tune|report] [--json]

``tests/data/clothing_colours.csv`` has the colours of 300 garments of these photographs, told by eye before anything
was fitted to them; every second one, marked ``tune``, may be used to choose constants. They are indexed, and every
colour of a kind of garment that at least three of them have is asked for in English and in Chinese:

- P@5: hits of the first five that are of that kind and that colour, of as many as there can be (three or four where no
  more fit). Tops are told apart as the folders do it, and again with shirts, long sleeves and t-shirts as one kind:
  the built-in words do not tell these apart, in whatever colour.
- colour: the share of the first five hits, and of first hits, that have the colour.
- "words alone" is the same text without palettes; "told colours" puts what has the colour by what people told first:
  no better palette could do more.
- plain words: the kind alone.
"""

import argparse
import csv
import json
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from yunmeng.library import Library
from yunmeng.types import Hit

LABELS = Path(__file__).parents[1] / "tests" / "data" / "clothing_colours.csv"
LEAST = 3
KINDS = {
    "dress": ("dress", "连衣裙"), "hat": ("hat", "帽子"), "longsleeve": ("long sleeve shirt", "长袖衫"),
    "outwear": ("jacket", "外套"), "pants": ("trousers", "裤子"), "shirt": ("shirt", "衬衫"),
    "shoes": ("shoes", "鞋子"), "shorts": ("shorts", "短裤"), "skirt": ("skirt", "半身裙"),
    "t-shirt": ("t-shirt", "T恤"),
}  # fmt: skip
COLOURS = {
    "black": "黑色", "white": "白色", "grey": "灰色", "red": "红色", "orange": "橙色", "yellow": "黄色",
    "green": "绿色", "blue": "蓝色", "purple": "紫色", "pink": "粉色", "brown": "棕色", "beige": "米色",
}  # fmt: skip
TOPS = ("shirt", "longsleeve", "t-shirt")


class Garment(NamedTuple):
    """What people told of one photograph."""

    kind: str
    colours: tuple[str, ...]


Search = Callable[[str, str], Sequence[Hit]]
"""Hits for a kind and a colour."""


def read_labels(half: str | None) -> dict[str, Garment]:
    with LABELS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if half in (None, row["half"])]
    return {row["path"]: Garment(row["garment"], tuple(row["colours"].split())) for row in rows}


def judged(garments: dict[str, Garment], search: Search) -> dict[str, float]:
    """Return the means over all questions."""
    asked = Counter((garment.kind, colour) for garment in garments.values() for colour in garment.colours)
    questions = [one for one, count in sorted(asked.items()) if count >= LEAST and one[1] in COLOURS]
    precise: list[float] = []
    tops: list[float] = []
    coloured: list[float] = []
    first: list[bool] = []
    for kind, colour in questions:
        found = [garments[hit.id] for hit in search(kind, colour)[:5]]
        fitting = [colour in garment.colours for garment in found]
        for merged, into in ((False, precise), (True, tops)):
            alike = TOPS if merged and kind in TOPS else (kind,)
            most = min(5, sum(one.kind in alike and colour in one.colours for one in garments.values()))
            right = [fits and one.kind in alike for fits, one in zip(fitting, found, strict=True)]
            into.append(sum(right[:most]) / most)
        coloured.append(sum(fitting) / max(1, len(fitting)))
        first.append(bool(fitting) and fitting[0])
    told: dict[str, Sequence[float]] = {
        "P@5": precise,
        "P@5, tops as one": tops,
        "colour of five": coloured,
        "colour of the first": first,
    }
    return {"questions": len(questions), **{name: round(statistics.fmean(values), 3) for name, values in told.items()}}


def plain(garments: dict[str, Garment], library: Library, language: int) -> float:
    """Return P@5 of the kinds' names alone."""
    shares = []
    for kind, names in KINDS.items():
        hits = library.search(text=names[language], k=5)
        shares.append(sum(garments[hit.id].kind == kind for hit in hits) / 5)
    return round(statistics.fmean(shares), 3)


def measure(garments: dict[str, Garment], folder: Path, encoder: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary, Library.create(Path(temporary) / "library", encoder) as library:
        for path in garments:
            library.add(folder / path, id=path)
        result: dict[str, Any] = {}

        def by_words(language: int) -> Search:
            def search(kind: str, colour: str) -> Sequence[Hit]:
                name = KINDS[kind][language]
                return library.search(text=f"{colour} {name}" if language == 0 else f"{COLOURS[colour]}{name}", k=5)

            return search

        def by_told(language: int) -> Search:
            def search(kind: str, colour: str) -> Sequence[Hit]:
                hits = library.search(text=KINDS[kind][language], k=len(garments))
                return sorted(hits, key=lambda hit: -hit.score * (colour in garments[hit.id].colours))

            return search

        for language, name in enumerate(("English", "Chinese")):
            result[name] = {
                "words with colours": judged(garments, by_words(language)),
                "told colours": judged(garments, by_told(language)),
                "plain words, P@5": plain(garments, library, language),
            }
        store = library.generation.store
        store.upsert([replace(record, palette="") for record in store.iterate(vectors=True)])
        for language, name in enumerate(("English", "Chinese")):
            result[name]["words alone"] = judged(garments, by_words(language))
            result[name]["plain words before, P@5"] = plain(garments, library, language)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--half", choices=["tune", "report"], help="only this half of the garments")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(read_labels(arguments.half), arguments.folder, arguments.encoder)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for language, rows in result.items():
        print(f"{language}")
        for name, values in rows.items():
            print(f"  {name:<26} {values}")


if __name__ == "__main__":
    main()
