"""PyTorch towers as ONNX graphs, which normalise the pixels and the length of the vectors themselves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders.export.loaded import LoadedModel, LoadedText, Tensor
from yunmeng.encoders.export.pytorch import foreign_errors
from yunmeng.encoders.export.tokenisers import HARD_TEXTS
from yunmeng.encoders.foreign import quiet
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.errors import EncoderError

__all__ = ["EMBEDDING", "PICTURE_FILE", "SHORT_TEXTS", "TEXT_FILE", "write_picture_graph", "write_text_graph"]

PICTURE_FILE: Final = "picture.onnx"
TEXT_FILE: Final = "text.onnx"
EMBEDDING: Final = "yunmeng_embedding"  # a plain "embedding" is what exporters call tables of tokens
SHORT_TEXTS: Final = HARD_TEXTS[2:4]
"""Texts of a few tokens, some more than others."""

_PIXELS: Final = "yunmeng_pixels"
_IDS: Final = "yunmeng_ids"

_OPSET: Final = 18  # the exporter's own; ONNX Runtime 1.20 knows up to 21
_ONE_FILE: Final = 1_800_000_000  # bytes of weights; a protobuf message ends at 2 GiB, beyond it they lie beside it
_ROUNDING: Final = 1e-5
_AGREEMENT: Final = 1e-4  # greatest difference of a component of a unit vector; rounding alone makes about 1e-6


def write_picture_graph(model: LoadedModel, folder: Path, settings: Settings) -> int:
    """Write `PICTURE_FILE`: uint8 (n, side, side, 3) to float32 (n, dim), L2-normalised. Returns dim.

    Raises EncoderError when the network cannot be exported, or the graph gives other vectors than PyTorch.
    """
    import torch

    preparation = model.preparation
    mean = 255 * torch.tensor(preparation.mean).view(1, 3, 1, 1)
    scale = 1 / (255 * torch.tensor(preparation.std).view(1, 3, 1, 1))

    def encode(pixels: Tensor) -> Tensor:
        return model.encode((pixels.permute(0, 3, 1, 2).float() - mean) * scale)

    tower = _tower(model.network, encode)
    size = (preparation.input_size, preparation.input_size, 3)
    random = torch.Generator().manual_seed(0)
    batch = torch.randint(0, 256, (3, *size), generator=random, dtype=torch.uint8)
    return _write(tower, _PIXELS, batch, folder / PICTURE_FILE, settings)


def write_text_graph(model: LoadedModel, text: LoadedText, short: Tensor, folder: Path, settings: Settings) -> bool:
    """Write `TEXT_FILE`: int64 (n, context_length) to float32 (n, dim), L2-normalised.

    ``short`` are the ids of some texts without the padding that all have in common, int64 (n, few). Returns whether the
    graph takes ids of any length up to ``context_length``, which it does where padding changes nothing. Raises
    EncoderError as `write_picture_graph` does.
    """
    import torch

    tower = _tower(model.network, text.encode)
    full = torch.from_numpy(text.original(HARD_TEXTS[2:5]))
    longest = torch.from_numpy(text.original(HARD_TEXTS[-3:]))
    if _padding_is_idle(tower, short, text.original):
        try:
            _write(tower, _IDS, longest[:, :-1], folder / TEXT_FILE, settings, (full, short), text.context_length)
        except EncoderError:  # a network whose code ties it to one length
            (folder / TEXT_FILE).unlink(missing_ok=True)
        else:
            return True
    _write(tower, _IDS, full, folder / TEXT_FILE, settings)
    return False


def _padding_is_idle(tower: Any, short: Tensor, original: Callable[[Sequence[str]], NDArray[np.int64]]) -> bool:
    import torch

    try:
        with torch.no_grad(), quiet():
            difference = tower(short) - tower(torch.from_numpy(original(SHORT_TEXTS)))
    except Exception:  # networks refuse another length in many ways
        return False
    return bool(difference.abs().max() < _ROUNDING)


def _tower(network: Any, encode: Callable[[Tensor], Tensor]) -> Any:
    import torch

    class Tower(torch.nn.Module):  # type: ignore[misc]
        """The network's weights, with ``encode`` as what is exported."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, batch: Tensor) -> Tensor:
            return torch.nn.functional.normalize(encode(batch), dim=-1)

    return Tower().eval()


def _write(
    tower: Any,
    name: str,
    batch: Tensor,
    file: Path,
    settings: Settings,
    others: tuple[Tensor, ...] = (),
    longest: int | None = None,
) -> int:
    """Export and check ``tower``, traced on ``batch``; ``others`` are further inputs to check with. Gives dim."""
    import torch

    checked = [batch[:1], batch, *others]
    axes = {0: torch.export.Dim("n", min=1, max=65536)}
    if longest is not None:
        axes[1] = torch.export.Dim("length", min=2, max=longest)
    with torch.no_grad(), quiet(), foreign_errors(f"exporting {file.stem}s"):
        wanted = [tower(part).numpy() for part in checked]
        weights = sum(tensor.numel() * tensor.element_size() for tensor in tower.state_dict().values())
        program = torch.onnx.export(
            tower,
            (batch,),
            input_names=[name],
            output_names=[EMBEDDING],
            dynamic_shapes=(axes,),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
        program.save(str(file), external_data=weights > _ONE_FILE)
    session = OnnxSession(file, settings)
    for part, expected in zip(checked, wanted, strict=True):
        (found,) = session.run([EMBEDDING], part.numpy())
        if found.shape != expected.shape or not np.abs(found - expected).max() <= _AGREEMENT:
            raise EncoderError(f"the exported graph {file.name} gives other vectors than PyTorch: it cannot be used")
    return int(wanted[0].shape[1])
