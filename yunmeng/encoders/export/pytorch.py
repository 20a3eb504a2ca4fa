"""PyTorch and related packages, imported here first, so that a missing or mismatched one is reported in one line."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from yunmeng.encoders.foreign import one_line
from yunmeng.errors import EncoderError, MissingExtra, WeightsError, YunmengError

__all__ = ["foreign_errors", "import_parts", "mismatch"]

_UNUSED_OPERATORS: Final = ("nms", "qnms")


def import_parts(*names: str) -> tuple[ModuleType, ...]:
    """Return the modules by name, after importing PyTorch. Raises MissingExtra when one is not installed."""
    try:
        _import_torchvision()
        return tuple(importlib.import_module(name) for name in names)
    except ImportError as error:
        missing = error.name or str(error)
        raise MissingExtra(f"taking a model from PyTorch ({missing} is missing)", "export") from error


def _import_torchvision() -> None:
    """Import torchvision, which timm and open_clip need for its transforms.

    Its compiled part may be for another build of PyTorch (one for CUDA beside one for the CPU). Then its import fails
    over two operators that nothing here runs; once they are declared, its Python part loads.
    """
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise EncoderError(f"torchvision does not load beside this PyTorch: {one_line(error)}") from error
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in _UNUSED_OPERATORS:
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _DECLARED.append(library)
        importlib.import_module("torchvision")


_DECLARED: Final[list[Any]] = []  # a declaration ends when its library object does


@contextmanager
def foreign_errors(what: str) -> Iterator[None]:
    """Turn whatever a library raises into one line that says ``what`` was being done."""
    try:
        yield
    except (YunmengError, MemoryError):
        raise
    except ImportError as error:
        raise MissingExtra(f"{what} ({error.name or one_line(error)} is missing)", "export") from error
    except Exception as error:  # libraries raise nearly anything
        raise _translated(what, error) from error


def _translated(what: str, error: Exception) -> EncoderError:
    text = str(error)
    if "Error(s) in loading state_dict" in text or "size mismatch" in text:
        first = next((line.strip() for line in text.splitlines()[1:] if line.strip()), one_line(error))
        return WeightsError(f"the weights do not fit {what}: {first[:200]}; are they of this very model?")
    return EncoderError(f"{what} failed: {type(error).__name__}: {one_line(error)[:300]}")


def mismatch(what: str, missing: list[str], unexpected: list[str]) -> WeightsError:
    """Return the error for weights whose names do not fit."""
    parts = [f"{len(missing)} are missing, first {missing[0]}"] if missing else []
    parts += [f"{len(unexpected)} are not known, first {unexpected[0]}"] if unexpected else []
    return WeightsError(
        f"the weights do not fit {what}: of its tensors {'; '.join(parts)}; are they of this very model?"
    )
