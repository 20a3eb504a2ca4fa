"""CLIP and SigLIP through open_clip."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.export.checkpoints import check_checkpoint, find_checkpoint
from yunmeng.encoders.export.hub import fetch
from yunmeng.encoders.export.loaded import LoadedModel, LoadedText, Options, Preparation, Tensor
from yunmeng.encoders.export.pytorch import foreign_errors, import_parts
from yunmeng.encoders.export.sources import Source
from yunmeng.encoders.export.tokenisers import LOWERING, from_simple, from_transformers
from yunmeng.errors import EncoderError, UnknownEncoder

__all__ = ["load_open_clip"]

_CONFIG: Final = "open_clip_config.json"
_HUB: Final = "hf-hub:"
_RESIZES: Final = {"shortest": "crop", "squash": "squash", "longest": "pad"}


def load_open_clip(source: Source, weights: Path | None, options: Options) -> LoadedModel:
    """Return the model that ``source`` names: ARCHITECTURE/TAG, ARCHITECTURE with ``weights``, or hf-hub:ORG/NAME.

    A folder of ``weights`` that holds open_clip_config.json says by itself what the model is. Raises EncoderError.
    """
    (open_clip,) = import_parts("open_clip")
    with foreign_errors(f"open_clip {source.model}"):
        licence = "unknown"
        architecture, tag = _split(source.model)
        known = open_clip.get_pretrained_cfg(architecture, tag) if tag else {}
        if weights is None:
            repository = _repository(open_clip, source, architecture, known)
            fetched = fetch(repository, str(source))
            weights, licence = fetched.folder, fetched.licence
        elif not (weights / _CONFIG).is_file():
            _check_known(open_clip, architecture)
        name = f"local-dir:{weights}" if (weights / _CONFIG).is_file() else architecture
        file = find_checkpoint(weights)
        check_checkpoint(file)
        network = _create(open_clip, name, known or {}, options)
        open_clip.load_checkpoint(network, str(file), strict=True, weights_only=True)
        network.eval()
        text = _text(open_clip, network, name)
        described = f"open_clip:{_described(open_clip, name, known or {})}"
        return LoadedModel(network, network.encode_image, described, _preparation(network), licence, text)


def _split(model: str) -> tuple[str, str | None]:
    if model.startswith(_HUB):
        return model, None
    architecture, _, tag = model.partition("/")
    return architecture, tag or None


def _check_known(open_clip: Any, architecture: str) -> None:
    if open_clip.get_model_config(architecture) is None:
        near = [name for name in open_clip.list_models() if name.lower().startswith(architecture.lower()[:4])]
        shown = ", ".join(near[:8] or open_clip.list_models()[:8])
        raise UnknownEncoder(f"open_clip has no model {architecture}, but for example {shown}")


def _repository(open_clip: Any, source: Source, architecture: str, known: Any) -> str:
    if architecture.startswith(_HUB):
        return architecture.removeprefix(_HUB)
    _check_known(open_clip, architecture)
    tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture))
    if not known:
        raise UnknownEncoder(
            f"open_clip:{architecture} needs the tag of its weights, {tags or 'of which open_clip has none'}"
            f"; as in open_clip:{architecture}/TAG, or --weights FILE"
        )
    repository = str(known.get("hf_hub") or "").rstrip("/")
    if not repository:
        raise EncoderError(f"{source} is not on the hub: fetch {known.get('url')} and give it with --weights FILE")
    return "/".join(repository.split("/")[:2])


def _create(open_clip: Any, name: str, known: dict[str, Any], options: Options) -> Any:
    fields = ("mean", "std", "interpolation", "resize_mode")
    return open_clip.create_model(
        name,
        load_weights=False,
        pretrained_text=False,
        force_quick_gelu=bool(known.get("quick_gelu")),
        force_image_size=options.input_size,
        force_preprocess_cfg={key: known[key] for key in fields if key in known},
    )


def _described(open_clip: Any, name: str, known: dict[str, Any]) -> str:
    """The architecture with its activation, which its weights do not show."""
    if name.startswith("local-dir:"):
        file = Path(name.removeprefix("local-dir:")) / _CONFIG
        config = json.loads(file.read_text(encoding="utf-8"))["model_cfg"]
    else:
        config = open_clip.get_model_config(name)
    quick = bool(config.get("quick_gelu") or known.get("quick_gelu"))
    return json.dumps({"quick_gelu": quick, "vision": config["vision_cfg"]}, sort_keys=True)


def _preparation(network: Any) -> Preparation:
    config = network.visual.preprocess_cfg
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise EncoderError(f"the network takes {height}x{width}: only square inputs can be used")
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (config["mean"], config["std"]))
    fill = int(config.get("fill_color") or 0)
    return Preparation(
        input_size=height,
        resize=_RESIZES[config["resize_mode"]],
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        mean=mean,
        std=std,
        fill=(fill, fill, fill),
    )


def _text(open_clip: Any, network: Any, name: str) -> LoadedText:
    tokenizer = open_clip.get_tokenizer(name)
    length = int(tokenizer.context_length)
    if isinstance(tokenizer, open_clip.tokenizer.HFTokenizer):
        if tokenizer.tokenizer_mode or tokenizer.strip_sep_token:
            raise EncoderError(f"the tokeniser of {name} works in a way that a tokenizer.json cannot say")
        inner = tokenizer.tokenizer
        json_text = from_transformers(inner, cleaning=_cleaning(tokenizer))
        padding, side = int(inner.pad_token_id), str(inner.padding_side)
    else:
        json_text, padding, side = from_simple(tokenizer, _cleaning(tokenizer)), 0, "right"

    def original(texts: Sequence[str]) -> NDArray[np.int64]:
        ids: NDArray[np.int64] = tokenizer(list(texts)).numpy()
        return ids

    lowers = _cleaning(tokenizer) in LOWERING
    return LoadedText(_encode_text(network), length, padding, json_text, original, side, lower_case=lowers)


def _encode_text(network: Any) -> Callable[[Tensor], Tensor]:
    """The text tower for any length up to its longest. open_clip's plain CLIP adds all of its positions to whatever
    comes: it is given the first of them, and the corner of its causal mask."""
    import torch

    if not hasattr(network, "positional_embedding") or getattr(network, "attn_mask", None) is None:
        return lambda ids: network.encode_text(ids)

    class Words(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, ids: Tensor) -> Tensor:
            return self.network.encode_text(ids)

    words = Words()

    def encode(ids: Tensor) -> Tensor:
        length = ids.shape[1]
        shorter = {
            "network.positional_embedding": network.positional_embedding[:length],
            "network.attn_mask": network.attn_mask[:length, :length],
        }
        return torch.func.functional_call(words, shorter, (ids,))

    return encode


def _cleaning(tokenizer: Any) -> str:
    """The name of what is done to a text first, which the tokeniser itself keeps as a function only."""
    name = getattr(tokenizer.clean_fn, "__name__", "")
    return name.removeprefix("_clean_")
