"""The register of works: time to register, to verify and to prove, and what is found of what was touched.

    python -m benchmarks.register [--works 10000] [--tries 50] [--json]

Works are made-up records, entered as `Works.register_all` enters those of a folder, in the same batches: no picture is
read or encoded. Then one byte anywhere in the register's rows is changed, an entry removed, or two entries swapped, so
many times each; a try counts as found where `Works.verify` names the entry (or the tree head), and nothing else.
"""

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from yunmeng.apps.copyright import Works
from yunmeng.apps.copyright.intake import batches
from yunmeng.apps.copyright.ledger import registration
from yunmeng.apps.copyright.tables import RegisterTables
from yunmeng.apps.copyright.types import Details
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.types import Record

TABLES = {"copyright_entries": ("content", "leaf"), "copyright_head": ("root", "peaks")}


def made_up(number: int, dim: int, chance: np.random.Generator) -> Record:
    vector = chance.normal(size=dim).astype(np.float32)
    digest, pdq, phash = (chance.bytes(size).hex() for size in (32, 32, 8))
    return Record(f"works/{number:06}.jpg", f"/works/{number:06}.jpg", digest, phash, pdq, 4000, 3000, vector=vector)


def enter(library: Library, count: int) -> list[float]:
    """Register so many works; return the seconds of each batch."""
    chance, seconds = np.random.default_rng(0), []
    tables = RegisterTables(library.state)
    for batch in batches(range(count)):
        records = [made_up(number, library.config.encoder.dim, chance) for number in batch]
        began = perf_counter()
        tables.append(
            [
                registration(Details("Studio Lin", f"Work {number}", "CC BY 4.0", "2024-05-01"), record, library.config)
                for number, record in zip(batch, records, strict=True)
            ]
        )
        seconds.append(perf_counter() - began)
    return seconds


def measure(count: int, tries: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, Library.create(Path(folder) / "library", FakeEncoder()) as library:
        seconds = enter(library, count)
        singles = [enter(library, 1)[0] for _ in range(20)]
        count += len(singles)
        works = Works(library)
        result: dict[str, Any] = {"works": count, "registered in batches, s": round(sum(seconds), 2)}
        result["one registered, median, ms"] = round(1000 * statistics.median(singles), 2)
        for name, ask in (("verify", works.verify), ("read", works.all), ("prove", lambda: works.prove(count // 2))):
            result[f"{name}, s"] = timed(ask)
        if not works.verify().sound:
            raise SystemExit("the untouched register is not sound")
        file, chance = library.path / "state.db", random.Random(0)
        for name, touched in (("one byte", one_byte), ("removed", removed), ("swapped", swapped)):
            found = []
            for _ in range(tries):
                with touched(file, count, chance) as wanted:
                    verified = works.verify()
                    found.append({problem.number for problem in verified.problems} == wanted)
            result[f"{name}: found and where, of {tries}"] = sum(found)
        if not works.verify().sound:
            raise SystemExit("the register was not put back as it was")
    return result


def timed(ask: Any) -> float:
    began = perf_counter()
    ask()
    return round(perf_counter() - began, 3)


@contextmanager
def changed(
    file: Path, there: list[tuple[str, tuple[Any, ...]]], back: list[tuple[str, tuple[Any, ...]]]
) -> Iterator[None]:
    run(file, there)
    yield
    run(file, back)


def run(file: Path, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
    connection = sqlite3.connect(file)
    for sql, values in statements:
        connection.execute(sql, values)
    connection.commit()
    connection.close()


@contextmanager
def one_byte(file: Path, count: int, chance: random.Random) -> Iterator[set[int | None]]:
    """Change a byte of an entry or, once in ten times, of the tree head."""
    table = "copyright_head" if chance.random() < 0.1 else "copyright_entries"
    column = chance.choices(TABLES[table], weights=(9, 1) if table == "copyright_entries" else (1, 1))[0]
    key, number = ("id", 1) if table == "copyright_head" else ("number", chance.randint(1, count))
    connection = sqlite3.connect(file)
    (data,) = connection.execute(f"SELECT {column} FROM {table} WHERE {key} = {number}").fetchone()
    connection.close()
    at = chance.randrange(len(data))
    other = bytes([*data[:at], data[at] ^ chance.randrange(1, 256), *data[at + 1 :]])
    sql = f"UPDATE {table} SET {column} = ? WHERE {key} = {number}"
    with changed(file, [(sql, (other,))], [(sql, (data,))]):
        yield {None if table == "copyright_head" else number}


@contextmanager
def removed(file: Path, count: int, chance: random.Random) -> Iterator[set[int | None]]:
    number = chance.randint(1, count)
    connection = sqlite3.connect(file)
    row = connection.execute(f"SELECT * FROM copyright_entries WHERE number = {number}").fetchone()
    connection.close()
    away = f"DELETE FROM copyright_entries WHERE number = {number}"
    with changed(file, [(away, ())], [("INSERT INTO copyright_entries VALUES (?, ?, ?)", row)]):
        yield {number}


@contextmanager
def swapped(file: Path, count: int, chance: random.Random) -> Iterator[set[int | None]]:
    one, other = chance.sample(range(1, count + 1), 2)
    sql = "UPDATE copyright_entries SET number = ? WHERE number = ?"
    swap = [(sql, (-1, one)), (sql, (one, other)), (sql, (other, -1))]
    with changed(file, swap, swap):
        yield {one, other}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", type=int, default=10_000)
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.works, arguments.tries)
    print(json.dumps(result) if arguments.json else "\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
