"""CLIP, Chinese-CLIP and SigLIP through transformers, from a folder as the hub lays it out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.description import Colour
from yunmeng.encoders.export.checkpoints import check_checkpoint, find_checkpoints
from yunmeng.encoders.export.hub import fetch
from yunmeng.encoders.export.loaded import LoadedModel, LoadedText, Options, Preparation, Tensor
from yunmeng.encoders.export.pytorch import foreign_errors, import_parts, mismatch
from yunmeng.encoders.export.sources import Source
from yunmeng.encoders.export.tokenisers import from_transformers as tokenizer_json
from yunmeng.errors import EncoderError, UnknownEncoder, WeightsError

__all__ = ["load_transformers"]

_FAMILIES: Final = ("clip", "chinese_clip", "siglip")
_MASKED: Final = ("chinese_clip",)  # its text tower looks both ways, so that it must be told what is padding
_LONGEST: Final = {"chinese_clip": 52}  # what it was trained with; its 512 positions would cost ten times the work
_INTERPOLATIONS: Final = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def load_transformers(source: Source, weights: Path | None, options: Options) -> LoadedModel:
    """Return the model of the hub's repository ``source.model``, or of the folder ``weights``. Raises EncoderError."""
    transformers, _ = import_parts("transformers", "safetensors")
    if options.input_size is not None:
        raise EncoderError("models of transformers have one input size: leave --input-size out")
    with foreign_errors(f"transformers {source.model}"):
        licence = "unknown"
        if weights is None:
            fetched = fetch(source.model, str(source))
            weights, licence = fetched.folder, fetched.licence
        if not (weights / "config.json").is_file():
            raise WeightsError(f"{weights} is not a model's folder: give one with config.json, weights and tokeniser")
        kind = transformers.AutoConfig.from_pretrained(weights, local_files_only=True).model_type
        if kind not in _FAMILIES:
            raise UnknownEncoder(f"{source} is a {kind} model: only {', '.join(_FAMILIES)} can be taken from there")
        network = _load(transformers, weights, str(source))
        text = _text(transformers, network, weights, kind)
        processor = transformers.AutoImageProcessor.from_pretrained(weights, local_files_only=True)
        activations = [getattr(part, "hidden_act", "") for part in (network.config.vision_config,)]
        architecture = f"transformers:{kind}:{activations[0]}"
    return LoadedModel(network, _encode_picture(network), architecture, _preparation(processor), licence, text)


def _load(transformers: Any, folder: Path, what: str) -> Any:
    import torch

    for file in find_checkpoints(folder):
        check_checkpoint(file)
    transformers.utils.logging.disable_progress_bar()
    network, report = transformers.AutoModel.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=False
    )
    if report["missing_keys"]:  # the library would go on with random weights
        raise mismatch(what, sorted(report["missing_keys"]), sorted(report["unexpected_keys"]))
    return network.eval()


def _encode_picture(network: Any) -> Callable[[Tensor], Tensor]:
    return lambda pixels: _vectors(network.get_image_features(pixel_values=pixels))


def _vectors(found: Any) -> Tensor:
    """Release 5 gives an object with the vectors in it, 4 the vectors."""
    return getattr(found, "pooler_output", found)


def _text(transformers: Any, network: Any, folder: Path, kind: str) -> LoadedText:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    positions = int(network.config.text_config.max_position_embeddings)
    length = min(positions, int(tokenizer.model_max_length), _LONGEST.get(kind, positions))
    padding = int(tokenizer.pad_token_id or 0)

    def encode(ids: Tensor) -> Tensor:
        mask = {"attention_mask": (ids != padding).long()} if kind in _MASKED else {}
        return _vectors(network.get_text_features(input_ids=ids, **mask))

    def original(texts: Sequence[str]) -> NDArray[np.int64]:
        found = tokenizer(list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="np")
        return np.asarray(found["input_ids"], np.int64)

    lowers = kind == "siglip" and bool(getattr(tokenizer, "do_lower_case", False))
    made, side = tokenizer_json(tokenizer), str(tokenizer.padding_side)
    return LoadedText(encode, length, padding, made, original, side, lower_case=lowers)


def _preparation(processor: Any) -> Preparation:
    size = {key: value for key, value in dict(processor.size).items() if value}
    crop = dict(processor.crop_size) if getattr(processor, "do_center_crop", False) else {}
    height, width = crop.get("height") or size.get("height"), crop.get("width") or size.get("width")
    side = height or size.get("shortest_edge")
    if side is None or (height, width) not in ((side, side), (None, None)):
        raise EncoderError(f"a preprocessing of size {size} cannot be described: only square inputs can be used")
    scale = 255 * float(processor.rescale_factor) if processor.do_rescale else 255.0
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ((0.0,) * 3, (1.0,) * 3)
    shortest = size.get("shortest_edge")
    return Preparation(
        input_size=int(side),
        resize="crop" if shortest else "squash",
        interpolation=_INTERPOLATIONS.get(int(processor.resample), "bicubic"),
        mean=_colour(mean, scale),
        std=_colour(std, scale),
        resize_side=int(shortest) if shortest else None,
    )


def _colour(values: Sequence[float], scale: float) -> Colour:
    red, green, blue = (float(value) / scale for value in values)
    return red, green, blue
