"""What goes wrong on the way from PyTorch: one line each, with what to do, and nothing left behind."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.export.conftest import PARTS
from tests.export.making import make_open_clip
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders.export import add_exported, from_timm, parse_source
from yunmeng.encoders.export.hub import Fetched
from yunmeng.encoders.export.loaded import Options
from yunmeng.errors import EncoderError, UnknownEncoder, WeightsError, YunmengError

need(*PARTS, extra="export")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models_dir=tmp_path / "models")


@pytest.fixture
def refused(settings: Settings) -> Callable[..., str]:
    """The message with which a source is refused: one line, and no draft stays."""

    def get(source: str, kind: type[YunmengError] = EncoderError, **options: Any) -> str:
        with pytest.raises(kind) as caught:
            add_exported(parse_source(source), settings, **options)
        assert "\n" not in str(caught.value)
        assert not list(settings.models_dir.iterdir())
        return str(caught.value)

    return get


def save(tensors: dict[str, Any], file: Path) -> Path:
    from safetensors.torch import save_file

    save_file(tensors, file)
    return file


def resnet(name: str, file: Path) -> Path:
    import timm

    return save(timm.create_model(name, pretrained=False).state_dict(), file)


class Evil:
    """A pickle that would make a file when it is read by plain pickle."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize("ending", ["bin", "pth"])
def test_a_pickle_that_holds_code_is_refused_and_not_run(
    ending: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    import torch

    trap = tmp_path / "trap"
    file = tmp_path / f"weights.{ending}"
    if ending == "bin":
        file.write_bytes(pickle.dumps({"layer": Evil(trap)}))
    else:
        torch.save({"layer": Evil(trap)}, file)
    message = refused("timm:resnet18", WeightsError, weights=file)
    assert "was refused" in message
    assert "safetensors" in message
    assert not trap.exists()


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
@pytest.mark.parametrize("damage", ["cut", "empty", "nonsense"])
def test_a_broken_file_of_weights(ending: str, damage: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    import torch

    file = tmp_path / f"weights.{ending}"
    tensors = {"conv1.weight": torch.zeros(64, 3, 7, 7)}
    if ending == "safetensors":
        save(tensors, file)
    else:
        torch.save(tensors, file)
    data = file.read_bytes()
    file.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "nonsense": b"\x17nonsense" * 9}[damage])
    message = refused("timm:resnet18", WeightsError, weights=file)
    assert str(file) in message
    assert "safetensors" in message or "fetch it again" in message


def test_a_file_that_holds_no_weights(tmp_path: Path, refused: Callable[..., str]) -> None:
    import torch

    torch.save({"epoch": 3}, tmp_path / "weights.pth")
    assert "holds no tensors by name" in refused("timm:resnet18", WeightsError, weights=tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("of", "into", "complaint"),
    [
        ("resnet34", "resnet18", "not known, first layer1.2."),
        ("resnet18", "resnet34", "are missing, first layer1.2.conv1.weight"),
        ("resnet18", "resnet50", "are missing, first"),
        ("resnet18", "vit_tiny_patch16_224", "do not fit timm:vit_tiny_patch16_224"),
        ("resnet18", "convnext_atto", "do not fit timm:convnext_atto"),
        ("resnet50", "wide_resnet50_2", "size mismatch for layer1.0.conv"),
    ],
)
def test_weights_of_another_model(
    of: str, into: str, complaint: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    message = refused(f"timm:{into}", WeightsError, weights=resnet(of, tmp_path / "w.safetensors"))
    assert complaint in message
    assert "are they of this very model?" in message


def test_timms_own_weights_may_hold_more_than_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm
    import torch

    whole = timm.create_model("resnet18", pretrained=False).eval()
    save({**whole.state_dict(), "extra_head.weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    monkeypatch.setattr(from_timm, "fetch", lambda repository, wanted: Fetched(tmp_path, "unknown"))
    loaded = from_timm.load_timm(parse_source("timm:resnet18.a1_in1k"), None, Options())
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.encode(pixels), whole.global_pool(whole.forward_features(pixels)))


def test_a_folder_of_another_model(tmp_path: Path, refused: Callable[..., str]) -> None:
    resnet("resnet18", tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}', encoding="utf-8")
    assert "is of resnet18, not of resnet34: add it as timm:resnet18" in refused("timm:resnet34", weights=tmp_path)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("timm:resnet1800", "timm has no model resnet1800"),
        ("timm:resnet18.nonsense", "a1_in1k"),
        ("open_clip:ViT-B-99", "open_clip has no model ViT-B-99, but for example ViT-B-16"),
        ("open_clip:ViT-B-32", "needs the tag of its weights, openai, laion"),
        ("open_clip:ViT-B-32/nonsense", "needs the tag of its weights"),
    ],
)
def test_models_that_there_are_not(source: str, complaint: str, refused: Callable[..., str]) -> None:
    assert complaint in refused(source, UnknownEncoder)


@pytest.mark.parametrize("source", ["timm:resnet18", "open_clip:ViT-B-32", "transformers:a/b"])
def test_weights_that_are_not_there(source: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    assert str(tmp_path) in refused(source, WeightsError, weights=tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refused(source, WeightsError, weights=tmp_path / "empty")


def test_transformers_of_another_kind(tmp_path: Path, refused: Callable[..., str]) -> None:
    import transformers

    transformers.BertConfig().save_pretrained(tmp_path / "bert")
    message = refused("transformers:made/bert", UnknownEncoder, weights=tmp_path / "bert")
    assert "is a bert model: only clip, chinese_clip, siglip" in message


def test_transformers_whose_weights_lack_something(tmp_path: Path, refused: Callable[..., str]) -> None:
    from safetensors.torch import load_file

    from tests.export.making import make_siglip

    make_siglip(tmp_path / "siglip")
    file = tmp_path / "siglip" / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(file).items() if "text_model.head" not in name}
    save(tensors, file)
    message = refused("transformers:made/siglip", WeightsError, weights=tmp_path / "siglip")
    assert "2 are missing, first text_model.head.bias" in message


def test_open_clip_whose_weights_do_not_fit(tmp_path: Path, refused: Callable[..., str]) -> None:
    make_open_clip(tmp_path / "clip", {"context_length": 8, "vocab_size": 49408})
    file = tmp_path / "clip" / "open_clip_model.safetensors"
    from safetensors.torch import load_file

    tensors = load_file(file)
    save({name: tensor for name, tensor in tensors.items() if name != "text_projection"}, file)
    assert "text_projection" in refused("open_clip:small", WeightsError, weights=tmp_path / "clip")


def test_a_name_that_is_taken_is_told_before_any_work(settings: Settings) -> None:
    stages: list[str] = []
    with pytest.raises(EncoderError, match="is built in"):
        add_exported(parse_source("timm:resnet18"), settings, name="efficientnet-lite2", on_stage=stages.append)
    assert stages == []


@pytest.mark.parametrize(
    ("source", "environment"),
    [
        ("timm:resnet18.a1_in1k", {"HF_ENDPOINT": "http://127.0.0.1:9"}),
        ("open_clip:ViT-B-32/openai", {"HF_ENDPOINT": "http://127.0.0.1:9"}),
        ("transformers:made/none", {"HF_ENDPOINT": "http://127.0.0.1:9"}),
    ],
)
def test_a_hub_out_of_reach(source: str, environment: dict[str, str], yunmeng: CommandLine, tmp_path: Path) -> None:
    """At once, in one line: what was wanted, and the two ways out."""
    own = {"HF_HOME": str(tmp_path / "hf"), "YUNMENG_MODELS_DIR": str(tmp_path / "models")}
    done = yunmeng("models", "add", source, **own, **environment)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"yunmeng: {source} needs ")
    assert "--weights FILE_OR_FOLDER" in done.stderr
    assert "HF_ENDPOINT" in done.stderr
    assert environment["HF_ENDPOINT"] in done.stderr
