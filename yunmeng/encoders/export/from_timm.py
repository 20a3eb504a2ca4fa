"""Networks of timm: ResNet, EfficientNet, ViT, ConvNeXt, DINOv2, DINOv3 and some thousand more."""

import json
import math
import sys
from pathlib import Path
from typing import Any, Final

from yunmeng.encoders.export.checkpoints import find_checkpoint, read_checkpoint
from yunmeng.encoders.export.hub import fetch
from yunmeng.encoders.export.loaded import LoadedModel, Options, Preparation
from yunmeng.encoders.export.pytorch import foreign_errors, import_parts, mismatch
from yunmeng.encoders.export.sources import Source
from yunmeng.errors import EncoderError, UnknownEncoder

__all__ = ["load_timm"]

_INTERPOLATIONS: Final = ("nearest", "bilinear", "bicubic", "lanczos")


def load_timm(source: Source, weights: Path | None, options: Options) -> LoadedModel:
    """Return the network without its classifier: its pooled features are the embedding. Raises EncoderError."""
    (timm,) = import_parts("timm")
    with foreign_errors(f"timm {source.model}"):
        config = _known(timm, source.model)
        licence = config.license or "unknown"
        ours = weights is not None
        if weights is None:
            repository = config.hf_hub_id
            if not repository:
                raise EncoderError(f"timm has no weights on the hub for {source.model}: give them with --weights FILE")
            weights = fetch(repository, str(source)).folder
        network = _create(timm, source.model, weights, options)
        _load(network, read_checkpoint(find_checkpoint(weights)), str(source), strict=ours)
        network.eval()
        preparation = _preparation(timm.data.resolve_model_data_config(network), options)
    architecture = f"timm:{source.model.split('.')[0]}"
    return LoadedModel(network, network, architecture, preparation, licence)


def _known(timm: Any, model: str) -> Any:
    if model.split(".")[0] not in timm.list_models():
        near = timm.list_models(f"*{model.split('.')[0].split('_')[0]}*")[:5]
        hint = f", perhaps {', '.join(near)}" if near else ""
        raise UnknownEncoder(f"timm has no model {model}{hint}; its names: python -c 'import timm; timm.list_models()'")
    try:
        return timm.get_pretrained_cfg(model, allow_unregistered=False)
    except RuntimeError as error:
        tags = ", ".join(timm.list_pretrained(f"{model.split('.')[0]}.*")[:8])
        raise UnknownEncoder(f"timm has no weights {model}, only {tags or 'none at all'}") from error


def _create(timm: Any, model: str, weights: Path, options: Options) -> Any:
    """The network with random weights, configured as the folder's config.json says where there is one."""
    settings: dict[str, Any] = {"pretrained": False, "num_classes": 0}
    config = weights / "config.json"
    if weights.is_dir() and config.is_file():
        content = json.loads(config.read_text(encoding="utf-8"))
        architecture = content.get("architecture")
        if architecture and architecture != model.split(".")[0]:
            raise EncoderError(f"{config} is of {architecture}, not of {model}: add it as timm:{architecture}")
        fields = ("input_size", "fixed_input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")
        given = content.get("pretrained_cfg") or {}
        settings["pretrained_cfg_overlay"] = {name: given[name] for name in fields if name in given}
        settings.update(content.get("model_args") or {})
        settings["num_classes"] = 0
    if options.input_size is None:
        return timm.create_model(model, **settings)
    try:
        return timm.create_model(model, img_size=options.input_size, **settings)
    except TypeError:  # a convolutional network, which takes any size and no such argument
        return timm.create_model(model, **settings)


def _load(network: Any, state: dict[str, Any], what: str, *, strict: bool) -> None:
    """Load weights of any age that timm knows, and nothing less than all that the network needs.

    Weights beyond that are an error only if ``strict``: a user's file may belong to a larger related model, while
    timm's own files may hold a head that is left out here.
    """
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if convert is not None:
        try:
            state = convert(state, network)
        except Exception as error:  # foreign weights can break a conversion anywhere
            raise mismatch(what, [], sorted(state)[:1]) from error
    needed = network.state_dict()
    classifiers = network.pretrained_cfg.get("classifier") or ()
    classifiers = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    unexpected = [key for key in state if key not in needed and key.rsplit(".", 1)[0] not in classifiers]
    missing = [key for key in needed if key not in state]
    if missing or (strict and unexpected):
        raise mismatch(what, missing, unexpected)
    network.load_state_dict({key: state[key] for key in needed})


def _preparation(config: dict[str, Any], options: Options) -> Preparation:
    """Return the preparation of timm's own evaluation, `timm.data.transforms_factory.transforms_imagenet_eval`."""
    _, height, width = config["input_size"]
    if height != width and options.input_size is None:
        raise EncoderError(f"the network takes {height}x{width}: only square inputs can be used; see --input-size")
    side = options.input_size or height
    mode = {"squash": "squash", "border": "pad"}.get(config["crop_mode"], "crop")
    interpolation = config["interpolation"]
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (config["mean"], config["std"]))
    return Preparation(
        input_size=side,
        resize=mode,
        interpolation=interpolation if interpolation in _INTERPOLATIONS else "bicubic",
        mean=mean,
        std=std,
        resize_side=math.floor(side / config["crop_pct"]) if mode == "crop" else None,
        fill=_levels(mean) if mode == "pad" else (0, 0, 0),
    )


def _levels(mean: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * value) for value in mean)
    return red, green, blue
