"""Several encoders as one: against the same sums in plain NumPy, and what is said when a part is not as it was."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from yunmeng.encoders.description import FusionDescription
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.encoders.fusion import FusedEncoder, Projection, load_fused
from yunmeng.encoders.onnx_encoder import OnnxEncoder
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import EncoderError, UnknownEncoder, WeightsError
from yunmeng.types import Pixels


def pictures(count: int, seed: int = 0) -> list[Pixels]:
    """Smooth, of many sizes, all different."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 5, 7, 3), dtype=np.uint8)
    sizes = random.integers(20, 300, (count, 2)).tolist()
    return [np.asarray(Image.fromarray(p).resize((w, h))) for p, (w, h) in zip(coarse, sizes, strict=True)]


def described(parts: Sequence[Encoder], weights: Sequence[float], **changes: object) -> FusionDescription:
    row = {
        "name": "both",
        "dim": sum(part.spec.dim for part in parts),
        "parts": [part.spec.name for part in parts],
        "part_sha256": [part.spec.sha256 for part in parts],
        "weights": weights,
        "input_size": max(part.spec.input_size for part in parts),
        "reads_text": all(part.spec.reads_text for part in parts),
    }
    return FusionDescription.model_validate({**row, **changes})


def fused(*parts: Encoder, weights: Sequence[float] = (1.0, 1.0), projection: Projection | None = None) -> FusedEncoder:
    dim = sum(part.spec.dim for part in parts) if projection is None else projection.matrix.shape[1]
    return FusedEncoder(replace(described(parts, weights).spec, dim=dim), parts, weights, projection)


def among(*parts: Encoder) -> Callable[[str], Encoder]:
    def load(name: str) -> Encoder:
        for part in parts:
            if part.spec.name == name:
                return part
        raise UnknownEncoder(f"there is no encoder {name!r}")

    return load


def random_projection(total: int, dim: int) -> Projection:
    random = np.random.default_rng(1)
    mean, matrix = random.normal(size=total), random.normal(size=(total, dim))
    return Projection(mean.astype(np.float32), matrix.astype(np.float32))


@pytest.fixture
def small() -> FakeEncoder:
    return FakeEncoder(16, "small", reads_text=True)


@pytest.fixture
def large() -> FakeEncoder:
    return FakeEncoder(24, "large", reads_text=True)


def test_vectors_are_the_weighted_parts_end_to_end(small: FakeEncoder, large: FakeEncoder) -> None:
    batch = pictures(5)
    expected = np.hstack([3.0 * small.encode(batch), 4.0 * large.encode(batch)]) / 5.0
    found = fused(small, large, weights=(3, 4)).encode(batch)
    assert found.shape == (5, 40)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_similarity_is_that_of_the_parts_counted_by_the_squares_of_the_weights(
    small: FakeEncoder, large: FakeEncoder
) -> None:
    batch = pictures(6)
    similar = [part.encode(batch) @ part.encode(batch).T for part in (small, large)]
    vectors = fused(small, large, weights=(2, 1)).encode(batch)
    np.testing.assert_allclose(vectors @ vectors.T, 0.8 * similar[0] + 0.2 * similar[1], atol=1e-6)


def test_only_the_proportion_of_the_weights_counts(small: FakeEncoder, large: FakeEncoder) -> None:
    batch = pictures(3)
    one, other = (fused(small, large, weights=weights).encode(batch) for weights in ((1, 0.5), (6, 3)))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_order_of_the_parts_is_that_of_the_vector(small: FakeEncoder, large: FakeEncoder) -> None:
    batch = pictures(3)
    one, other = fused(small, large).encode(batch), fused(large, small).encode(batch)
    np.testing.assert_allclose(np.hstack([one[:, 16:], one[:, :16]]), other, atol=1e-6)


def test_a_projection_is_a_mean_taken_away_and_a_product(small: FakeEncoder, large: FakeEncoder) -> None:
    batch, projection = pictures(7), random_projection(40, 9)
    joined = np.hstack([small.encode(batch), large.encode(batch)]).astype(np.float64) / np.sqrt(2)
    expected = (joined - projection.mean) @ projection.matrix
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = fused(small, large, projection=projection).encode(batch)
    assert found.shape == (7, 9)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_texts_are_joined_like_pictures_but_not_centred(small: FakeEncoder, large: FakeEncoder) -> None:
    texts = ["red", "a street at night", "红色连衣裙"]
    joined = np.hstack([3.0 * small.encode_texts(texts), 4.0 * large.encode_texts(texts)]) / 5.0
    np.testing.assert_allclose(fused(small, large, weights=(3, 4)).encode_texts(texts), joined, atol=1e-6)
    projection = random_projection(40, 9)
    expected = joined @ projection.matrix
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = fused(small, large, weights=(3, 4), projection=projection).encode_texts(texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_text_is_read_only_where_all_parts_read_it(small: FakeEncoder) -> None:
    both = fused(small, FakeEncoder(8, "blind"))
    assert fused(small, FakeEncoder(8, "reads", reads_text=True)).spec.reads_text
    assert not both.spec.reads_text
    with pytest.raises(EncoderError, match="both reads no text: not all of its parts do"):
        both.encode_texts(["red"])


def test_empty_batches_give_no_rows(small: FakeEncoder, lite0: OnnxEncoder) -> None:
    for projection, dim in ((None, 528), (random_projection(528, 9), 9)):
        assert fused(small, lite0, projection=projection).encode([]).shape == (0, dim)


def test_every_part_sees_the_square_of_the_largest(small: FakeEncoder, lite0: OnnxEncoder) -> None:
    both = fused(small, lite0)
    assert (both.spec.input_size, both.spec.decoded_side) == (224, lite0.spec.decoded_side)
    batch = pictures(3)
    squares = [both.prepare(picture) for picture in batch]
    assert all(square.shape == (224, 224, 3) and square.dtype == np.uint8 for square in squares)
    assert both.prepare(squares[0]) is squares[0]
    expected = np.hstack([small.encode(squares), lite0.encode(batch)]) / np.sqrt(2)
    np.testing.assert_allclose(both.encode(batch), expected, atol=1e-5)
    np.testing.assert_array_equal(both.encode(squares), both.encode(batch))


def test_pictures_and_pillow_images_are_the_same(small: FakeEncoder, large: FakeEncoder) -> None:
    both = fused(small, large)
    (picture,) = pictures(1)
    np.testing.assert_array_equal(both.prepare(picture), both.prepare(Image.fromarray(picture)))


def test_threads_get_what_one_alone_gets(small: FakeEncoder, lite0: OnnxEncoder) -> None:
    both = fused(small, lite0, projection=random_projection(528, 20))
    batches = [pictures(count, seed=count) for count in (1, 3, 2, 5)]
    alone = [both.encode(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for expected, found in zip(alone, pool.map(both.encode, batches), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_it_is_loaded_from_its_description(small: FakeEncoder, large: FakeEncoder, tmp_path: Path) -> None:
    batch, projection = pictures(4), random_projection(40, 9)
    plain = load_fused(described((small, large), (1, 2)), tmp_path, among(large, small))
    np.testing.assert_array_equal(plain.encode(batch), fused(small, large, weights=(1, 2)).encode(batch))
    (tmp_path / "projection.npz").write_bytes(projection.to_bytes())
    description = described(
        (small, large), (1, 2), projection="projection.npz", dim=9, files={"projection.npz": "0" * 64}
    )
    loaded = load_fused(description, tmp_path, among(small, large))
    expected = fused(small, large, weights=(1, 2), projection=projection).encode(batch)
    np.testing.assert_array_equal(loaded.encode(batch), expected)
    assert loaded.spec == description.spec


def test_a_projection_is_written_the_same_each_time() -> None:
    projection = random_projection(12, 5)
    assert projection.to_bytes() == projection.to_bytes()


def test_its_digest_tells_parts_order_weights_and_projection(small: FakeEncoder, large: FakeEncoder) -> None:
    projected = {"projection": "p.npz", "dim": 9}
    variants = [
        described((small, large), (1, 2)),
        described((large, small), (1, 2)),
        described((small, large), (1, 1)),
        described((small, large), (1, 2), part_sha256=["0" * 64, "1" * 64]),
        described((small, large), (1, 2), **projected, files={"p.npz": "0" * 64}),
        described((small, large), (1, 2), **projected, files={"p.npz": "1" * 64}),
    ]
    digests = [variant.spec.sha256 for variant in variants]
    assert len(set(digests)) == len(variants)
    assert digests[0] == described((small, large), (1, 2), name="other").spec.sha256


def test_a_missing_part_is_named(small: FakeEncoder, large: FakeEncoder, tmp_path: Path) -> None:
    with pytest.raises(
        EncoderError, match=r"^the model both needs its part large, which is not there: add large"
    ) as told:
        load_fused(described((small, large), (1, 1)), tmp_path, among(small))
    assert "\n" not in str(told.value)


def test_a_part_that_has_changed_is_named(small: FakeEncoder, large: FakeEncoder, tmp_path: Path) -> None:
    description = described((small, large), (1, 1), part_sha256=[small.spec.sha256, "1" * 64])
    with pytest.raises(
        EncoderError, match=r"^large is not the model that both was made of.*models remove both"
    ) as told:
        load_fused(description, tmp_path, among(small, large))
    assert "\n" not in str(told.value)


def test_a_description_that_promises_too_much_is_refused(small: FakeEncoder, tmp_path: Path) -> None:
    blind = FakeEncoder(8, "blind")
    with pytest.raises(EncoderError, match="both says dim = 25, its parts make 24"):
        load_fused(described((small, blind), (1, 1), dim=25), tmp_path, among(small, blind))
    with pytest.raises(EncoderError, match="both says that it reads text"):
        load_fused(described((small, blind), (1, 1), reads_text=True), tmp_path, among(small, blind))


def saved(**arrays: NDArray[np.float32]) -> bytes:
    return Projection(arrays["mean"], arrays["matrix"]).to_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the projection .*fuse the model again"),
        (b"PK\x03\x04 half an archive", "cannot read the projection"),
        (saved(mean=np.zeros(40, np.float32), matrix=np.zeros((40, 8), np.float32)), r"does not fit.*\(40, 8\)"),
        (saved(mean=np.zeros(39, np.float32), matrix=np.zeros((40, 9), np.float32)), r"does not fit.*\(39,\)"),
        (saved(mean=np.full(40, np.nan, np.float32), matrix=np.zeros((40, 9), np.float32)), "must be finite"),
    ],
    ids=["missing", "broken", "narrow", "short", "nan"],
)
def test_a_projection_that_cannot_be_used_is_told(
    small: FakeEncoder, large: FakeEncoder, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "p.npz").write_bytes(content)
    description = described((small, large), (1, 1), projection="p.npz", dim=9, files={"p.npz": "0" * 64})
    with pytest.raises(WeightsError, match=said) as told:
        load_fused(description, tmp_path, among(small, large))
    assert "\n" not in str(told.value)


def test_a_picture_has_the_same_vector_in_every_batch() -> None:
    small, large = FakeEncoder(16, "small"), FakeEncoder(48, "large")
    both = fused(small, large, projection=random_projection(64, 40))
    batch = pictures(7)
    together = both.encode(batch)
    for at, picture in enumerate(batch):
        np.testing.assert_array_equal(both.encode([picture])[0], together[at])
    assert both.encode([]).shape == (0, 40)
