"""Several real servers behind a real nginx: shares, a server that dies, one that is stopped, events, errors."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import CommandLine, write_pictures
from tests.deploy.replicas import Load, Replicas, replicas
from tests.server.conftest import jpeg
from yunmeng.client import Client

Ask = Callable[[httpx.Client], httpx.Response]


def look(client: httpx.Client) -> httpx.Response:
    return client.get("/v1/pictures?limit=3")


def search(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/search", json={"id": "003.jpg", "k": 3})


def upload(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/search/upload", files={"file": PICTURE}, data={"k": "3"})


PICTURE = jpeg(5)
MIXED: list[Ask] = [look, look, search, search, upload, upload]


@pytest.fixture
def three(yunmeng: CommandLine, tmp_path: Path) -> Iterator[Replicas]:
    with replicas(yunmeng, tmp_path / "three", [1, 1, 1], YUNMENG_SERVER_DRAIN="1") as found:
        yield found


def test_shares_follow_the_weights(yunmeng: CommandLine, tmp_path: Path) -> None:
    with replicas(yunmeng, tmp_path / "two", [3, 1]) as found:
        with Load(found, MIXED) as load:
            load.wait(800, seconds=300)
        assert load.failed == []
        heavy, light = found.answered().values()
    assert heavy + light >= 800
    assert heavy / (heavy + light) == pytest.approx(0.75, rel=0.05)


def test_one_of_three_is_killed_under_load(three: Replicas) -> None:
    with Load(three, MIXED) as load:
        load.wait(150)
        three.servers[1].kill()
        killed = time.monotonic()
        load.wait(150)
        while time.monotonic() < killed + 1.5:  # beyond the second in which errors may come
            time.sleep(0.01)
        load.wait(300, seconds=120)
    assert [said for at, said in load.failed if at > killed + 1] == []
    counts = list(three.answered().values())
    assert counts[1] < min(counts[0], counts[2])


def test_a_server_that_is_stopped_loses_no_request(three: Replicas) -> None:
    """Of any kind: while it drains it answers, and tells nginx to close; then nobody can connect to it."""
    with Load(three, MIXED) as load:
        load.wait(100)
        three.servers[0].send_signal(signal.SIGTERM)
        assert three.servers[0].wait(timeout=60) == 0
        load.wait(200)
    assert load.failed == []


def test_events_come_when_they_happen(yunmeng: CommandLine, tmp_path: Path) -> None:
    """The first while the import still runs, and the end when it is done; nginx would hold back what is so short."""
    folder = write_pictures(tmp_path / "more", 300, start=500)
    roots = {"YUNMENG_SERVER_IMPORT_ROOTS": json.dumps([str(folder)])}
    with replicas(yunmeng, tmp_path / "one", [1], **roots) as found, found.client() as client:
        order = client.post("/v1/imports", json={"paths": [str(folder)]})
        assert order.status_code == 202, order.text
        place = f"/v1/imports/{order.json()['number']}"
        with client.stream("GET", f"{place}/events") as events:
            lines = events.iter_lines()
            assert next(line for line in lines if line.startswith("event:")) == "event: progress"
            assert client.get(place).json()["status"] in ("queued", "running")
            assert [line for line in lines if line.startswith("event:")][-1] == "event: end"


def test_a_server_behind_a_proxy_reads_no_folders_of_its_disk(three: Replicas, tmp_path: Path) -> None:
    """Though it listens on this machine only: those who ask are strangers."""
    with three.client() as client:
        assert client.post("/v1/imports", json={"paths": [str(tmp_path)]}).status_code == 422
    for place in three.places:
        assert httpx.get(f"http://{place}/v1/library").status_code == 401


def test_errors_of_nginx_have_the_shape_of_all_errors(yunmeng: CommandLine, tmp_path: Path) -> None:
    limit = {"YUNMENG_SERVER_MAX_BODY_BYTES": "20000"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(yunmeng.environment, "YUNMENG_SERVER_MAX_BODY_BYTES", "20000")
        with replicas(yunmeng, tmp_path / "one", [1], **limit) as found, found.client() as client:
            large = client.post("/v1/search/upload", files={"file": bytes(30_000)})
            assert (large.status_code, large.json()["error"]["code"]) == (413, "too-large")
            assert client.get("/nginx-health").text == "ok\n"
            assert client.get("/ready").json()["status"] == "ready"
            found.servers[0].kill()
            found.servers[0].wait(timeout=20)
            silent = client.get("/v1/library")
            error = silent.json()["error"]
            assert (silent.status_code, error["code"]) == (502, "unreachable")
            assert error["request_id"] == silent.headers["X-Request-ID"]
            assert client.get("/nginx-health").status_code == 200


def test_the_client_below_a_prefix(yunmeng: CommandLine, tmp_path: Path) -> None:
    """Through nginx, which must not decode an id on the way."""
    with replicas(yunmeng, tmp_path / "one", [1], "--prefix", "/a/search") as found:
        id = "shoes/50%?#%2F 猫.jpg"
        with Client(f"{found.address}/a/search", key=found.key) as client:
            client.add(PICTURE, id=id, attributes={"kind": "cat"})
            assert client.get(id).attributes == {"kind": "cat"}
            assert client.search(id=id, k=1)[0].id == id
            job = client.start_job("palettes")
            assert client.health().status == "ok"
        assert job.number >= 1
        outside = httpx.get(f"{found.address}/v1/library", headers=found.headers)
        assert outside.status_code == 404


def test_over_https_cookies_are_for_https(yunmeng: CommandLine, tmp_path: Path, certificate: tuple[str, str]) -> None:
    options = ["--certificate", certificate[0], "--certificate-key", certificate[1], "--prefix", "/search"]
    with replicas(yunmeng, tmp_path / "one", [1], *options) as found:
        address = found.address.replace("http:", "https:")
        origin = {"Origin": address}  # as a browser says it: the name by which it came must be that of the server
        with httpx.Client(base_url=f"{address}/search", verify=False, headers=origin) as client:
            answer = client.post("/v1/session", json={"key": found.key})
            assert answer.status_code == 200, answer.text
            assert {"Secure", "HttpOnly", "Path=/search"} <= set(answer.headers["Set-Cookie"].split("; "))
            assert client.get("/v1/library").status_code == 200


def test_what_a_caller_says_of_itself_is_not_believed(yunmeng: CommandLine, tmp_path: Path) -> None:
    """Each address may ask five times; another address in a header gives no more."""
    settings = {"YUNMENG_SERVER_EMBED_ORIGINS": '["https://shop.example"]', "YUNMENG_SERVER_RATE_LIMIT": "5/hour"}
    with replicas(yunmeng, tmp_path / "one", [1], **settings) as found:
        statuses = []
        for number in range(8):
            forged = {
                "X-Forwarded-For": f"9.9.9.{number}",
                "Forwarded": f"for=9.9.9.{number}",
                "X-Real-IP": f"9.9.9.{number}",
            }
            statuses.append(httpx.get(f"{found.address}/v1/shop", headers=forged).status_code)
    assert statuses == [200] * 5 + [429] * 3
