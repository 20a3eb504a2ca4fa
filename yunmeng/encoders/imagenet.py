"""Names of the 1,000 ImageNet classes, in the order of the class head's outputs."""

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_names", "top_classes"]


@cache
def class_names() -> tuple[str, ...]:
    """Return the 1,000 names by index, all different.

    A name is every word that WordNet has for the thing, "tabby, tabby cat"; the two cranes say which they are.
    """
    text = resources.files("yunmeng.encoders").joinpath("data/imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())


def top_classes(probabilities: NDArray[np.float32], k: int = 5) -> list[tuple[str, float]]:
    """Return the k likeliest classes of one picture, likeliest first, from its float (1000,) probabilities."""
    names = class_names()
    best = np.argsort(-probabilities, kind="stable")[:k]
    return [(names[index], float(probabilities[index])) for index in best]
