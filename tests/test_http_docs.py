"""docs/http.md says what is so: its curl and Python examples run, its tables hold what the code holds."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pytest_httpserver import HTTPServer

from tests.conftest import paint, write_pictures
from tests.live import serving
from yunmeng import schemas
from yunmeng.config import ServerSettings, Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app
from yunmeng.server.errors import CODES
from yunmeng.types import Metric, Scope, StepName

TEXT = (Path(__file__).parents[1] / "docs" / "http.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"

COMMANDS = [
    command
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for command in block.replace("\\\n", "").splitlines()
    if command.startswith("curl")
]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path, cache_dir: Path, httpserver: HTTPServer) -> Iterator[dict[str, str]]:
    """What the examples assume: a server over a shop, files, pictures on the web. Real names by those in the text."""
    (tmp_path / "gallery" / "shoes").mkdir(parents=True)
    library = Library.create(
        tmp_path / "library",
        FakeEncoder(),
        {"category": "str", "price": "float", "sale": "bool"},
        Settings(cache_dir=cache_dir, batch_size=4, private_urls=True),
    )
    for seed, name in enumerate(("red", "blue", "green", "white")):
        file = tmp_path / "gallery" / "shoes" / f"{name}.jpg"
        paint(seed).save(file)
        library.add(file, id=f"shoes/{name}.jpg", attributes={"category": "shoes", "price": 20.0 + seed})
    for seed, name in enumerate(("photo", "red", "blue"), start=10):
        paint(seed).save(tmp_path / f"{name}.jpg")
    httpserver.expect_request("/photo.jpg").respond_with_data((tmp_path / "photo.jpg").read_bytes())
    vector = library.embed(tmp_path / "photo.jpg").tolist()
    (tmp_path / "vector.json").write_text(json.dumps({"vector": vector}))
    photos = write_pictures(tmp_path / "photos", 3, start=20)
    (photos / "catalogue.csv").write_text("path,category\n020.jpg,hats\n")
    with library, serving(create_app(library, ServerSettings())) as url:
        yield {
            ADDRESS: url,
            "https://pictures.example": httpserver.url_for("").rstrip("/"),
            "/srv/photos": str(photos),
        }


def filled_in(text: str, shop: dict[str, str]) -> str:
    for written, real in shop.items():
        text = text.replace(written, real)
    return text


def test_every_curl_example_is_answered(shop: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("curl") is None and "CI" not in os.environ:
        pytest.skip("curl is not installed")
    assert len(COMMANDS) > 30
    options = "--silent --show-error --write-out '\\n%{http_code}' --max-time 60"
    prelude = f'set -eu; API={shop[ADDRESS]}/v1; KEY=ym_x; curl() {{ command curl {options} "$@"; }}\n'
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-c", prelude + filled_in(command, shop)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        body, _, status = done.stdout.rpartition("\n")
        announced = re.search(r"# (4\d\d) ", command)
        if announced and status == announced[1]:
            schemas.ErrorBody.model_validate_json(body)
        else:
            assert status.startswith("2"), f"{command}\n{done.stdout}"


@pytest.mark.parametrize("example", PYTHON)
def test_every_python_example_runs(shop: dict[str, str], tmp_path: Path, example: str) -> None:
    (tmp_path / "example.py").write_text(filled_in(example, shop), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_code_is_in_the_table_of_errors() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (`.*?`) \|", TEXT, re.MULTILINE)
    told = {code: status for status, codes in rows for code in re.findall(r"`([a-z-]+)`", codes)}
    assert set(told) == set(CODES)
    assert [code for code in told if str(CODES[code]) not in told[code]] == []


def test_every_word_of_a_closed_list_is_told() -> None:
    rows = dict(re.findall(r"^\| `(rerank|metric)` \|.*?\|[^:|]*: (.*) \|$", TEXT, re.MULTILINE))
    told = {name: tuple(re.findall(r"`([a-z]+)`", row)) for name, row in rows.items()}
    assert told == {"rerank": get_args(StepName), "metric": get_args(Metric)}
    scopes = TEXT.split("A key has a scope: ")[1].split("It is shown once")[0]
    assert tuple(re.findall(r"`([a-z]+)` \(", scopes)) == get_args(Scope)


def test_limits_are_those_of_the_settings() -> None:
    fields = {
        **{f"YUNMENG_SERVER_{name.upper()}": field.default for name, field in ServerSettings.model_fields.items()},
        **{f"YUNMENG_{name.upper()}": field.default for name, field in Settings.model_fields.items()},
    }
    for name in re.findall(r"YUNMENG_[A-Z_]+", TEXT):
        assert name in fields
    assert (fields["YUNMENG_SERVER_MAX_BODY_BYTES"], fields["YUNMENG_SERVER_BODY_TIMEOUT"]) == (100_000_000, 120)
    assert fields["YUNMENG_SERVER_MAX_PIXELS"] == 200_000_000
    assert (fields["YUNMENG_URL_MAX_BYTES"], fields["YUNMENG_URL_TIMEOUT"]) == (50_000_000, 20)
    assert (fields["YUNMENG_SERVER_QUEUE"], fields["YUNMENG_SERVER_RATE_LIMIT"]) == (64, "6000/minute")
    assert (schemas.MAX_K, schemas.MAX_OFFSET) == (1000, 100_000)
