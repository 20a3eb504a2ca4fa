import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.export import making
from yunmeng.config import Settings
from yunmeng.encoders import EncoderSpec, load
from yunmeng.encoders.described_encoder import DescribedEncoder
from yunmeng.encoders.export import add_exported, parse_source

PARTS = ("torch", "torchvision", "timm", "open_clip", "transformers", "safetensors", "onnxscript", "sentencepiece")


@pytest.fixture(scope="session", autouse=True)
def parts() -> None:
    """Everything here needs PyTorch and its companions, imported as the product imports them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, on being imported
        from yunmeng.encoders.export.pytorch import import_parts

        import_parts("timm", "open_clip", "transformers")


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    """The tests call the libraries themselves, for reference; their warnings are not ours."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(before)


@dataclass(frozen=True)
class Exported:
    """A model that went all the way: PyTorch's, what was added, and what runs."""

    network: Any
    place: Path
    spec: EncoderSpec
    encoder: DescribedEncoder
    settings: Settings


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("shelf")
    return Settings(models_dir=folder / "models", cache_dir=folder / "cache", threads=2)


def bring(source: str, network: Any, place: Path, settings: Settings, **options: Any) -> Exported:
    spec = add_exported(parse_source(source), settings, weights=place, **options)
    encoder = load(spec.name, settings)
    assert isinstance(encoder, DescribedEncoder)
    return Exported(network, place, spec, encoder, settings)


@pytest.fixture(scope="session")
def timm_models(tmp_path_factory: pytest.TempPathFactory, shelf: Settings) -> Callable[[str], Exported]:
    """Networks of timm by name, each made and exported once; the deep ones with two blocks."""
    made: dict[str, Exported] = {}

    def get(name: str) -> Exported:
        if name not in made:
            folder = tmp_path_factory.mktemp("timm")
            size, arguments = making.TIMM[name]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                network, place = making.make_timm(name, folder, **arguments)
                made[name] = bring(f"timm:{name}", network, place, shelf, input_size=size)
        return made[name]

    return get


@pytest.fixture(scope="session")
def two_towers(tmp_path_factory: pytest.TempPathFactory, shelf: Settings) -> Callable[[str], Exported]:
    """CLIP-class models by the name of how they are made."""
    made: dict[str, Exported] = {}

    def get(kind: str) -> Exported:
        if kind not in made:
            folder = tmp_path_factory.mktemp("towers") / kind
            family = "open_clip" if kind.startswith("open_clip") else "transformers"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                network = making.TWO_TOWERS[kind](folder)
                made[kind] = bring(f"{family}:hf-hub:made/{kind}", network, folder, shelf, name=kind)
        return made[kind]

    return get
