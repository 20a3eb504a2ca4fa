"""Words of a library in Milvus that are kept in PostgreSQL: how fast they are found, and what they cost a write.

``python -m benchmarks.milvus_words MILVUS POSTGRESQL [COUNT]`` prints one JSON object. The URLs are those of an empty
library and of an empty schema, such as ``milvus://localhost:19530/words`` and ``postgresql://user@host/database``. Each
record has a name, a caption of eight English words, frequent and rare as in text (Zipf's law over 5,000 words), and one
of 200 Chinese descriptions. In the end batches of 32 new records are written in turns without words and with them.
"""

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import text

from benchmarks.milvus import DIM, clustered
from yunmeng import stores
from yunmeng.library.words import WordedStore
from yunmeng.state import State
from yunmeng.state.words import RecordWords
from yunmeng.stores.filters import Compare, Filter
from yunmeng.types import AttributeSchema, Record

SCHEMA: Final[AttributeSchema] = {"part": "int"}
BATCH: Final = 32
PAIRS: Final = 50
QUESTIONS: Final = 25
HITS: Final = 100
"""Hits of one question, as many as a search by words asks for to fuse them with those by meaning."""
COLOURS: Final = ["红色", "蓝色", "绿色", "黄色", "白色", "黑色", "紫色", "粉色", "灰色", "棕色"]
THINGS: Final = [
    *("连衣裙", "衬衫", "长裤", "短裙", "外套", "毛衣", "帽子", "围巾", "皮鞋", "凉鞋"),
    *("手套", "背包", "雨衣", "西装", "睡衣", "泳衣", "袜子", "腰带", "眼镜", "手表"),
]


def records(count: int) -> list[Record]:
    """``count`` records with words."""
    rng, vectors = np.random.default_rng(1), clustered(count)
    letters = rng.integers(97, 123, (5000, 7), np.uint8)
    vocabulary = [bytes(row).decode() for row in letters]
    ranks = np.minimum(rng.zipf(1.2, (count, 8)) - 1, len(vocabulary) - 1)
    return [
        Record(
            id=f"{row}.jpg",
            uri=f"/pictures/IMG_{row}.jpg",
            sha256=hashlib.sha256(str(row).encode()).hexdigest(),
            phash="0" * 16,
            pdq="0" * 64,
            width=640,
            height=480,
            attributes={
                "part": row % 100,
                "caption": " ".join(vocabulary[rank] for rank in ranks[row]),
                "description": COLOURS[row % 10] + THINGS[row // 10 % 20],
            },
            vector=vectors[row],
        )
        for row in range(count)
    ]


def questions(every: list[Record]) -> Iterator[tuple[str, str, Filter | None]]:
    """Questions of each kind: its name, words, filter."""
    for row in np.random.default_rng(2).integers(len(every), size=QUESTIONS):
        words = str(every[row].attributes["caption"]).split()
        yield "two words of one caption", f"{words[0]} {words[4]}", None
        yield "a colour and a thing in Chinese", str(every[row].attributes["description"]), None
        yield (
            "the same, one record in a hundred passes",
            str(every[row].attributes["description"]),
            Compare("part", "=", 7),
        )
        yield "a rare name", f"IMG_{row}", None


def cost_of_a_batch(plain: stores.Store, worded: stores.Store, fresh: list[Record]) -> dict[str, float]:
    """Milliseconds of a batch of 32 without words and with them, medians of pairs written in turns."""
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for pair in range(PAIRS):
        for which in (0, 1) if pair % 2 else (1, 0):
            batch, fresh = fresh[:BATCH], fresh[BATCH:]
            began = time.perf_counter()
            (plain, worded)[which].upsert(batch)
            seconds[which].append(1000 * (time.perf_counter() - began))
    ratios = [with_words / without for without, with_words in zip(seconds[0], seconds[1], strict=True)]
    return {
        "without_ms": round(statistics.median(seconds[0]), 1),
        "with_ms": round(statistics.median(seconds[1]), 1),
        "ratio": round(statistics.median(ratios), 2),
    }


def answers(worded: stores.Store, every: list[Record]) -> dict[str, dict[str, float]]:
    """Milliseconds of a question, one at a time, by kind."""
    seconds: dict[str, list[float]] = {}
    hits: dict[str, int] = {}
    for kind, words, filter in questions(every):
        began = time.perf_counter()
        found = worded.search_text(words, HITS, filter)
        seconds.setdefault(kind, []).append(1000 * (time.perf_counter() - began))
        hits[kind] = hits.get(kind, 0) + len(found)
    return {
        kind: {
            "p50_ms": round(statistics.median(each), 1),
            "p95_ms": round(sorted(each)[int(0.95 * len(each))], 1),
            "hits": round(hits[kind] / len(each), 1),
        }
        for kind, each in seconds.items()
    }


def main() -> None:
    url, state_url = sys.argv[1:3]
    count, place = int(sys.argv[3]) if len(sys.argv) > 3 else 50_000, Path("store")
    every, fresh = (made := records(count + 2 * PAIRS * BATCH))[:count], made[count:]
    figures: dict[str, Any] = {"count": count}
    with State.open(Path("not used"), state_url) as state:
        words = RecordWords(lambda: state, place.name)
        words.begin()
        plain = stores.create(url, place, DIM, SCHEMA)
        worded = WordedStore(plain, words)
        try:
            began = time.perf_counter()
            for start in range(0, len(every), 1000):
                worded.upsert(every[start : start + 1000])
            figures["written_per_second"] = round(len(every) / (time.perf_counter() - began))
            print(figures, file=sys.stderr)
            with state.reading() as session:
                size = session.scalar(text("SELECT pg_total_relation_size('record_words')"))
            figures["bytes_each"] = round((size or 0) / count)
            worded.search_text("a question that warms it up", HITS)
            figures["answers"] = answers(worded, every)
            print(figures, file=sys.stderr)
            figures["batch_of_32"] = cost_of_a_batch(plain, worded, fresh)
        finally:
            worded.close()
            stores.remove(url, place)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
