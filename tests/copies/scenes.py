"""Synthetic pictures that are full of places to recognise, and what is done to them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["mapped", "scene", "seen_through", "smiling"]


def scene(seed: int, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Shapes of all sizes and colours, one over the other, that only ``seed`` decides."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(random.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for number in range(160):
        side = float(np.exp(random.uniform(2, 4.2))) * (2 if number < 30 else 1)
        x, y = random.uniform(-10, size[0]), random.uniform(-10, size[1])
        colour = tuple(random.integers(0, 256, 3).tolist())
        corners = [
            (x + side * random.uniform(0, 1), y + side * random.uniform(0, 1))
            for _ in range(int(random.integers(3, 6)))
        ]
        draw.polygon(corners, colour)
    return image


def smiling(image: Image.Image, seed: int, by: float, smooth: float) -> Image.Image:
    """Return the same scene with its middle moved, as a face does: ``by`` pixels, in waves of ``smooth`` pixels."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    width, height = image.size
    random = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width].astype(np.float64)
    near = np.exp(-(((down / height - 0.5) / 0.2) ** 2 + ((across / width - 0.5) / 0.2) ** 2))
    shift = np.stack([gaussian_filter(random.normal(size=(height, width)), smooth) for _ in range(2)])
    places = np.stack([down, across]) + shift * by / shift.std() * near
    pixels = np.asarray(image, np.float64)
    moved = [map_coordinates(pixels[..., channel], places, order=1, mode="nearest") for channel in range(3)]
    return Image.fromarray(np.stack(moved, axis=-1).round().astype(np.uint8))


def seen_through(image: Image.Image, homography: NDArray[np.float64], size: tuple[int, int]) -> Image.Image:
    """``image`` moved by a ``homography`` of fractions of it to fractions of a picture of ``size``; grey around it."""
    here, there = np.diag([*image.size, 1.0]), np.diag([*size, 1.0])
    back = here @ np.linalg.inv(homography) @ np.linalg.inv(there)  # pixels of the new one to pixels of the old one
    data = tuple((back / back[2, 2]).ravel()[:8].tolist())
    return image.transform(size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))


def mapped(homography: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    moved: NDArray[np.float64] = homogeneous[:, :2] / homogeneous[:, 2:]
    return moved
