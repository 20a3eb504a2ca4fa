"""A library to serve, and a certificate."""

import subprocess
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


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate that nobody has signed, and its key."""
    place, key = str(tmp_path / "site.pem"), str(tmp_path / "site.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pictures.example"]
    subprocess.run([*command, "-out", place, "-keyout", key], check=True, capture_output=True)
    return place, key
