"""Makes the pictures and reference vectors in ``tests/encoders/data``: ``python -m tests.encoders.make_reference``.

The photographs come from scikit-image (chelsea, coffee: CC0; astronaut, rocket: public domain), shrunk and stored
without loss, so that every decoder gives the same pixels. Needs ``yunmeng[reference,dev]``.
"""

from pathlib import Path

import numpy as np
import skimage
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.encoders.torch_reference import INPUT_SIZE, TorchReference, read

DATA = Path(__file__).with_name("data")
PHOTOGRAPHS = {"astronaut": "png", "chelsea": "png", "coffee": "png", "rocket": "jpg"}
LONGEST = 210  # pixels; keeps the four photographs together below 300 kB


def photograph(name: str) -> Image.Image:
    path = Path(skimage.__file__).parent / "data" / f"{name}.{PHOTOGRAPHS[name]}"
    image = Image.open(path).convert("RGB")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return image


def generated() -> dict[str, NDArray[np.uint8]]:
    """What photographs leave out: extreme shapes, flat colour, noise, a side smaller than any kernel."""
    random = np.random.RandomState(0)
    ramp = np.linspace(0, 255, 500).astype(np.uint8)
    return {
        "flat": np.full((16, 16, 3), (200, 30, 90), np.uint8),
        "noise": random.randint(0, 256, (48, 64, 3)).astype(np.uint8),
        "ramp": np.stack([np.tile(channel, (4, 1)) for channel in (ramp, ramp[::-1], ramp // 2)], axis=-1),
        "stripes": np.tile(np.repeat(np.array([[0], [255]], np.uint8), 7, axis=0), (20, 1))[:, :, None].repeat(3, 2),
    }


def make_pictures() -> None:
    DATA.mkdir(exist_ok=True)
    pictures = {name: photograph(name) for name in PHOTOGRAPHS}
    pictures |= {name: Image.fromarray(array) for name, array in generated().items()}
    for name, picture in pictures.items():
        picture.save(DATA / f"{name}.webp", lossless=True, quality=100, method=6)


def make_vectors() -> None:
    files = sorted(DATA.glob("*.webp"))
    for name, side in INPUT_SIZE.items():
        embedding, scores = TorchReference(name)(np.stack([read(file, side) for file in files]))
        names = np.array([file.stem for file in files])
        np.savez_compressed(DATA / f"{name}.npz", names=names, embedding=embedding, scores=scores)


if __name__ == "__main__":
    torch.set_num_threads(1)  # the order of sums, and with it the last bits, hangs on the number of threads
    make_pictures()
    make_vectors()
