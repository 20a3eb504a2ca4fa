"""Files of weights, read so that none of them can run code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from yunmeng.encoders.foreign import one_line
from yunmeng.errors import WeightsError

__all__ = ["WEIGHT_ENDINGS", "check_checkpoint", "find_checkpoint", "find_checkpoints", "read_checkpoint"]

WEIGHT_ENDINGS: Final = (".safetensors", ".bin", ".pth", ".pt")
"""Endings of files of weights, the best first."""

_USUAL: Final = ("model", "open_clip_model", "open_clip_pytorch_model", "pytorch_model")
_NOT_WEIGHTS: Final = ("training_args", "optimizer", "scheduler", "rng_state")
_WRAPPED: Final = ("state_dict_ema", "model_ema", "state_dict", "model", "teacher")


def find_checkpoints(folder: Path) -> list[Path]:
    """Return the files of weights in a folder, all with the best ending that occurs, the usual names first.

    Raises WeightsError when there is none.
    """
    for ending in WEIGHT_ENDINGS:
        found = [file for file in folder.glob(f"*{ending}") if not file.stem.startswith(_NOT_WEIGHTS)]
        if found:
            return sorted(found, key=lambda file: (file.stem not in _USUAL, file.name))
    raise WeightsError(f"no weights in {folder}: there is no file *{', *'.join(WEIGHT_ENDINGS)}")


def find_checkpoint(place: Path) -> Path:
    """Return ``place`` itself, or the one file of weights in that folder. Raises WeightsError."""
    if place.is_dir():
        return find_checkpoints(place)[0]
    if not place.is_file():
        raise WeightsError(f"no such file or folder: {place}")
    return place


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Return the tensors of a file by name, on the CPU.

    Raises WeightsError when the file is broken, or a pickle that holds anything but tensors and plain values.
    """
    import torch

    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return dict(load_file(file))
        except Exception as error:  # SafetensorError is a plain Exception
            raise _broken(file, error) from error
    return _unwrapped(file, _unpickled(file, torch))


def check_checkpoint(file: Path) -> None:
    """Check a file of weights as `read_checkpoint` does, and raise as it does; of safetensors only the head is read."""
    if file.suffix == ".safetensors":
        from safetensors import safe_open

        try:
            with safe_open(file, framework="np") as tensors:
                tensors.keys()
        except Exception as error:
            raise _broken(file, error) from error
    else:
        read_checkpoint(file)


def _unpickled(file: Path, torch: Any) -> Any:
    import pickle

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        text = one_line(error)
        named = next((word.strip(".,") for word in text.split("GLOBAL ")[1:2] for word in word.split()[:1]), "")
        what = f"names {named}, " if named else ""
        raise WeightsError(
            f"{file} was refused: the pickle {what}which could run code or is broken; use the model's .safetensors"
        ) from error
    except Exception as error:
        raise _broken(file, error) from error


def _unwrapped(file: Path, content: Any) -> dict[str, Any]:
    for key in _WRAPPED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content or not all(hasattr(v, "shape") for v in content.values()):
        raise WeightsError(f"{file} holds no tensors by name: it is no file of weights")
    prefix = "module." if all(name.startswith("module.") for name in content) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in content.items()}


def _broken(file: Path, error: Exception) -> WeightsError:
    return WeightsError(f"{file} is no readable file of weights ({one_line(error)[:150]}): fetch it again")
