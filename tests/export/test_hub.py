"""The hub, played by a server of our own that speaks its protocol, as a mirror at HF_ENDPOINT would."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.export.conftest import PARTS
from tests.needing import need

need(*PARTS, extra="export")

COMMIT = "a" * 40
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights" * 100,
    "pytorch_model.bin": b"the same weights, worse",
    "onnx/model.onnx": b"a graph of theirs",
    "README.md": b"card",
}
SCRIPT = """
import json, sys
from yunmeng.errors import WeightsError
from yunmeng.encoders.export.hub import fetch
try:
    found = fetch(sys.argv[1], "transformers:" + sys.argv[1])
except WeightsError as error:
    print(json.dumps({"error": str(error)}))
else:
    files = sorted(path.name for path in found.folder.rglob("*") if path.is_file())
    print(json.dumps({"files": files, "licence": found.licence}))
"""


@pytest.fixture
def mirror(httpserver: HTTPServer) -> HTTPServer:
    info = {
        "id": "made/clip",
        "sha": COMMIT,
        "siblings": [{"rfilename": name} for name in FILES],
        "cardData": {"license": "mit"},
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "private": False,
    }

    def serve(request: Request) -> Response:
        name = request.path.partition("/resolve/main/")[2]
        etag = f'"{hashlib.sha256(FILES[name]).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": COMMIT, "Content-Length": str(len(FILES[name]))}
        return Response(b"" if request.method == "HEAD" else FILES[name], headers=headers)

    httpserver.expect_request("/api/models/made/clip").respond_with_json(info)
    for name in FILES:
        httpserver.expect_request(f"/made/clip/resolve/main/{name}").respond_with_handler(serve)
    return httpserver


def fetched(repository: str, home: Path, **environment: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, repository],
        env={**os.environ, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_what_is_needed_is_fetched_once_and_then_found_in_the_cache(mirror: HTTPServer, tmp_path: Path) -> None:
    endpoint = mirror.url_for("").rstrip("/")
    wanted = ["README.md", "config.json", "model.safetensors"]
    assert fetched("made/clip", tmp_path, HF_ENDPOINT=endpoint) == {"files": wanted, "licence": "mit"}
    for environment in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        assert fetched("made/clip", tmp_path, **environment) == {"files": wanted, "licence": "unknown"}


def test_a_model_that_the_hub_does_not_have(mirror: HTTPServer, tmp_path: Path) -> None:
    mirror.expect_request("/api/models/made/none").respond_with_json({"error": "Repository not found"}, status=404)
    error = fetched("made/none", tmp_path, HF_ENDPOINT=mirror.url_for("").rstrip("/"))["error"]
    assert str(error).startswith("transformers:made/none needs made/none: the hub has no public model made/none")
    assert "--weights" in str(error)


def test_offline_is_said_to_be_offline(tmp_path: Path) -> None:
    error = fetched("made/none", tmp_path, HF_HUB_OFFLINE="1")["error"]
    assert "(HF_HUB_OFFLINE is set)" in str(error)
