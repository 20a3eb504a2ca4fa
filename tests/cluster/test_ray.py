"""Indexing on a real Ray cluster of two nodes on this machine, of which nodes and workers die."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.cluster.encoders import BrokenEncoder, PoisonedEncoder, SlowEncoder
from tests.cluster.workers import newest_worker
from tests.conftest import CommandLine, paint, told_in_one_line
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import ClusterError, EncoderError, MissingExtra, QueryError
from yunmeng.imaging import decode
from yunmeng.library import Library
from yunmeng.types import IndexReport, Record, Tally

Make = Callable[..., Path]


class TwoNodes:
    """A cluster with one core a node. The second node can be killed; there is another one in the next test."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._second: Any = None
        self.address: str = cluster.address

    def mend(self) -> None:
        if self._second is None:
            self._second = self._cluster.add_node(num_cpus=1, **NODE)
            self._cluster.wait_for_nodes()

    def worker(self) -> psutil.Process | None:
        """Return a process that decodes and encodes, while there is one."""
        return newest_worker(self._cluster)

    def kill_second(self) -> None:
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = None


NODE = {"object_store_memory": 100_000_000, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoNodes]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not os.environ.get("CI"):
        pytest.importorskip("ray.cluster_utils")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **NODE})
    yield TwoNodes(made)
    made.shutdown()


@pytest.fixture
def nodes(cluster: TwoNodes) -> TwoNodes:
    cluster.mend()
    return cluster


def records(library: Library) -> dict[str, Record]:
    """The records by id, each once, without their vectors, which arrays compare better."""
    found = list(library.iterate(vectors=True))
    assert len(found) == len({record.id for record in found})
    return {record.id: record for record in found}


def assert_same(library: Library, other: Library) -> None:
    """Check that two libraries hold the same, vectors bit for bit, those of regions too."""
    one, two = records(library), records(other)
    assert one.keys() == two.keys()
    for id, record in one.items():
        assert record.vector is not None
        assert two[id].vector is not None
        np.testing.assert_array_equal(record.vector, two[id].vector)
        assert replace(record, vector=None) == replace(two[id], vector=None)


def failures(report: IndexReport) -> dict[str, str]:
    return {Path(failure.path).name: failure.reason for failure in report.failed}


def test_the_same_records_and_vectors_as_in_this_process(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, settings: Settings
) -> None:
    folder = make_pictures(30)
    (folder / "broken.jpg").write_bytes((folder / "003.jpg").read_bytes()[:300])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "words.jpg").write_text("no picture at all")
    pages = [paint(seed) for seed in range(100, 103)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    made = []
    for runner in ("local", "ray"):
        options: Any = {"regions": True, "settings": settings.model_copy(update={"batch_size": 70})}
        library = Library.create(tmp_path / runner, "efficientnet-lite0", {"n": "int"}, **options)
        address = {"address": nodes.address} if runner == "ray" else {}
        made.append((library, library.index([folder], frames=5, runner=runner, **address)))  # type: ignore[arg-type]
    (local, told), (remote, same) = made
    assert (same.indexed, same.skipped) == (told.indexed, told.skipped) == (33, 0)
    assert failures(same) == failures(told)
    assert set(failures(same)) == {"broken.jpg", "empty.jpg", "words.jpg"}
    assert_same(local, remote)
    hit = remote.search(folder / "007.jpg", k=1, regions=True)[0]
    assert (hit.id, round(hit.score, 6)) == ("007.jpg", 1.0)
    again = remote.index([folder], frames=5, runner="ray", address=nodes.address)
    assert (again.indexed, again.skipped, len(again.failed)) == (0, 33, 3)
    local.close()
    remote.close()


def test_a_node_that_is_killed_costs_its_batches_only(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, settings: Settings
) -> None:
    folder = make_pictures(120)
    killer: list[threading.Thread] = []

    def watch(tally: Tally) -> None:
        if tally.indexed >= 24 and not killer:
            killer.append(threading.Thread(target=nodes.kill_second))
            killer[0].start()

    with (
        Library.create(tmp_path / "remote", SlowEncoder(), settings=settings) as remote,
        Library.create(tmp_path / "local", FakeEncoder(), settings=settings) as local,
    ):
        report = remote.index([folder], runner="ray", address=nodes.address, on_tally=watch)
        killer[0].join()
        assert (report.indexed, report.skipped, report.failed) == (120, 0, [])
        local.index([folder])
        assert_same(local, remote)


def test_a_picture_that_kills_every_worker_is_named_and_costs_no_other(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, settings: Settings
) -> None:
    folder = make_pictures(40)
    poison = decode((folder / "013.jpg").read_bytes()).pixels
    with Library.create(tmp_path / "library", PoisonedEncoder([poison]), settings=settings) as library:
        report = library.index([folder], runner="ray", address=nodes.address)
        assert (report.indexed, report.skipped) == (39, 0)
        assert failures(report) == {"013.jpg": "kills: 3 workers died while they had this picture"}
        assert records(library).keys() == {f"{number:03}.jpg" for number in range(40) if number != 13}
        assert library.index([folder]).indexed == 1  # which this process survives


def test_a_run_that_is_stopped_keeps_what_it_acknowledged(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, settings: Settings
) -> None:
    folder, stop, seen = make_pictures(200), threading.Event(), [0]

    def watch(tally: Tally) -> None:
        seen[0] = tally.indexed
        if tally.indexed >= 20:
            stop.set()

    with Library.create(tmp_path / "library", SlowEncoder(), settings=settings) as library:
        report = library.index([folder], runner="ray", address=nodes.address, on_tally=watch, stop=stop)
        assert report.interrupted
        assert 20 <= report.indexed == seen[0] == library.count() < 200
        again = library.index([folder])
        assert (again.indexed, again.skipped) == (200 - report.indexed, report.indexed)


def test_ctrl_c_ends_the_command_and_its_cluster(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, cache_dir: Path, settings: Settings
) -> None:
    load("efficientnet-lite0", settings)  # builds its graph, so that the command is at work soon
    folder = make_pictures(600)
    environment = {**os.environ, "YUNMENG_CACHE_DIR": str(cache_dir), "YUNMENG_BATCH_SIZE": "4"}
    command = ["index", folder, "--db", tmp_path / "db", "--encoder", "efficientnet-lite0", "--json"]
    started = subprocess.Popen(
        [sys.executable, "-m", "yunmeng", *map(str, command), "--runner", "ray", "--address", nodes.address],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    state, deadline = tmp_path / "db" / "state.db", time.monotonic() + 90
    while not _indexed(state) and time.monotonic() < deadline and started.poll() is None:
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, err
    assert "Stopped. What was indexed is kept" in err
    report = json.loads(out)
    assert 0 < report["indexed"] < 600
    with Library.open(tmp_path / "db", settings=settings) as library:
        assert library.count() == report["indexed"]


def test_what_ray_tells_of_a_dead_worker_is_no_part_of_the_json(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, cache_dir: Path, settings: Settings
) -> None:
    load("efficientnet-lite0", settings)
    folder = make_pictures(300)
    environment = {**os.environ, "YUNMENG_CACHE_DIR": str(cache_dir), "YUNMENG_BATCH_SIZE": "4"}
    command = ["index", folder, "--db", tmp_path / "db", "--encoder", "efficientnet-lite0", "--json"]
    started = subprocess.Popen(
        [sys.executable, "-m", "yunmeng", *map(str, command), "--runner", "ray", "--address", nodes.address],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    while not _indexed(tmp_path / "db" / "state.db") and time.monotonic() < deadline and started.poll() is None:
        time.sleep(0.05)
    worker = nodes.worker()
    assert worker is not None
    worker.kill()
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, err
    assert json.loads(out)["indexed"] == 300
    assert "worker died" in err


def _indexed(state: Path) -> int:
    """What the state of a running command says that it has acknowledged."""
    import sqlite3

    try:
        with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as database:
            return int(database.execute("select coalesce(max(indexed), 0) from checkpoints").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_an_encoder_that_fails_on_a_worker_is_told(
    nodes: TwoNodes, tmp_path: Path, make_pictures: Make, settings: Settings
) -> None:
    with (
        Library.create(tmp_path / "library", BrokenEncoder(), settings=settings) as library,
        pytest.raises(EncoderError, match=r"^the network is broken$"),
    ):
        library.index([make_pictures(3)], runner="ray", address=nodes.address)


def test_what_cannot_be_is_told_in_one_line(
    library: Library, make_pictures: Make, yunmeng: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_pictures(2)
    with pytest.raises(QueryError, match="for a cluster"):
        library.index([folder], workers=2)
    with pytest.raises(QueryError, match="workers must be 1 or more"):
        library.index([folder], runner="ray", workers=0)
    with pytest.raises(QueryError, match="no runner 'spark', only local, ray"):
        library.index([folder], runner="spark")  # type: ignore[arg-type]
    for address in ("nowhere", "127.0.0.1:1"):
        with pytest.raises(ClusterError, match=f"no Ray cluster can be used at {address}: ") as caught:
            library.index([folder], runner="ray", address=address)
        assert "\n" not in str(caught.value)
    told_in_one_line(yunmeng("index", folder, "--db", "db", "--workers", "2"), "for a cluster")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"yunmeng\[ray\]"):
        library.index([folder], runner="ray")
