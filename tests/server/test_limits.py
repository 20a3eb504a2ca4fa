"""Bodies that are too large or too slow, more work than can be done, and the batches that work is done in."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.conftest import paint
from tests.live import serving
from tests.server.conftest import Open, jpeg, refused
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders import BatchingEncoder
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app


class SlowEncoder(FakeEncoder):
    """Encodes nothing until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.entered = threading.Event()
        self.sizes: list[int] = []

    def encode(self, batch):  # type: ignore[no-untyped-def]
        self.sizes.append(len(batch))
        self.entered.set()
        assert self.go_on.wait(120)
        return super().encode(batch)


def test_a_body_that_says_it_is_too_large(open_server: Open) -> None:
    client = open_server(max_body_bytes=10_000)
    response = client.post("/v1/search/upload", files={"file": b"x" * 20_000})
    assert "10,000" in refused(response, 413, "too-large")
    assert response.headers["Connection"] == "close"
    assert client.post("/v1/search/upload", files={"file": jpeg(1)}).status_code == 200


def test_a_body_that_does_not_say_how_large_it_is(open_server: Open) -> None:
    client = open_server(max_body_bytes=10_000)

    def drip() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(client.post("/v1/search/upload", content=drip(), headers=headers), 413, "too-large")
    client = open_server(max_json_bytes=10_000)
    refused(client.post("/v1/search", content=drip()), 413, "too-large")


def test_callers_share_batches(tmp_path: Path, settings: Settings) -> None:
    """What is asked while the encoder is busy goes through it together, and each gets its own answer."""
    encoder = SlowEncoder()
    with Library.create(tmp_path / "library", encoder, settings=settings) as library:
        with BatchingEncoder(encoder, wait=0.0) as batching, ThreadPoolExecutor(11) as pool:
            library.resources.wrap_encoder = lambda _: batching
            first = pool.submit(library.embed, paint(0))
            assert encoder.entered.wait(60)
            others = [pool.submit(library.embed, paint(seed)) for seed in range(1, 11)]
            while len(batching._waiting) < 10:
                threading.Event().wait(0.001)
            encoder.go_on.set()
            found = [first.result(), *(other.result() for other in others)]
        assert encoder.sizes == [1, 10]
    reference = FakeEncoder()
    for seed, vector in enumerate(found):
        np.testing.assert_allclose(vector, reference.encode([np.asarray(paint(seed))])[0], atol=1e-6)


def test_an_error_reaches_those_whose_batch_it_was() -> None:
    class Breaking(FakeEncoder):
        def encode(self, batch):  # type: ignore[no-untyped-def]
            if len(batch) > 1:
                raise RuntimeError("broken")
            return super().encode(batch)

    picture = np.zeros((8, 8, 3), np.uint8)
    with BatchingEncoder(Breaking(), wait=0.0) as batching:
        with pytest.raises(RuntimeError, match="broken"):
            batching.encode([picture, picture])
        assert batching.encode([picture]).shape == (1, 32)
        assert batching.encode([]).shape == (0, 32)


def test_more_than_can_wait_is_told_to_come_back(tmp_path: Path, settings: Settings) -> None:
    encoder = SlowEncoder()
    with Library.create(tmp_path / "library", encoder, settings=settings) as library:
        app = create_app(library, ServerSettings(queue=3))
        workers = app.state.context.workers._workers
        with (
            serving(app) as address,
            httpx.Client(base_url=address, timeout=60, limits=httpx.Limits(max_connections=None)) as client,
            ThreadPoolExecutor(workers + 13) as pool,
        ):

            def ask(seed: int) -> httpx.Response:
                return client.post("/v1/search/upload", files={"file": jpeg(seed)})

            asked = [pool.submit(ask, seed) for seed in range(workers + 13)]
            for future in islice(as_completed(asked, timeout=60), 10):  # while the encoder stands still
                response = future.result()
                refused(response, 503, "busy")
                assert int(response.headers["Retry-After"]) >= 1
            assert client.get("/health").status_code == 200
            encoder.go_on.set()
            assert sorted(future.result().status_code for future in asked) == [200] * (workers + 3) + [503] * 10
            assert max(encoder.sizes) <= 16
            assert ask(0).status_code == 200
