from pathlib import Path

import pytest

from yunmeng.config import Settings
from yunmeng.encoders.catalogue import load_built_in
from yunmeng.encoders.onnx_encoder import OnnxEncoder


@pytest.fixture(scope="session")
def graph_settings(cache_dir: Path) -> Settings:
    """Two threads, so that batches are split even where the tests run on one core."""
    return Settings(cache_dir=cache_dir, threads=2)


@pytest.fixture(scope="session")
def lite0(graph_settings: Settings) -> OnnxEncoder:
    return load_built_in("efficientnet-lite0", graph_settings)


@pytest.fixture(scope="session")
def data() -> Path:
    return Path(__file__).with_name("data")


@pytest.fixture
def models(cache_dir: Path, tmp_path: Path) -> Settings:
    """Settings with an empty folder of models."""
    return Settings(cache_dir=cache_dir, models_dir=tmp_path / "models")
