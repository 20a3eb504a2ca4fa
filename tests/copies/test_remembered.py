"""Features that are kept in memory are those that are computed anew, and take no more memory than they may."""

import numpy as np
import pytest
from PIL import Image

from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.copies.features import TARGET_SIDE, LocalFeatures, compact_features, local_features
from yunmeng.copies.remembered import RememberedFeatures

need("cv2", extra="copies")


def same(one: LocalFeatures, other: LocalFeatures) -> bool:
    names = ("size", "points", "scales", "angles", "descriptors")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.parametrize("bytes_", [0, 1, 100_000, 10_000_000])
def test_what_is_kept_is_what_would_be_computed(bytes_: int) -> None:
    pictures = [photograph(seed, (240, 180)) for seed in range(3)] + [
        Image.new("RGB", (200, 100)),
        Image.new("RGB", (9, 9)),
    ]
    remembered = RememberedFeatures(bytes_)
    for picture in pictures * 2:
        found = remembered.of(picture)
        assert same(found, local_features(picture, TARGET_SIDE))
        assert found.descriptors.dtype == np.float32


def test_a_picture_is_computed_once_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[int, int]] = []

    def counted(image: Image.Image, side: int) -> object:
        computed.append(image.size)
        return compact_features(image, side)

    monkeypatch.setattr("yunmeng.copies.remembered.compact_features", counted)
    memory = RememberedFeatures(10_000_000)
    for _ in range(3):
        memory.of(photograph(1, (240, 180)))
        memory.of(photograph(1, (180, 240)))
    assert computed == [(240, 180), (180, 240)]
    small = RememberedFeatures(1)
    for _ in range(2):
        small.of(photograph(1, (240, 180)))
    assert len(computed) == 4
