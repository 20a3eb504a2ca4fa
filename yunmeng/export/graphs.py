"""Towers of PyTorch as ONNX graphs: with the pixels' normalisation and the vectors' length inside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from yunmeng.config import Settings
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.errors import EncoderError
from yunmeng.export.loaded import LoadedModel, LoadedText, Tensor
from yunmeng.export.pytorch import foreign_errors, quiet

__all__ = ["EMBEDDING", "PICTURE_FILE", "TEXT_FILE", "write_picture_graph", "write_text_graph"]

PICTURE_FILE: Final = "picture.onnx"
TEXT_FILE: Final = "text.onnx"
EMBEDDING: Final = "yunmeng_embedding"  # a plain "embedding" is what exporters call tables of tokens
_PIXELS: Final = "yunmeng_pixels"
_IDS: Final = "yunmeng_ids"

_OPSET: Final = 18  # the exporter's own; ONNX Runtime 1.20 knows up to 21
_ONE_FILE: Final = 1_800_000_000  # bytes of weights; a protobuf message ends at 2 GiB, beyond it they lie beside it
_AGREEMENT: Final = 1e-4  # greatest difference of a component of a unit vector; rounding alone makes about 1e-6


def write_picture_graph(model: LoadedModel, folder: Path, settings: Settings) -> int:
    """Write `PICTURE_FILE`: uint8 (n, side, side, 3) to float32 (n, dim), L2-normalised. Gives dim.

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


def write_text_graph(model: LoadedModel, text: LoadedText, folder: Path, settings: Settings) -> int:
    """Write `TEXT_FILE`: int64 (n, context_length) to float32 (n, dim), L2-normalised. Gives dim.

    Raises EncoderError as `write_picture_graph` does.
    """
    import torch

    ids = torch.from_numpy(text.original(["a photo of a cat", "红色连衣裙", "many words " * 60]))
    return _write(_tower(model.network, text.encode), _IDS, ids, folder / TEXT_FILE, settings)


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


def _write(tower: Any, name: str, batch: Tensor, file: Path, settings: Settings) -> int:
    import torch

    with torch.no_grad(), quiet(), foreign_errors(f"exporting {file.stem}s"):
        wanted = [tower(part).numpy() for part in (batch[:1], batch)]
        weights = sum(tensor.numel() * tensor.element_size() for tensor in tower.state_dict().values())
        program = torch.onnx.export(
            tower,
            (batch,),
            input_names=[name],
            output_names=[EMBEDDING],
            dynamic_shapes=({0: torch.export.Dim("n", min=1, max=65536)},),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
        program.save(str(file), external_data=weights > _ONE_FILE)
    session = OnnxSession(file, settings)
    for part, expected in zip((batch[:1], batch), wanted, strict=True):
        (found,) = session.run([EMBEDDING], part.numpy())
        if found.shape != expected.shape or not np.abs(found - expected).max() <= _AGREEMENT:
            raise EncoderError(
                f"the exported graph {file.name} gives other vectors than PyTorch, by up to "
                f"{np.abs(found - expected).max() if found.shape == expected.shape else 'another shape'}"
            )
    return int(wanted[0].shape[1])
