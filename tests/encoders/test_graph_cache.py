"""The cache of graphs: one build, several processes, damage, full disks. Processes here are real ones."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forking import Forked, fork_server
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load_built_in
from yunmeng.encoders.graph_cache import cached_graph
from yunmeng.encoders.onnx_encoder import OnnxEncoder
from yunmeng.errors import EncoderError, WeightsError


def unexpected() -> bytes:
    raise AssertionError("built again")


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def forked(script: str, *arguments: object) -> Forked:
    return fork_server().start("-c", script, *arguments)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited a minute in vain"
        time.sleep(0.01)


def test_a_graph_is_built_once(tmp_path: Path) -> None:
    assert cached_graph(tmp_path / "new" / "folder", "name", lambda: b"graph") == b"graph"
    assert cached_graph(tmp_path / "new" / "folder", "name", unexpected) == b"graph"


@pytest.mark.parametrize("file", ["name.onnx", "name.onnx.sha256"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_damaged_graph_is_built_again(tmp_path: Path, file: str, damage: str) -> None:
    cached_graph(tmp_path, "name", lambda: b"graph" * 100)
    data = (tmp_path / file).read_bytes()
    if damage == "gone":
        (tmp_path / file).unlink()
    else:
        damaged = {"cut": data[:20], "flipped": bytes([data[0] ^ 0x81]) + data[1:], "empty": b""}[damage]
        (tmp_path / file).write_bytes(damaged)
    assert cached_graph(tmp_path, "name", lambda: b"again" * 100) == b"again" * 100
    assert cached_graph(tmp_path, "name", unexpected) == b"again" * 100


def test_a_damaged_graph_of_a_real_encoder_is_built_again(tmp_path: Path, lite0: OnnxEncoder) -> None:
    settings = Settings(cache_dir=tmp_path)
    load_built_in("efficientnet-lite0", settings)
    file = next(tmp_path.glob("*.onnx"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert load_built_in("efficientnet-lite0", settings).spec == lite0.spec
    assert file.read_bytes() == whole


def test_a_failed_build_leaves_the_lock_free_and_nothing_behind(tmp_path: Path) -> None:
    def fails() -> bytes:
        raise WeightsError("missing")

    with pytest.raises(WeightsError):
        cached_graph(tmp_path, "name", fails)
    assert not list(tmp_path.glob("*.onnx*"))
    assert cached_graph(tmp_path, "name", lambda: b"graph") == b"graph"


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(EncoderError, match=f"{tmp_path}.*YUNMENG_CACHE_DIR"):
            cached_graph(folder, "name", lambda: b"graph")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_names_the_setting(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EncoderError, match="YUNMENG_CACHE_DIR"):
        cached_graph(tmp_path, "name", lambda: b"graph")


FULL_DISK = """
import resource, sys
from pathlib import Path
from yunmeng.encoders.graph_cache import cached_graph
from yunmeng.errors import EncoderError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # the write fails half-way, as on a full disk
try:
    cached_graph(Path(sys.argv[1]), "name", lambda: bytes(1_000_000))
except EncoderError as error:
    print(error)
"""


def test_a_write_that_fails_half_way_is_an_error_and_leaves_no_graph(tmp_path: Path) -> None:
    output, errors = forked(FULL_DISK, tmp_path).communicate(timeout=60)
    assert "YUNMENG_CACHE_DIR" in output, errors
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".lock"] == []


RACE = """
import sys, time
from pathlib import Path
from yunmeng.encoders.graph_cache import cached_graph
folder, number = Path(sys.argv[1]), sys.argv[2]
def build():
    (folder / f"built-{number}").touch()
    time.sleep(0.3)
    return b"graph" * 100_000
(folder / f"ready-{number}").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
print(len(cached_graph(folder / "cache", "name", build)))
"""


def test_processes_that_start_together_build_once(tmp_path: Path) -> None:
    processes = [forked(RACE, tmp_path, number) for number in range(4)]
    wait_for(lambda: len(list(tmp_path.glob("ready-*"))) == 4)
    (tmp_path / "go").touch()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [output for output, _ in outputs] == ["500000\n"] * 4, outputs
    assert len(list(tmp_path.glob("built-*"))) == 1


KILLED = """
import sys, time
from pathlib import Path
from yunmeng.encoders.graph_cache import cached_graph
def build():
    (Path(sys.argv[1]) / "building").touch()
    time.sleep(600)
    return b""
cached_graph(Path(sys.argv[1]), "name", build)
"""


def test_a_builder_that_is_killed_does_not_block_the_next(tmp_path: Path) -> None:
    process = forked(KILLED, tmp_path)
    wait_for((tmp_path / "building").exists)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert cached_graph(tmp_path, "name", lambda: b"graph") == b"graph"


REAL = """
import hashlib, sys
from pathlib import Path
import numpy as np
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load_built_in
encoder = load_built_in("efficientnet-lite0", Settings(cache_dir=Path(sys.argv[1]), threads=1))
picture = np.arange(224 * 224 * 3, dtype=np.uint32).reshape(224, 224, 3).astype(np.uint8)
print(hashlib.sha256(encoder.encode([picture])).hexdigest(), *sorted({"onnx", "torch"} & set(sys.modules)))
"""


def test_real_encoders_may_be_built_by_two_processes_at_once(tmp_path: Path) -> None:
    outputs = [process.communicate(timeout=120) for process in [python(REAL, tmp_path) for _ in range(2)]]
    digests = {output.split()[0] for output, _ in outputs}
    assert len(digests) == 1, outputs
    assert len(list(tmp_path.glob("*.onnx"))) == 1


def test_a_cached_graph_needs_neither_onnx_nor_words_on_stderr(graph_settings: Settings, lite0: OnnxEncoder) -> None:
    output, errors = python(REAL, graph_settings.cache_dir).communicate(timeout=60)
    assert len(output.split()) == 1, output
    assert errors == ""
