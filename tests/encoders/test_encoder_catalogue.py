"""The catalogue's rows, and what is said of a name that has none."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from yunmeng.config import Settings
from yunmeng.encoders.catalogue import DEFAULT_ENCODER, get_spec, load, specs
from yunmeng.errors import UnknownEncoder


@pytest.fixture
def nothing_added(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models")


def test_rows_are_found_by_name(nothing_added: Settings) -> None:
    rows = specs(nothing_added)
    assert [spec.name for spec in rows] == ["efficientnet-lite0", "efficientnet-lite2"]
    assert DEFAULT_ENCODER == "efficientnet-lite2"
    for spec in rows:
        assert get_spec(spec.name, nothing_added) is spec
        assert not spec.reads_text
        assert spec.dim == 512
        assert len(bytes.fromhex(spec.sha256)) == 32
        assert spec.licence == "Apache-2.0"
    assert [spec.input_size for spec in rows] == [224, 260]


@pytest.mark.parametrize("name", ["efficientnet-lite1", "", "Efficientnet-Lite2", "../models", "."])
def test_an_unknown_name_lists_the_known_ones(name: str, nothing_added: Settings) -> None:
    known = r"efficientnet-lite0, efficientnet-lite2.*yunmeng models list"
    with pytest.raises(UnknownEncoder, match=known):
        get_spec(name, nothing_added)
    with pytest.raises(UnknownEncoder, match=known):
        load(name, nothing_added)


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("efficientnet-lite0", "1a082f8c5dff56141bca02bbf66d4877db6a47dde046f2977e0ac88836b7ec33"),
        ("efficientnet-lite2", "f0f26ccea487239e644a5cd4ca5eee878c65a9ae5c6c50fa85747e98db1db58a"),
    ],
)
def test_whitening_is_the_one_that_the_name_stands_for(name: str, sha256: str) -> None:
    """Libraries on disk are bound to name and weights: another whitening under the same name would spoil them."""
    data = resources.files("yunmeng.encoders").joinpath(f"data/{name}-gem3.npz").read_bytes()
    assert hashlib.sha256(data).hexdigest() == sha256
