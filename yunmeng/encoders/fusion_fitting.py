"""Making a fusion: the projection learnt from pictures, and the model that keeps it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders.adding import workplace
from yunmeng.encoders.catalogue import load
from yunmeng.encoders.description import FusionDescription
from yunmeng.encoders.fitting import OnEncoded, Source, prepared, spread
from yunmeng.encoders.fusion import FusedEncoder, Projection
from yunmeng.encoders.protocol import Encoder, EncoderSpec
from yunmeng.errors import EncoderError

__all__ = ["FIT_MOST", "FusionReport", "fit_projection", "fuse"]

FIT_MOST: Final = 5_000
"""Pictures that a projection is fitted on at most, since their vectors lie in memory together."""

DEFAULT_DIM: Final = 512

_PROJECTION: Final = "projection.npz"
_LEAST_VARIANCE: Final = 1e-7  # of the first axis'; what lies below is rounding, and whitening would make it loud


@dataclass(frozen=True, slots=True)
class FusionReport:
    """The result of making a fusion. ``explained_variance`` is the share in [0, 1] that the projection keeps, None
    without one; ``pictures`` it was fitted on; ``failed`` holds name and reason of those that could not be used.
    """

    spec: EncoderSpec
    explained_variance: float | None
    pictures: int
    failed: list[tuple[str, str]]


def fuse(
    name: str,
    parts: Sequence[str],
    settings: Settings,
    *,
    weights: Sequence[float] | None = None,
    dim: int | None = None,
    whitening: float = 0.0,
    pictures: Sequence[Source] = (),
    on_encoded: OnEncoded = lambda _done, _total: None,
) -> FusionReport:
    """Make the model ``name`` of ``parts``, names of encoders, and keep it in ``settings.models_dir``.

    ``weights`` are 1 where they are left out. With ``pictures``, which need no labels, a projection to ``dim``
    (default: 512, or all there are) is fitted on up to `FIT_MOST` of them; without them vectors are as long as those of
    the parts together. ``whitening`` is as in `fit_projection`. Raises EncoderError and its kin in one line.
    """
    weights = _checked(parts, weights)
    if not -1 <= whitening <= 1:
        raise EncoderError(f"the whitening is from -1 to 1, not {whitening:g}: 0 is plain PCA, 1 whitens fully")
    if dim is not None and not pictures:
        raise EncoderError("a projection needs pictures to be fitted on: give some, or leave the dimension out")
    with workplace(name, settings) as place:
        encoders = [load(part, settings) for part in parts]
        joined = _description(name, encoders, weights)
        if not pictures:
            return FusionReport(place.finish(joined), None, 0, [])
        target = min(DEFAULT_DIM, joined.dim) if dim is None else dim
        _check_dim(target, joined.dim, len(pictures))
        fused = FusedEncoder(joined.spec, encoders, weights)
        vectors, failed = _collect(fused, spread(pictures, FIT_MOST), settings, on_encoded)
        projection, explained = fit_projection(vectors, target, whitening)
        (place.folder / _PROJECTION).write_bytes(projection.to_bytes())
        spec = place.finish(joined.model_copy(update={"dim": target, "projection": _PROJECTION}))
    return FusionReport(spec, explained, len(vectors), failed)


def fit_projection(vectors: NDArray[np.float32], dim: int, whitening: float = 0.0) -> tuple[Projection, float]:
    """Return a projection to ``dim`` for vectors like these, float32 (n, total), and the share of variance it keeps.

    It takes the mean away and projects onto the first principal axes, each divided by its standard deviation to the
    power ``whitening``: 0 is plain PCA, 0.5 half whitens, 1 whitens fully, and below 0 the strong axes become stronger.
    Whitening by the very pictures that are searched weakens what tells their kinds apart, which is why 0 is the
    default. The same vectors give the same projection, signs included. Raises EncoderError where n, or the variety of
    the vectors, does not suffice.
    """
    count, total = vectors.shape
    _check_dim(dim, total, count)
    mean = vectors.mean(axis=0, dtype=np.float64)
    _, spread, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    variances = spread**2 / (count - 1)
    rank = int((variances > _LEAST_VARIANCE * variances[0]).sum())
    if rank < dim:
        raise EncoderError(
            f"the pictures differ in {rank} directions only, which is too few for {dim} dimensions: fit on pictures "
            f"that are less alike, or choose a dimension up to {rank}"
        )
    kept = axes[:dim]
    kept *= np.sign(kept[np.arange(dim), np.abs(kept).argmax(axis=1)])[:, None]  # an axis' sign is an accident
    matrix = (kept / np.sqrt(variances[:dim, None]) ** whitening).T
    projection = Projection(mean.astype(np.float32), np.ascontiguousarray(matrix, np.float32))
    return projection, float(variances[:dim].sum() / variances.sum())


def _checked(parts: Sequence[str], weights: Sequence[float] | None) -> tuple[float, ...]:
    if len(parts) < 2 or len(set(parts)) < len(parts):
        raise EncoderError("a fusion needs two different encoders or more; see: yunmeng models list")
    found = tuple(weights) if weights is not None else (1.0,) * len(parts)
    if len(found) != len(parts):
        raise EncoderError(f"there are {len(parts)} parts and {len(found)} weights: give one weight for each part")
    if not all(math.isfinite(weight) and weight > 0 for weight in found):
        raise EncoderError("weights must be above 0: leave out a part that does not count")
    return found


def _check_dim(dim: int, total: int, count: int) -> None:
    if not 1 <= dim <= total:
        raise EncoderError(f"the parts make {total} dimensions together: choose a dimension from 1 to {total}")
    if count <= dim:
        raise EncoderError(
            f"{dim} dimensions cannot be fitted on {count} pictures: give {dim + 1} or more, better "
            f"{4 * dim}, or a smaller dimension"
        )


def _description(name: str, parts: Sequence[Encoder], weights: tuple[float, ...]) -> FusionDescription:
    specs = [part.spec for part in parts]
    names = tuple(spec.name for spec in specs)
    return FusionDescription(
        name=name,
        dim=sum(spec.dim for spec in specs),
        licence=" and ".join(dict.fromkeys(spec.licence for spec in specs)),
        source=f"fusion of {', '.join(names)}",
        parts=names,
        part_sha256=tuple(spec.sha256 for spec in specs),
        weights=weights,
        input_size=max(spec.input_size for spec in specs),
        reads_text=all(spec.reads_text for spec in specs),
    )


def _collect(
    encoder: FusedEncoder, pictures: Sequence[Source], settings: Settings, on_encoded: OnEncoded
) -> tuple[NDArray[np.float32], list[tuple[str, str]]]:
    """The unprojected vectors of the pictures that can be used, and what is wrong with the others."""
    vectors = [np.empty((0, encoder.spec.dim), np.float32)]  # its spec has no projection, so that is all of them
    failed: list[tuple[str, str]] = []
    done = 0
    for batch in prepared(encoder, pictures, settings):
        failed += [(name, str(result)) for name, result in batch if not isinstance(result, np.ndarray)]
        good = [result for _, result in batch if isinstance(result, np.ndarray)]
        if good:
            vectors.append(encoder.join(good))
        done += len(batch)
        on_encoded(done, len(pictures))
    return np.concatenate(vectors), failed
