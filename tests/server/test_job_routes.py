"""Jobs over HTTP: what is done in the background, of whatever kind."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import write_pictures
from tests.server.conftest import Open, refused
from yunmeng.config import Settings
from yunmeng.errors import StoreUnreachable
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.state import runner as state_runner
from yunmeng.state.runner import JobKind, JobRun, JobRunner


def order(client: TestClient, kind: str, **arguments: Any) -> Any:
    response = client.post("/v1/jobs", json={"kind": kind, "arguments": arguments})
    assert response.status_code == 202, response.text
    return response.json()


def end(client: TestClient, number: int) -> Any:
    """A job when it is over, as the last of its events has it."""
    last, kind = None, ""
    with client.stream("GET", f"/v1/jobs/{number}/events") as response:
        for line in response.iter_lines():
            if line.startswith("event:"):
                kind = line.partition(":")[2].strip()
            elif line.startswith("data:"):
                last = json.loads(line.partition(":")[2])
    assert kind == "end"
    return last


def test_second_vectors_are_made_by_a_job(filled: Library, client: TestClient) -> None:
    assert not client.get("/v1/library").json()["augmented"]
    job = end(client, order(client, "augment")["number"])
    assert (job["kind"], job["status"], job["failed"], job["error"]) == ("augment", "done", 0, None)
    assert job["done"] == job["total"] >= 12
    assert client.get("/v1/library").json()["augmented"]
    assert client.get(f"/v1/jobs/{job['number']}").json() == job


def test_attributes_are_declared_by_a_job(filled: Library, client: TestClient) -> None:
    job = end(client, order(client, "declare", attributes={"size": "str", "category": None})["number"])
    assert (job["kind"], job["status"], job["failed"], job["error"]) == ("declare", "done", 0, None)
    attributes = client.get("/v1/library").json()["attributes"]
    assert attributes["size"] == "str"
    assert "category" not in attributes
    orders: list[tuple[dict[str, str], str]] = [
        ({}, "invalid"),
        ({"size": "money"}, "invalid"),
        ({" ": "str"}, "query"),
    ]
    for given, code in orders:
        wrong = {"kind": "declare", "arguments": {"attributes": given}}
        refused(client.post("/v1/jobs", json=wrong), 422, code)
    record = next(iter(filled.iterate()))
    filled.set_attributes(record.id, {"cost": "on request"})
    failed = end(client, order(client, "declare", attributes={"cost": "float"})["number"])
    assert (failed["status"], failed["failed"]) == ("failed", 1)
    assert "do not fit" in failed["error"]


def test_a_library_moves_to_another_view_of_its_pictures_while_it_answers(tmp_path: Path, settings: Settings) -> None:
    folder = write_pictures(tmp_path / "pictures", 3)
    with (
        Library.create(tmp_path / "library", "efficientnet-lite0", settings=settings) as library,
        TestClient(create_app(library), base_url="http://127.0.0.1") as client,
    ):
        assert end(client, order(client, "import", paths=[str(folder)])["number"])["done"] == 3
        (folder / "001.jpg").rename(tmp_path / "away.jpg")
        failed = end(client, order(client, "reencode", regions=True)["number"])
        assert (failed["status"], failed["failed"], failed["resumable"]) == ("failed", 1, True)
        assert "drop_missing" in failed["error"]
        failures = client.get(f"/v1/jobs/{failed['number']}/failures").json()["failures"]
        assert [one["path"] for one in failures] == ["001.jpg"]
        assert not client.get("/v1/library").json()["regions"]
        (tmp_path / "away.jpg").rename(folder / "001.jpg")
        assert client.post(f"/v1/jobs/{failed['number']}/resume").status_code == 202
        job = end(client, failed["number"])
        assert (job["status"], job["done"], job["failed"], job["error"]) == ("done", 3, 0, None)
        assert not job["resumable"]
        assert client.get("/v1/library").json()["regions"]
        assert client.post("/v1/search", json={"id": "001.jpg", "regions": True}).json()["hits"][0]["id"] == "001.jpg"
        jobs = client.get("/v1/jobs").json()["jobs"]
        assert [one["kind"] for one in jobs] == ["reencode", "import"]
        assert jobs[1]["arguments"] == {"paths": [str(folder)], "manifest": None, "frames": 1}
        assert client.get("/v1/jobs", params={"kind": "import"}).json()["jobs"] == jobs[1:]
        again = end(client, order(client, "reencode", regions=True)["number"])
        assert (again["status"], "so already" in again["error"]) == ("failed", True)


def test_encoders_are_listed_for_those_who_order(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/v1/encoders").json()}
    assert found["efficientnet-lite2"] == {"name": "efficientnet-lite2", "dim": 512, "reads_text": False}


def test_orders_that_make_no_sense_are_refused(client: TestClient) -> None:
    for wrong in ({"kind": "nothing"}, {"kind": "warm"}, {"kind": "import", "arguments": {}}, {}):
        refused(client.post("/v1/jobs", json=wrong), 422, "invalid")
    told = refused(client.post("/v1/jobs", json={"kind": "reencode", "arguments": {"regions": "some"}}), 422, "invalid")
    assert told.startswith("body.arguments.regions: ")
    unknown = {"kind": "reencode", "arguments": {"encoder": "no-such-encoder"}}
    assert "no-such-encoder" in refused(client.post("/v1/jobs", json=unknown), 422, "query")
    nowhere = {"kind": "import", "arguments": {"paths": ["/no/such/folder"]}}
    refused(client.post("/v1/jobs", json=nowhere), 422, "source")
    assert client.get("/v1/jobs").json() == {"jobs": []}
    for way in ("", "/events", "/failures"):
        refused(client.get(f"/v1/jobs/7{way}"), 404, "not-found")


def test_what_is_over_is_neither_cancelled_nor_resumed(client: TestClient) -> None:
    number = end(client, order(client, "augment")["number"])["number"]
    refused(client.post(f"/v1/jobs/{number}/cancel"), 409, "job-over")
    refused(client.post(f"/v1/jobs/{number}/resume"), 409, "job-over")


def test_what_the_last_server_left_goes_on_if_it_can(filled: Library, open_server: Open) -> None:
    left = filled.state.queue_job("augment", {})
    filled.state.resume_job(left.id)
    by_command = filled.state.start_job("reencode", {"encoder": "efficientnet-lite0"})
    filled.state.finish_job(by_command.id, "interrupted")
    warming = filled.state.queue_job("warm", {"top": 1, "queries": 0})
    filled.state.resume_job(warming.id)
    client = open_server()
    assert end(client, left.id)["status"] == "done"
    for job in (warming, by_command):
        found = client.get(f"/v1/jobs/{job.id}").json()
        assert (found["status"], found["resumable"]) == ("interrupted", False)
        refused(client.post(f"/v1/jobs/{job.id}/resume"), 409, "job-over")


def test_every_order_to_ask_ahead_is_a_job(filled: Library, open_server: Open) -> None:
    client = open_server(warm=0)
    client.post("/v1/warm", json={"queries": [{"id": "001.jpg"}, {"id": "nowhere"}]})
    (job,) = client.get("/v1/jobs", params={"kind": "warm"}).json()["jobs"]
    job = end(client, job["number"])
    assert (job["status"], job["done"], job["total"], job["failed"]) == ("done", 2, 2, 1)
    failures = client.get(f"/v1/jobs/{job['number']}/failures").json()["failures"]
    assert failures == [{"path": "id:nowhere", "reason": "no picture has the id nowhere"}]


# The runner itself


@pytest.fixture
def runner(library: Library) -> Iterator[JobRunner]:
    runner = JobRunner(library.state, lambda *_: None)
    yield runner
    runner.stop()


class Held:
    """Work that waits until it is let go, and can be stopped."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.go_on = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def __call__(self, run: JobRun) -> bool:
        self.begun.append(run.job.id)
        self.entered.release()
        while not run.stop.is_set():
            if self.go_on.acquire(timeout=0.01):
                return True
        return False


def test_kinds_do_not_wait_for_each_other_and_jobs_of_one_do(runner: JobRunner) -> None:
    one, other = Held(), Held()
    runner.add(JobKind(name="one", work=one))
    runner.add(JobKind(name="other", work=other))
    runner.start()
    first, second, third = runner.order("one", {}), runner.order("one", {}), runner.order("other", {})
    assert one.entered.acquire(timeout=30)
    assert other.entered.acquire(timeout=30)
    assert (one.begun, other.begun) == ([first.id], [third.id])
    assert [job.status for job in runner.all("one")] == ["queued", "running"]
    one.go_on.release()
    assert one.entered.acquire(timeout=30)
    assert runner.cancel(second.id)
    runner.wait(second.id)
    assert [job.status for job in runner.all("one")] == ["cancelled", "done"]
    assert runner.resume(second.id)
    assert one.entered.acquire(timeout=30)
    one.go_on.release()
    runner.wait(second.id)
    assert [job.status for job in runner.all("one")] == ["done", "done"]
    assert not runner.resume(second.id)


def test_a_bug_in_a_job_ends_that_job_only(runner: JobRunner) -> None:
    def work(run: JobRun) -> bool:
        if run.job.arguments["wrong"]:
            raise ZeroDivisionError("a bug")
        return True

    runner.add(JobKind(name="one", work=work))
    runner.start()
    for wrong in (True, False):
        runner.wait(runner.order("one", {"wrong": wrong}).id)
    jobs = {job.arguments["wrong"]: job for job in runner.all("one")}
    assert (jobs[True].status, jobs[True].error) == ("failed", "an error inside the server: ZeroDivisionError")
    assert jobs[False].status == "done"


def test_a_job_whose_store_does_not_answer_goes_on_when_it_does(
    runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_runner, "AGAIN_AFTER", 0.01)
    away = [StoreUnreachable("the store is away")] * 2

    def work(_: JobRun) -> bool:
        if away:
            raise away.pop()
        return True

    runner.add(JobKind(name="one", work=work))
    runner.start()
    number = runner.order("one", {}).id
    runner.wait(number)
    job = runner.find(number)
    assert job is not None
    assert (job.status, job.error, away) == ("done", None, [])


def test_a_job_that_waits_for_its_store_can_be_cancelled(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_runner, "AGAIN_AFTER", 600.0)
    interrupted = threading.Event()
    runner = JobRunner(library.state, lambda event, *_: interrupted.set() if event == "interrupted" else None)

    def work(_: JobRun) -> bool:
        raise StoreUnreachable("the store is away")

    runner.add(JobKind(name="one", work=work))
    runner.start()
    job = runner.order("one", {})
    assert interrupted.wait(30)
    assert runner.cancel(job.id)
    runner.wait(job.id)
    runner.stop()
    assert [one.status for one in runner.all("one")] == ["cancelled"]


def test_the_end_of_the_process_interrupts_what_runs(library: Library) -> None:
    held = Held()
    runner = JobRunner(library.state, lambda *_: None)
    runner.add(JobKind(name="one", work=held))
    runner.start()
    job = runner.order("one", {})
    assert held.entered.acquire(timeout=30)
    runner.stop()
    found = library.state.job(job.id)
    assert found is not None
    assert found.status == "interrupted"
