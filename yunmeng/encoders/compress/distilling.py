"""Distillation: a small encoder learns to see pictures as a large one does, and becomes an encoder of its own.

The teacher's vectors of the user's own pictures, which need no labels, are the student's targets (Hinton, Vinyals and
Dean, "Distilling the Knowledge in a Neural Network", 2015, with embeddings in place of classes). Each can be averaged
with those of its neighbours first: what re-ranking by expansion gains in a search, the student then learns to see in a
single picture. One picture in eight is held back, and these say whether the student is made at all.
"""

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.adding import workplace
from yunmeng.encoders.catalogue import load, network_of
from yunmeng.encoders.compress.imitation import Likeness, fit_map, likeness, turned
from yunmeng.encoders.compress.torch_graph import best_device
from yunmeng.encoders.compress.training import USUAL, Epoch, Plan, Trained, train_graph, validation_rows
from yunmeng.encoders.described_encoder import DescribedEncoder
from yunmeng.encoders.fitting import Source, check_enough, prepared, spread
from yunmeng.encoders.heads import folded, folded_tower
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.errors import EncoderError
from yunmeng.stores.dba import augment_all

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.description import OnnxDescription
    from yunmeng.encoders.protocol import Encoder, EncoderSpec

__all__ = ["DISTILL_MOST", "LEAST", "Distilled", "OnStage", "Stage", "distill"]

LEAST: Final = 160
"""Pictures that are needed at least."""
DISTILL_MOST: Final = 10_000
"""Pictures that are used at most: for lite0 they take 2 GB on disk while it is trained."""

Stage: TypeAlias = Literal["reading", "preparing", "training"]

OnStage: TypeAlias = Callable[[Stage, int, int], None]
"""Called with the stage, and how many pictures of how many are done in it; in training, each counts once an epoch."""

_HELD_BACK: Final = 8  # one picture of so many judges the student
_GRAPH: Final = "picture.onnx"


@dataclass(frozen=True, slots=True)
class Distilled:
    """A student.

    ``before`` and ``after`` say how alike it and its teacher were and are, on ``held`` pictures that it was not trained
    on; ``mapped`` how alike a linear map behind it would have made them. ``curve`` and ``best`` are those of `Trained`.
    ``pictures`` are all that could be used, ``failed`` holds name and reason of the others.
    """

    spec: "EncoderSpec"
    before: Likeness
    mapped: Likeness
    after: Likeness
    held: int
    curve: list[Epoch]
    best: int
    pictures: int
    failed: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Pictures as the student takes them, uint8 (n, side, side, 3), and what both encoders make of them, (n, dim)."""

    pixels: NDArray[np.uint8]
    teacher: NDArray[np.float32]
    student: NDArray[np.float32]


def distill(
    teacher: str,
    student: str,
    settings: "Settings",
    pictures: Sequence[Source],
    *,
    new_name: str | None = None,
    expand: int = 0,
    plan: Plan = USUAL,
    on_stage: OnStage = lambda _stage, _done, _total: None,
    stop: threading.Event | None = None,
) -> Distilled | None:
    """Train the network of an encoder on the vectors of another, and keep the result as a model.

    Returns None when ``stop`` was set. The same call then goes on from the last checkpoint, which lies in
    ``settings.cache_dir`` until the model is made.

    Args:
        teacher: Any encoder, also a fusion.
        student: A built-in encoder, or a model that was added whose graph is not quantised.
        settings: Say where models and checkpoints lie, and the device; PyTorch uses a GPU by CUDA or none.
        pictures: At least `LEAST`, of the kind that will be searched; up to `DISTILL_MOST` are used, from all.
        new_name: By default the student's, with ``-distilled``.
        expand: Each of the teacher's vectors is averaged with those of so many neighbours; 0 leaves them as they are.
        plan: How the student is trained.
        on_stage: Told of the progress.
        stop: Ends training after a step.

    Raises:
        EncoderError: The student cannot be trained, the name is taken, there are too few pictures, or the student would
            be no more like its teacher than it is.
        MissingExtra: PyTorch is not installed.
    """
    target = new_name or f"{student}-distilled"
    device = best_device(settings.device)
    before, graph = network_of(student, settings)
    folder = settings.cache_dir / "training" / target
    failed: list[tuple[str, str]] = []
    with workplace(target, settings) as place:
        encoders = load(teacher, settings), load(student, settings)
        used = spread(pictures, DISTILL_MOST)
        parts = [[one for at, one in enumerate(used) if (at % _HELD_BACK == 0) is held] for held in (False, True)]
        _check_room(folder, len(used) * 3 * encoders[1].spec.input_size ** 2)

        def read(part: int, file: str, before: int) -> _Seen:
            def tell(done: int) -> None:
                on_stage("reading", before + done, len(used))

            return _read(*encoders, parts[part], settings, folder / file, failed, tell, stop)

        seen, held = read(0, "seen.npy", 0), read(1, "held.npy", len(parts[0]))
        if stop is not None and stop.is_set():
            return None
        count, theirs = len(seen.pixels), np.concatenate([seen.teacher, held.teacher])
        check_enough(len(theirs), LEAST, failed, "better thousands")
        theirs = augment_all(theirs, expand) if expand else theirs
        targets = turned(theirs[:count], seen.student)
        head = fit_map(seen.student, targets, validation_rows(count, plan))
        after = _described(before, [encoder.spec for encoder in encoders], target, expand, count)
        trained = train_graph(
            folded(graph, before.picture, head),
            after.picture,
            seen.pixels,
            targets,
            folder,
            plan,
            device=device,
            on_prepared=partial(on_stage, "preparing"),
            on_step=partial(on_stage, "training"),
            stop=stop,
        )
        if trained is None:
            return None
        _write(trained, place.folder / _GRAPH)
        draft = DescribedEncoder(after, OnnxSession(place.folder / _GRAPH, settings))
        vectors = (held.student, head(held.student), draft.encode(list(held.pixels)))
        was, mapped, now = (likeness(each, theirs[count:]) for each in vectors)
        if now.correlation <= was.correlation or now.overlap < was.overlap:
            shutil.rmtree(folder, ignore_errors=True)
            raise _refused(was, now)
        spec = place.finish(after)
    shutil.rmtree(folder, ignore_errors=True)
    return Distilled(spec, was, mapped, now, len(held.pixels), trained.curve, trained.best, len(theirs), failed)


def _read(
    teacher: "Encoder",
    student: "Encoder",
    pictures: Sequence[Source],
    settings: "Settings",
    file: Path,
    failed: list[tuple[str, str]],
    on_read: Callable[[int], None],
    stop: threading.Event | None,
) -> _Seen:
    """Return pictures and vectors, the pictures in ``file``; fewer when stopped. What cannot be used is ``failed``."""
    side, done, count = student.spec.input_size, 0, 0
    kept = np.lib.format.open_memmap(file, "w+", np.uint8, (max(1, len(pictures)), side, side, 3))
    vectors: list[list[NDArray[np.float32]]] = [[], []]
    both = (prepared(encoder, pictures, settings) for encoder in (teacher, student))
    for for_teacher, for_student in zip(*both, strict=True):
        good = []
        for (name, large), (_, small) in zip(for_teacher, for_student, strict=True):
            if isinstance(large, np.ndarray) and isinstance(small, np.ndarray):
                good.append((large, small))
            else:
                failed.append((name, str(large)))
        if good:
            vectors[0].append(teacher.encode([large for large, _ in good]))
            vectors[1].append(student.encode([small for _, small in good]))
            kept[count : count + len(good)] = [small for _, small in good]
            count += len(good)
        done += len(for_teacher)
        on_read(done)
        if stop is not None and stop.is_set():
            break
    theirs, ours = (
        np.concatenate([np.empty((0, encoder.spec.dim), np.float32), *found])
        for encoder, found in zip((teacher, student), vectors, strict=True)
    )
    return _Seen(kept[:count], theirs, ours)


def _check_room(folder: Path, pixels: int) -> None:
    """Raise EncoderError where the disk is too full for so many bytes of pictures, and as many of features.

    They are written through the memory, where a full disk would end the process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise EncoderError(
            f"cannot write {folder} ({error.strerror}): set YUNMENG_CACHE_DIR to another folder"
        ) from error
    if free < 2 * pixels:
        raise EncoderError(
            f"{folder} has {free / 1e9:.1f} GB left, training needs {2 * pixels / 1e9:.1f}: set YUNMENG_CACHE_DIR to a "
            "folder with more"
        )


def _described(
    before: "OnnxDescription", specs: "Sequence[EncoderSpec]", target: str, expand: int, count: int
) -> "OnnxDescription":
    teacher, student = specs
    how = f" with vectors averaged over {expand} neighbours" if expand else ""
    return before.remade(
        target,
        f"{student.name} taught by {teacher.name}{how} on {count} pictures; {student.source}; "
        f"teacher: {teacher.source}",
        folded_tower(before.picture, _GRAPH),
        None,
        licence=" and ".join(dict.fromkeys((student.licence, teacher.licence))),
        text=None,
    )


def _write(trained: Trained, file: Path) -> None:
    model: Any = trained.model
    file.write_bytes(model.SerializeToString(deterministic=True))


def _refused(was: Likeness, now: Likeness) -> EncoderError:
    return EncoderError(
        "no student is made, as it would be no more like its teacher on pictures that were held back: correlation of "
        f"similarities {was.correlation:.4f} -> {now.correlation:.4f}, overlap of the ten nearest {was.overlap:.4f} -> "
        f"{now.overlap:.4f}; give more pictures, or another teacher"
    )
