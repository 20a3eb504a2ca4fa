"""Local features, against the definitions of SIFT's relatives and against a picture that is really mirrored."""

import numpy as np
import pytest
from PIL import ImageOps

from tests.copies.scenes import scene
from tests.needing import need
from yunmeng.copies import local_features
from yunmeng.copies.features import pair
from yunmeng.copies.opencv import opencv

need("cv2", extra="copies")


def test_descriptors_are_roots_of_sift_divided_by_its_sum() -> None:
    """Arandjelović and Zisserman's definition, against OpenCV's plain SIFT of the same grey picture."""
    image = scene(1, (640, 480))
    features = local_features(image, 640)
    _, plain = (
        opencv().SIFT_create(600, enable_precise_upscale=True).detectAndCompute(np.asarray(image.convert("L")), None)
    )
    expected = np.sqrt(plain[:600] / plain[:600].sum(axis=1, keepdims=True))
    assert features.descriptors == pytest.approx(expected, abs=1e-6)
    assert np.linalg.norm(features.descriptors, axis=1) == pytest.approx(1, abs=1e-5)


def test_mirrored_features_are_those_of_the_mirrored_picture() -> None:
    image = scene(2)
    ours, real = local_features(image).mirrored(), local_features(ImageOps.mirror(image))
    nearest = (ours.descriptors @ real.descriptors.T).argmax(axis=1)
    same = np.abs(ours.points - real.points[nearest]).max(axis=1) < 1
    assert same.mean() > 0.85
    turns = (ours.angles - real.angles[nearest] + np.pi) % (2 * np.pi) - np.pi
    assert np.median(np.abs(turns[same])) < 0.01
    assert np.median((ours.descriptors * real.descriptors[nearest]).sum(axis=1)[same]) > 0.99


def test_pairs_pass_lowes_ratio_and_use_each_feature_once() -> None:
    """Against a plain loop over all distances."""
    query, target = local_features(scene(3)), local_features(scene(3).resize((300, 225)))
    pairs = pair(query, target, ratio=0.8)
    assert len(pairs) > 50
    assert len(set(pairs.target.tolist())) == len(pairs)
    assert len(set(pairs.query.tolist())) == len(pairs)
    for one, other in zip(pairs.query.tolist(), pairs.target.tolist(), strict=True):
        distances = np.linalg.norm(target.descriptors - query.descriptors[one], axis=1)
        first, second = np.sort(distances)[:2]
        assert distances[other] == pytest.approx(first, abs=1e-4)
        assert first < 0.801 * second
