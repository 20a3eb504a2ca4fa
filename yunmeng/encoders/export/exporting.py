"""From a name such as ``timm:resnet50.a1_in1k`` to a model in ``models_dir``."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from yunmeng.config import Settings
from yunmeng.encoders.adding import workplace
from yunmeng.encoders.description import OnnxDescription, PictureTower, TextTower
from yunmeng.encoders.export.from_open_clip import load_open_clip
from yunmeng.encoders.export.from_timm import load_timm
from yunmeng.encoders.export.from_transformers import load_transformers
from yunmeng.encoders.export.graphs import (
    EMBEDDING,
    PICTURE_FILE,
    SHORT_TEXTS,
    TEXT_FILE,
    write_picture_graph,
    write_text_graph,
)
from yunmeng.encoders.export.loaded import LoadedModel, LoadedText, Options
from yunmeng.encoders.export.pytorch import import_parts
from yunmeng.encoders.export.sources import Source
from yunmeng.encoders.export.tokenisers import check_tokenizer
from yunmeng.encoders.foreign import quiet
from yunmeng.encoders.protocol import EncoderSpec
from yunmeng.encoders.tokenising import Tokeniser

__all__ = ["add_exported"]

_LOADERS: Final = {"timm": load_timm, "open_clip": load_open_clip, "transformers": load_transformers}
_TOKENIZER_FILE: Final = "tokenizer.json"


def add_exported(
    source: Source,
    settings: Settings,
    *,
    weights: Path | None = None,
    name: str | None = None,
    input_size: int | None = None,
    resize: Literal["squash", "crop", "pad"] | None = None,
    licence: str | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> EncoderSpec:
    """Load a model into PyTorch, write its towers as graphs, check them against PyTorch, and add it.

    ``weights`` is a file or folder to use instead of the hub; ``resize`` replaces the model's own way to make a picture
    square; ``on_stage`` is called with each step. Raises MissingExtra without the extra ``export``; UnknownEncoder;
    WeightsError when weights are out of reach, broken or of another model; EncoderError.
    """
    with workplace(name or source.short_name, settings) as place:
        on_stage("Loading PyTorch")
        import_parts("onnxscript", "safetensors", "tokenizers")
        on_stage(f"Loading {source}")
        with quiet():
            model = _LOADERS[source.family](source, weights, Options(input_size))
            model.network.float()
        on_stage("Exporting the picture tower")
        dim = write_picture_graph(model, place.folder, settings)
        text = None
        if model.text is not None:
            on_stage("Exporting the text tower")
            text = _add_text(model, model.text, place.folder, settings)
        on_stage("Checking")
        description = OnnxDescription(
            name=name or source.short_name,
            dim=dim,
            licence=licence or model.licence,
            source=str(source),
            weights_sha256=_digest(model),
            picture=_picture(model, resize),
            text=text,
        )
        return place.finish(description)


def _add_text(model: LoadedModel, text: LoadedText, folder: Path, settings: Settings) -> TextTower:
    import torch

    (folder / _TOKENIZER_FILE).write_text(text.tokenizer, encoding="utf-8")
    tower = TextTower(
        file=TEXT_FILE,
        tokenizer=_TOKENIZER_FILE,
        context_length=text.context_length,
        padding_id=text.padding_id,
        padding_side="left" if text.padding_side == "left" else "right",
        lower_case=text.lower_case,
        output=EMBEDDING,
    )
    with quiet():
        check_tokenizer(model.architecture, Tokeniser(folder / _TOKENIZER_FILE, tower), text.original)
    shortest = tower.model_copy(update={"fixed_length": False})
    short = torch.from_numpy(Tokeniser(folder / _TOKENIZER_FILE, shortest)(SHORT_TEXTS))
    return shortest if write_text_graph(model, text, short, folder, settings) else tower


def _picture(model: LoadedModel, resize: Literal["squash", "crop", "pad"] | None) -> PictureTower:
    fields: dict[str, Any] = {
        key: getattr(model.preparation, key) for key in ("input_size", "resize", "resize_side", "interpolation", "fill")
    }
    if resize is not None and resize != fields["resize"]:
        fields.update(resize=resize, resize_side=None)
    return PictureTower.model_validate({"file": PICTURE_FILE, "output": EMBEDDING, **fields})


def _digest(model: LoadedModel) -> str:
    """SHA-256 over the weights as tensors, whatever file they came in, and what decides vectors beside them."""
    digest = hashlib.sha256()
    about = (model.architecture, model.preparation.mean, model.preparation.std)
    digest.update(json.dumps(about).encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
