"""Jobs of a library whose Milvus dies, and comes back."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.caching.sharing import Slow
from tests.conftest import write_pictures
from tests.milvus_server import MilvusServer, running_milvus
from yunmeng.config import Settings
from yunmeng.library import Library
from yunmeng.server.job_kinds import importing
from yunmeng.server.observe import Metrics
from yunmeng.state import runner
from yunmeng.state.runner import JobRunner


def test_an_import_goes_on_when_its_server_is_back(
    milvus: MilvusServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "AGAIN_AFTER", 0.2)
    monkeypatch.setenv("YUNMENG_MILVUS_TIMEOUT", "5")
    folder, events, interrupted = write_pictures(tmp_path / "pictures", 30), list[str](), threading.Event()

    def note(event: str, *_: object) -> None:
        events.append(event)
        if event == "interrupted":
            interrupted.set()

    settings = settings.model_copy(update={"batch_size": 1})
    with (
        running_milvus(milvus.binaries) as own,
        Library.create(tmp_path / "library", Slow(), {}, settings, store=f"{own.url}/photos") as library,
    ):
        jobs = JobRunner(library.state, note)
        jobs.add(importing(library, Metrics(), None))
        jobs.start()
        try:
            monkeypatch.setattr(Slow, "by", 0.2)
            number = jobs.order("import", {"paths": [str(folder)], "manifest": None, "frames": 1}).id
            wait_for(lambda: library.count() > 5)
            own.kill()
            assert interrupted.wait(60)
            own.start()
            monkeypatch.setattr(Slow, "by", 0.0)
            wait_for(lambda: "done" in events)
        finally:
            jobs.stop()
        job = library.state.job(number)
        assert job is not None
        assert (job.status, job.error) == ("done", None)
        assert job.progress.indexed + job.progress.skipped == library.count() == 30
        assert job.progress.skipped > 5  # what was in is not encoded again
        assert "failed" not in events


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
