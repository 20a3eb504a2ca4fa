"""A library to serve."""

from pathlib import Path

import pytest

from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


@pytest.fixture
def fake_library(tmp_path: Path, settings: Settings) -> Path:
    """An empty library, closed."""
    place = tmp_path / "library"
    Library.create(place, FakeEncoder(), settings=settings).close()
    return place
