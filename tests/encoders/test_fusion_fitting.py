"""Making a fusion: the projection against its definition, the model on disk, and what is said where there is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import write_pictures
from yunmeng.config import Settings
from yunmeng.encoders import fusion_fitting, get_spec, load
from yunmeng.encoders.fitting import Source
from yunmeng.encoders.fusion_fitting import fit_projection, fuse
from yunmeng.errors import EncoderError, UnknownEncoder

PARTS = ("efficientnet-lite0", "efficientnet-lite2")


def vectors(count: int, total: int, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around a mean, with variances that fall."""
    random = np.random.default_rng(seed)
    made = 1 + random.normal(size=(count, total)) * np.linspace(2, 0.2, total)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


@pytest.fixture
def models(cache_dir: Path, tmp_path: Path) -> Settings:
    return Settings(cache_dir=cache_dir, models_dir=tmp_path / "models", batch_size=8)


def sources(folder: Path) -> list[Source]:
    return [(file.name, file.read_bytes) for file in sorted(folder.iterdir())]


@pytest.mark.parametrize("whitening", [-0.5, 0.0, 0.5, 1.0])
def test_the_projection_is_that_of_the_covariance(whitening: float) -> None:
    """Against eigenvectors of the covariance, in float64; axes agree up to sign."""
    fitted_on = vectors(200, 12)
    projection, explained = fit_projection(fitted_on, 5, whitening)
    variances, axes = np.linalg.eigh(np.cov(fitted_on.astype(np.float64).T))
    variances, axes = variances[::-1], axes[:, ::-1]
    np.testing.assert_allclose(projection.mean, fitted_on.mean(axis=0), atol=1e-6)
    expected = axes[:, :5] / np.sqrt(variances[:5]) ** whitening
    np.testing.assert_allclose(np.abs(projection.matrix), np.abs(expected), rtol=1e-4, atol=1e-5)
    assert explained == pytest.approx(variances[:5].sum() / variances.sum(), rel=1e-5)


def test_whitened_vectors_have_equal_variances_and_no_correlation() -> None:
    fitted_on = vectors(500, 10)
    projection, _ = fit_projection(fitted_on, 6, 1.0)
    projected = (fitted_on - projection.mean) @ projection.matrix
    np.testing.assert_allclose(np.cov(projected.T), np.eye(6), atol=1e-3)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(1, 8))
def test_plain_pca_to_all_dimensions_keeps_every_distance(seed: int, total: int, more: int) -> None:
    fitted_on = vectors(10 * total + more, total, seed)  # few may happen to lie in fewer directions
    projection, explained = fit_projection(fitted_on, total)
    projected = (fitted_on - projection.mean) @ projection.matrix
    assert explained == pytest.approx(1)
    for before, after in zip(fitted_on, projected, strict=True):
        np.testing.assert_allclose(
            np.linalg.norm(projected - after, axis=1), np.linalg.norm(fitted_on - before, axis=1), atol=1e-4
        )


def test_the_order_of_the_pictures_does_not_matter_nor_the_run() -> None:
    fitted_on = vectors(300, 20)
    one, _ = fit_projection(fitted_on, 8)
    again, _ = fit_projection(fitted_on.copy(), 8)
    other, _ = fit_projection(fitted_on[::-1], 8)
    assert one.to_bytes() == again.to_bytes()
    np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-4)


@pytest.mark.parametrize(
    ("count", "dim", "said"),
    [
        (8, 8, "8 dimensions cannot be fitted on 8 pictures: give 9 or more"),
        (0, 3, "3 dimensions cannot be fitted on 0 pictures"),
        (100, 13, "the parts make 12 dimensions together: choose a dimension from 1 to 12"),
    ],
)
def test_what_cannot_be_fitted_is_told(count: int, dim: int, said: str) -> None:
    with pytest.raises(EncoderError, match=said):
        fit_projection(vectors(count, 12), dim)


def test_pictures_that_are_all_alike_are_told() -> None:
    alike = np.repeat(vectors(4, 12), 10, axis=0)
    with pytest.raises(EncoderError, match="differ in 3 directions only, which is too few for 5 dimensions"):
        fit_projection(alike, 5)


def test_a_fusion_is_an_encoder_like_any_other(
    models: Settings, make_pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = sources(make_pictures(20))
    (make_pictures(1, "broken") / "broken.jpg").write_bytes(b"\xff\xd8\xff half of it")
    broken = sources(make_pictures(0, "broken"))
    seen: list[tuple[int, int]] = []
    report = fuse(
        "both",
        PARTS,
        models,
        weights=(0.5, 1),
        dim=9,
        pictures=[*pictures, *[source for source in broken if source[0] == "broken.jpg"]],
        on_encoded=lambda done, total: seen.append((done, total)),
    )
    assert (report.pictures, [name for name, _ in report.failed]) == (20, ["broken.jpg"])
    assert report.explained_variance is not None
    assert 0.5 < report.explained_variance <= 1
    assert seen[-1] == (21, 21)
    spec = get_spec("both", models)
    assert spec == report.spec
    assert (spec.dim, spec.input_size, spec.reads_text, spec.licence) == (9, 260, False, "Apache-2.0")
    encoder = load("both", models)
    assert encoder.spec == spec
    check_against_the_parts(models, encoder.spec.name)


def check_against_the_parts(models: Settings, name: str) -> None:
    """The fused vectors from those of the parts and the arrays on disk."""
    encoder, parts = load(name, models), [load(part, models) for part in PARTS]
    batch = [np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8) for seed in range(3)]
    squares = [encoder.prepare(picture) for picture in batch]
    joined = np.hstack([0.5 * parts[0].encode(squares), parts[1].encode(squares)]) / np.sqrt(1.25)
    with np.load(models.models_dir / name / "projection.npz") as arrays:
        expected = (joined - arrays["mean"]) @ arrays["matrix"]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode(batch), expected, atol=1e-4)


def test_without_pictures_there_is_no_projection(models: Settings) -> None:
    report = fuse("both", PARTS, models)
    assert (report.spec.dim, report.explained_variance, report.pictures) == (1024, None, 0)
    assert not (models.models_dir / "both" / "projection.npz").exists()


def test_the_same_pictures_make_the_same_model(models: Settings, make_pictures: Callable[..., Path]) -> None:
    pictures = sources(make_pictures(8))
    one, other = (fuse(name, PARTS, models, dim=4, pictures=pictures).spec for name in ("one", "other"))
    assert one.sha256 == other.sha256


def test_of_many_pictures_some_from_everywhere_are_taken(
    models: Settings, make_pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fusion_fitting, "FIT_MOST", 6)
    taken: list[str] = []

    def source(file: Path) -> Source:
        def read() -> bytes:
            taken.append(file.name)
            return file.read_bytes()

        return file.name, read

    report = fuse("both", PARTS, models, dim=4, pictures=[source(file) for file in sorted(make_pictures(18).iterdir())])
    assert report.pictures == 6
    assert sorted(taken) == ["000.jpg", "003.jpg", "006.jpg", "009.jpg", "012.jpg", "015.jpg"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parts": PARTS[:1]}, "needs two different encoders or more"),
        ({"parts": (PARTS[0], PARTS[0])}, "needs two different encoders or more"),
        ({"weights": (1,)}, "there are 2 parts and 1 weights"),
        ({"weights": (1, 0)}, "weights must be above 0"),
        ({"weights": (1, float("nan"))}, "weights must be above 0"),
        ({"whitening": 2}, "the whitening is from -1 to 1, not 2"),
        ({"dim": 5}, "a projection needs pictures to be fitted on"),
        ({"dim": 2000, "pictures": [("a", bytes)]}, "choose a dimension from 1 to 1024"),
        ({"dim": 5, "pictures": [("a", bytes)] * 5}, "5 dimensions cannot be fitted on 5 pictures"),
        ({"pictures": [("a", bytes)] * 9}, "512 dimensions cannot be fitted on 9 pictures: give 513 or more"),
        ({"name": "efficientnet-lite0"}, "is built in"),
        ({"name": "../both"}, "cannot be called"),
    ],
)
def test_what_cannot_be_fused_is_told_in_one_line(models: Settings, changes: dict[str, object], said: str) -> None:
    asked: dict[str, object] = {"name": "both", "parts": PARTS, "settings": models, **changes}
    with pytest.raises(EncoderError, match=said) as told:
        fuse(**asked)  # type: ignore[arg-type]
    assert "\n" not in str(told.value)
    assert not (models.models_dir / "both").exists()


def test_an_unknown_part_is_told_and_leaves_nothing(models: Settings) -> None:
    with pytest.raises(UnknownEncoder, match="there is no encoder 'nonsense'"):
        fuse("both", ("efficientnet-lite0", "nonsense"), models)
    assert list(models.models_dir.iterdir()) == []


def test_too_few_usable_pictures_leave_nothing(models: Settings, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "few", 4)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff half of it")
    with pytest.raises(EncoderError, match="4 dimensions cannot be fitted on 4 pictures"):
        fuse("both", PARTS, models, dim=4, pictures=sources(folder))
    assert list(models.models_dir.iterdir()) == []
