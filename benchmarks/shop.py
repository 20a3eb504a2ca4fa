"""A shop: filtered search, categories told from photos, boxes of things, and catalogues with bad rows, also killed.

    python -m benchmarks.shop search
    python -m benchmarks.shop categories ../shared/data/clothing
    python -m benchmarks.shop objects ../shared/data/clothing
    python -m benchmarks.shop catalogue
    python -m benchmarks.shop replacement

``search`` searches 20,000 products with made-up vectors, a fifth of them with two pictures, by a category that 1% of
them have: how many come, recall against exact search, time against no filter. ``categories`` tells the category of each
photo of ``query/CLASS`` from the products of ``gallery/CLASS``. ``objects`` looks for the boxes in montages of one to
three garments of ``gallery/CLASS``, with and without the network of the extra ``subject``. ``catalogue`` reads 20,000
rows with 200 bad ones of 20 kinds in five encodings, and kills an import of 2,000 products at five moments.
``replacement`` puts a catalogue of 5,000 products in the place of another, a tenth of them new, while it is searched.
Each prints one JSON object.
"""

import argparse
import csv
import io
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.garments import objects
from tests.conftest import paint
from yunmeng.apps.shop.catalogue import read_catalogue
from yunmeng.apps.shop.search import Question, Wanted
from yunmeng.apps.shop.service import Shop
from yunmeng.apps.shop.types import ATTRIBUTES, Product
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.types import Record

PRODUCTS: Final = 20_000
DIM: Final = 512
RARE: Final = "rare/one"
QUERIES: Final = 300
K: Final = 10

# Filtered search


def clustered(count: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Vectors around 200 places, as embeddings of products are."""
    places = random.normal(size=(200, DIM))
    vectors = places[random.integers(200, size=count)] + 1.2 * random.normal(size=(count, DIM))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def fill(library: Library, random: np.random.Generator) -> tuple[NDArray[np.float32], list[Record]]:
    vectors = clustered(PRODUCTS * 6 // 5, random)
    rare = set(random.choice(PRODUCTS, PRODUCTS // 100, replace=False).tolist())
    records = []
    for at, vector in enumerate(vectors):
        number, position = at % PRODUCTS, 1 + at // PRODUCTS
        category = RARE if number in rare else f"common/{number % 40}"
        product = Product(f"p{number}", f"Product {number}", 1.0 + number % 100, "EUR", category, f"b{number % 50}")
        id = f"p{number}/{position}"
        attributes = product.attributes(position)
        records.append(
            Record(id, f"/gone/{id}", random.bytes(32).hex(), "0" * 16, "0" * 64, 1, 1, {}, attributes, vector)
        )
    for start in range(0, len(records), 1000):
        library.generation.store.upsert(records[start : start + 1000])
    library.generation.store.optimise()
    return vectors, records


def exact(vectors: NDArray[np.float32], records: Sequence[Record], query: NDArray[np.float32]) -> list[str]:
    """The k nearest products of the rare category."""
    rows = np.array([at for at, record in enumerate(records) if record.attributes["category"] == RARE])
    order = rows[np.argsort(-(vectors[rows] @ query), kind="stable")]
    return list(dict.fromkeys(str(records[at].attributes["product"]) for at in order))[:K]


def timed(ask: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> float:
    """Median milliseconds."""
    times = []
    for query in queries:
        began = time.perf_counter()
        ask(query)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def search(folder: Path) -> dict[str, Any]:
    random = np.random.default_rng(0)
    settings = Settings.load().model_copy(update={"cache_entries": 0})
    with Library.create(folder / "library", FakeEncoder(DIM), ATTRIBUTES, settings) as library:
        vectors, records = fill(library, random)
        queries = clustered(QUERIES, random)
        rare = Wanted("rare").without()

        def products(query: NDArray[np.float32]) -> list[str]:
            return [str(hit.attributes["product"]) for hit in Question(library, query).ask(rare, K)]

        found = [products(query) for query in queries]
        recall = [
            len(set(exact(vectors, records, query)) & set(ids)) / K for query, ids in zip(queries, found, strict=True)
        ]
        everything = timed(lambda query: Question(library, query).ask(None, K), queries)
        filtered = timed(products, queries)
        shop = Shop(library)
        Library.embed = lambda _self, vector, _region: vector  # type: ignore[method-assign,assignment,misc]  # a photo
        whole = timed(lambda query: shop.search(query), queries)  # type: ignore[arg-type]
        chosen = timed(lambda query: shop.search(query, category="rare"), queries)  # type: ignore[arg-type]
    return {
        "products": PRODUCTS,
        "of the category": PRODUCTS // 100,
        "fewest found": min(map(len, found)),
        "recall@10": round(statistics.mean(recall), 4),
        "p50_ms": round(everything, 2),
        "filtered_p50_ms": round(filtered, 2),
        "ratio": round(filtered / everything, 2),
        "whole_answer_p50_ms": round(whole, 1),
        "whole_answer_filtered_p50_ms": round(chosen, 1),
    }


# Categories


def categories(folder: Path, photos: Path) -> dict[str, Any]:
    catalogue = folder / "catalogue.csv"
    with catalogue.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "title", "category", "image"])
        for picture in sorted((photos / "gallery").glob("*/*")):
            rows.writerow([picture.stem, picture.parent.name, picture.parent.name, picture])
    with Library.create(folder / "library", attributes=ATTRIBUTES) as library:
        shop = Shop(library)
        shop.import_catalogue(catalogue)
        queries = sorted((photos / "query").glob("*/*"))
        answers: dict[str, list[tuple[bool, float]]] = {"whole photo": [], "its subject": [], "its main thing": []}
        for photo in queries:
            main = next((thing.region for thing in shop.objects(photo)), None)
            for way, region in zip(answers, (None, library.subject(photo).region, main), strict=True):
                best = shop.search(photo, region=region, k=1).guesses[0]
                answers[way].append((best.category == photo.parent.name, best.chance))
    figures: dict[str, Any] = {"photos": len(queries)}
    for way, told in answers.items():
        right, chances = zip(*told, strict=True)
        figures[way] = {"accuracy": round(statistics.mean(right), 3), "mean chance": round(statistics.mean(chances), 3)}
    return figures


# Catalogues

GOOD: Final = {
    "id": "", "title": "红色连衣裙", "price": "12.50", "currency": "EUR", "category": "women/dresses", "brand": "云梦",
    "link": "https://shop.example/1", "stock": "3", "family": "", "size": "38", "image": "0.png",
}  # fmt: skip
BAD: Final[Sequence[dict[str, str]]] = (
    {"id": ""}, {"id": "x" * 201}, {"title": ""}, {"title": "连" * 501}, {"title": "a\x07b"}, {"image": ""},
    {"image": "away.png"}, {"image": "ftp://shop.example/a.png"}, {"price": "cheap"}, {"price": "-1"},
    {"price": "1,299"}, {"price": "€5"}, {"currency": ""}, {"currency": "EURO"}, {"stock": "1.5"}, {"stock": "-2"},
    {"category": "women//dresses"}, {"link": "javascript:alert(1)"}, {"size": "big"}, {"image": "["},
)  # fmt: skip
"""Twenty kinds of bad rows, by what is different in them."""
ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-16", "gb18030", "utf-16-le")
EACH: Final = 10
REPLACED: Final = 5_000
KILLED: Final = (0.5, 3.0, 6.0, 9.0, 12.0)
"""Seconds after which an import is killed."""


def write(folder: Path, count: int, bad: int, encoding: str = "utf-8", pictures: int = 1) -> tuple[Path, set[int]]:
    """A catalogue with ``bad`` rows of each kind spread over it, and the lines of these."""
    wrong = {} if not bad else dict(zip(range(0, count, count // (bad * len(BAD))), [*BAD] * bad, strict=True))
    text = io.StringIO()
    rows = csv.DictWriter(text, GOOD)
    rows.writeheader()
    for number in range(count):
        rows.writerow({**GOOD, "id": f"p{number}", "image": f"{number % pictures}.png", **wrong.get(number, {})})
    file = folder / f"catalogue-{encoding}.csv"
    file.write_bytes(text.getvalue().encode(encoding))
    return file, {number + 2 for number in wrong}


def killed(folder: Path) -> dict[str, Any]:
    """An import that replaces another catalogue, killed at five moments and then run to its end."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for seed in range(2000):
        paint(seed).save(pictures / f"{seed}.png")
    old, _ = write(pictures, 1500, 0, "utf-8-sig", 1000)
    new, _ = write(pictures, 2000, 0, "utf-8", 2000)
    db = folder / "shop"
    command = [sys.executable, "-m", "yunmeng", "shop", "import", "--db", str(db), "--replace"]
    Library.create(db, attributes={**ATTRIBUTES, "size": "int"}).close()
    subprocess.run([*command, str(old)], check=True, capture_output=True)
    ended = []
    for seconds in KILLED:
        running = subprocess.Popen([*command, str(new)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        running.send_signal(signal.SIGKILL)
        ended.append(running.wait() != -signal.SIGKILL)
    subprocess.run([*command, str(new)], check=True, capture_output=True)
    with Library.open(db) as library:
        records = list(library.iterate())
        whole = {str(record.attributes["product"]) for record in records} == {f"p{number}" for number in range(2000)}
        uris = {record.uri for record in records} == {str(pictures / f"{number}.png") for number in range(2000)}
    return {
        "killed_at_s": KILLED,
        "ended before": sum(ended),
        "one catalogue, whole": whole and uris and len(records) == 2000,
    }


def catalogue(folder: Path) -> dict[str, Any]:
    Image.new("RGB", (8, 8), "red").save(folder / "0.png")
    figures: dict[str, Any] = {"rows": PRODUCTS, "bad": EACH * len(BAD), "kinds": len(BAD)}
    for encoding in ENCODINGS:
        file, wrong = write(folder, PRODUCTS, EACH, encoding)
        began = time.perf_counter()
        found = read_catalogue(file, {**ATTRIBUTES, "size": "int"})
        figures[encoding] = {
            "named": len({row.line for row in found.bad} & wrong),
            "named wrongly": len({row.line for row in found.bad} - wrong),
            "good": len(found.products),
            "seconds": round(time.perf_counter() - began, 2),
        }
    return {**figures, **killed(folder)}


# Replacement


def disk(folder: Path) -> float:
    """Megabytes of all stores."""
    return sum(file.stat().st_size for store in folder.glob("store*") for file in store.rglob("*")) / 1e6


def replacement(folder: Path) -> dict[str, Any]:
    for seed in range(REPLACED * 11 // 10):
        paint(seed).save(folder / f"{seed}.png")
    old = write(folder, REPLACED, 0, "utf-8", REPLACED)[0]
    rows = old.read_text(encoding="utf-8").splitlines()
    changed = [rows[0], *(row.replace("12.50", "13.50") for row in rows[1 + REPLACED // 10 :])]
    fresh = [rows[1].replace("p0", f"p{n}").replace("0.png", f"{n}.png") for n in range(REPLACED, REPLACED * 11 // 10)]
    new = folder / "new.csv"
    new.write_text("\n".join([*changed, *fresh]), encoding="utf-8")
    query, over, times = clustered(1, np.random.default_rng(0))[0], threading.Event(), []
    with Library.create(folder / "library", FakeEncoder(DIM), {**ATTRIBUTES, "size": "int"}) as library:
        shop = Shop(library)
        figures: dict[str, Any] = {"products": REPLACED, "first_s": seconds(lambda: shop.import_catalogue(old))}
        figures["before_mb"] = round(disk(library.path))

        def look() -> None:
            while not over.wait(0.05):
                times.append(timed(lambda query: Question(library.pinned(), query).ask(None, K), query[None]))

        reader = threading.Thread(target=look)
        reader.start()
        figures["replaced_s"] = seconds(lambda: shop.import_catalogue(new, replace=True))
        over.set()
        reader.join()
        figures |= {"while_mb": round(disk(library.path)), "search_p50_ms": round(statistics.median(times), 1)}
        figures["plain_s"] = seconds(lambda: shop.import_catalogue(old))
    figures["after_mb"] = round(disk(folder / "library"))
    return figures


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["search", "categories", "objects", "catalogue", "replacement"])
    parser.add_argument("photos", nargs="?", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.what == "categories":
            print(json.dumps(categories(folder, arguments.photos)))
        elif arguments.what == "objects":
            print(json.dumps(objects(arguments.photos)))
        else:
            print(
                json.dumps(
                    {"search": search, "catalogue": catalogue, "replacement": replacement}[arguments.what](folder)
                )
            )


if __name__ == "__main__":
    main()
