"""The server keeps what its OpenAPI document promises: schemathesis asks what the document allows, and what it forbids.

`not_a_server_error`, status codes, content types, headers and bodies are checked on every answer.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.conftest import write_pictures
from tests.live import serving
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import create_app

LONGEST_URL = 60_000
EXAMPLES = 12  # of each operation and mode

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[str]:
    """A server with a few pictures, one import that is done, and nothing of the machine within reach."""
    folder = tmp_path_factory.mktemp("openapi")
    attributes = {"category": "str", "price": "float", "tags": "list[str]"}
    own = Settings(cache_dir=cache_dir, url_timeout=1)
    with Library.create(folder / "library", FakeEncoder(), attributes, own) as library:  # type: ignore[arg-type]
        pictures = write_pictures(folder / "pictures", 5)
        job = library.state.queue_job("import", {"paths": [str(pictures)], "manifest": None})
        library.writer.index([pictures], job=job)
        with serving(create_app(library)) as address:
            yield address


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_the_document_is_kept(address: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    asked = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
            continue  # nothing of it can be wrong

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Any]) -> None:
            response = case.call()
            if len(str(response.request.url)) < LONGEST_URL:  # uvicorn itself turns longer ones away
                case.validate_response(response, checks=CHECKS)

        with suppress(Unsatisfiable):  # whatever can be said here is allowed, as with an id
            ask()
        asked.append(operation.label)
    assert len(asked) >= 15
