"""An option of search is declared once: the faces have what `SearchOptions` says."""

from dataclasses import asdict
from typing import get_args, get_type_hints

import pytest
from pydantic import ValidationError

from yunmeng.cli.search import search
from yunmeng.schemas import SearchQuery
from yunmeng.search import SearchRequest
from yunmeng.server.searching import UploadedQuery
from yunmeng.types import SearchKeywords, SearchOptions

HINTS = get_type_hints(SearchOptions)
OPTIONS = {name: get_args(hint)[1] for name, hint in get_type_hints(SearchOptions, include_extras=True).items()}


def test_keywords_and_requests_have_the_same_names_and_types() -> None:
    assert get_type_hints(SearchKeywords) == HINTS
    assert set(HINTS) <= set(SearchRequest.__dataclass_fields__)


@pytest.mark.parametrize("body", [SearchQuery, UploadedQuery])
def test_bodies_have_the_same_help_types_defaults_and_limits(body: type[SearchQuery | UploadedQuery]) -> None:
    schema = body.model_json_schema()["properties"]
    for name, option in OPTIONS.items():
        field = body.model_fields[name]
        assert (field.annotation, field.default) == (HINTS[name], getattr(SearchOptions(), name))
        assert schema[name]["description"] == option.help
        for limit in (option.least, option.most):
            if limit is not None:
                beyond = limit + (1 if limit is option.most else -1)
                with pytest.raises(ValidationError, match=name):
                    body.model_validate({"id": "7", name: beyond})


def test_the_command_has_the_same_help_and_defaults() -> None:
    parameters = {parameter.name: parameter.to_info_dict() for parameter in search.params}
    assert {name: parameters[name]["help"] for name in OPTIONS} == {name: one.help for name, one in OPTIONS.items()}
    assert {name: parameters[name]["default"] for name in OPTIONS} == asdict(SearchOptions())
