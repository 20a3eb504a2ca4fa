"""Pruning: an encoder whose network has fewer channels, and so is smaller and faster, as an encoder of its own.

The network is cut and fitted on pictures of the user's own, without labels and without PyTorch (`pruner`). With
PyTorch, it is then trained for a short time to give the vectors of the whole one (Hinton, Vinyals and Dean, "Distilling
the Knowledge in a Neural Network", 2015). A part of the pictures is used for neither; on these the result is judged.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.encoders.added import model_folder
from yunmeng.encoders.adding import workplace
from yunmeng.encoders.catalogue import load, network_of
from yunmeng.encoders.compress.graphs import picture_graph
from yunmeng.encoders.compress.pruner import Pruner
from yunmeng.encoders.described_encoder import DescribedEncoder, as_input
from yunmeng.encoders.fitting import OnEncoded, Source, read_pictures, spread
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.errors import EncoderError, MissingExtra

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from yunmeng.config import Settings
    from yunmeng.encoders.compress.training import Plan
    from yunmeng.encoders.description import OnnxDescription
    from yunmeng.encoders.protocol import Encoder, EncoderSpec

__all__ = ["LEAST", "READ_MOST", "Pruned", "prune", "training_plan"]

LEAST: Final = 100
"""Pictures that are needed at least: the widest layers have a thousand channels, whose covariances must be known."""
READ_MOST: Final = 2000
"""Pictures that are used at most; they are held in memory as the network takes them, 200 kB each."""

_FITTED_MOST: Final = 400  # pictures for least squares: more change little
_TRIED_MOST: Final = 32  # pictures that say what each chain is worth to the vectors
_HELD_MOST: Final = 200  # pictures that the result is judged on
_HELD_BACK: Final = 4  # one picture of so many, up to that
_BATCH: Final = 32
_RATE: Final = 1e-5  # with 3e-5 and more, fitted networks came no nearer in two epochs, or went away
_GRAPH: Final = "picture.onnx"


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruned encoder.

    ``cosine`` is the mean between its vectors and those of the whole encoder, of pictures that were not used for it,
    ``least`` the least of them, ``fitted`` the mean before training, None where it was not trained. ``kept`` is the
    share of the multiplications that is left, ``multiplications`` their number before, for one picture; ``channels``
    are left of ``channels_before`` that could be cut. ``failed`` holds name and reason of pictures that could not be
    used; sizes are in bytes.
    """

    spec: "EncoderSpec"
    cosine: float
    least: float
    fitted: float | None
    kept: float
    multiplications: int
    channels_before: int
    channels: int
    pictures: int
    failed: list[tuple[str, str]]
    size_before: int
    size: int


class _Stopped(Exception):
    """The caller wants no more of it."""


def _until(stop: threading.Event | None, on_done: OnEncoded) -> OnEncoded:
    """Return what calls ``on_done``, and raises _Stopped when ``stop`` is set."""

    def tell(done: int, total: int) -> None:
        on_done(done, total)
        if stop is not None and stop.is_set():
            raise _Stopped

    return tell


def _can_train() -> bool:
    """Say whether PyTorch is installed."""
    return find_spec("torch") is not None


def training_plan(epochs: int) -> "Plan":
    """Return how a pruned network is trained: all of it, in small batches and by small steps."""
    from yunmeng.encoders.compress.training import Plan

    return Plan(epochs=epochs, batch=_BATCH, rate=_RATE, frozen=0.0)


def prune(
    name: str,
    keep: float,
    settings: "Settings",
    pictures: Sequence[Source],
    *,
    epochs: int = 0,
    new_name: str | None = None,
    on_encoded: OnEncoded = lambda _done, _total: None,
    on_cut: OnEncoded = lambda _done, _total: None,
    on_trained: OnEncoded = lambda _done, _total: None,
    stop: threading.Event | None = None,
) -> Pruned | None:
    """Prune the network for pictures of an encoder, and keep the result as a model.

    Returns None when ``stop`` was set. The same call then prunes again, and goes on with the training from the last
    checkpoint, which lies in ``settings.cache_dir`` until the model is made.

    Args:
        name: A built-in encoder, or a model that was added.
        keep: The share of the network's multiplications that is left at most, above 0 and below 1.
        settings: Say where models lie.
        pictures: At least `LEAST`, of the kind that will be searched; up to `READ_MOST` are used, from all.
        epochs: How often each picture is trained on afterwards, with PyTorch; 0 does not train.
        new_name: By default the encoder's, with ``-pruned`` and the share in per cent.
        on_encoded: Called as pictures are read.
        on_cut: Called as layers are looked at, and fitted.
        on_trained: Called as the network is trained.
        stop: Ends the work after a step.

    Raises:
        EncoderError: The encoder cannot be pruned, or not so far; the name is taken; there are too few pictures.
        MissingExtra: ``epochs`` are asked for and PyTorch is not installed.
    """
    if not 0 < keep < 1:
        raise EncoderError(f"the share to keep must be above 0 and below 1, such as 0.7, not {keep:g}")
    if epochs and not _can_train():
        raise MissingExtra("training", "train")
    encoder = load(name, settings)
    before, graph = network_of(name, settings)
    target = new_name or f"{name}-pruned{round(100 * keep)}"
    checkpoints = settings.cache_dir / "pruning" / target
    on_encoded, on_cut = _until(stop, on_encoded), _until(stop, on_cut)
    with suppress(_Stopped), workplace(target, settings) as place, tempfile.TemporaryDirectory() as drafts:
        model = picture_graph(graph, before.picture)
        used, failed = read_pictures(encoder, spread(pictures, READ_MOST), settings, LEAST, on_encoded)
        held, rest = _parted(np.stack(used))
        likeness = _Likeness(encoder, before, settings, Path(drafts) / _GRAPH)
        near = likeness.on(_some(_learnt(rest), _TRIED_MOST))
        shown = as_input(_some(_learnt(rest), _FITTED_MOST), before.picture)
        pruner = Pruner(model, shown, lambda one: 1 - float(near(one).mean()), settings, on_cut)
        channels = pruner.allocated(keep)
        kept = pruner.work.of(channels) / pruner.work.whole
        if kept > keep:
            raise EncoderError(
                f"only channels between two convolutions can be cut out, and {100 * kept:.0f} % of the multiplications "
                f"are left even so: take --keep {np.ceil(100 * kept) / 100:.2f} or more"
            )
        small = pruner.pruned(channels, on_cut)
        judge = likeness.on(held)
        cosines, fitted = judge(small), None
        if epochs:
            trained = _trained(small, encoder, before, rest, checkpoints, epochs, on_trained, stop)
            found, fitted = judge(trained), float(cosines.mean())
            if found.mean() > cosines.mean():
                small, cosines = trained, found
        (place.folder / _GRAPH).write_bytes(small.SerializeToString())
        place.bring_words(before)
        fitted_how = "fitted and trained" if epochs else "fitted"
        how = f"pruned to {100 * kept:.0f} % of its multiplications, {fitted_how} on {len(rest)} pictures"
        spec = place.finish(before.remade_alike(encoder.spec, target, how, _GRAPH))
        shutil.rmtree(checkpoints, ignore_errors=True)
        return Pruned(
            spec=spec,
            cosine=float(cosines.mean()),
            least=float(cosines.min()),
            fitted=fitted,
            kept=kept,
            multiplications=pruner.work.whole,
            channels_before=sum(chain.channels for chain in pruner.chains),
            channels=sum(channels),
            pictures=len(used),
            failed=failed,
            size_before=model.ByteSize(),
            size=(model_folder(target, settings) / _GRAPH).stat().st_size,
        )
    return None


def _trained(
    small: "onnx.ModelProto",
    encoder: "Encoder",
    before: "OnnxDescription",
    pixels: "NDArray[np.uint8]",
    folder: Path,
    epochs: int,
    on_trained: OnEncoded,
    stop: threading.Event | None,
) -> "onnx.ModelProto":
    from yunmeng.encoders.compress.training import train_graph

    targets = encoder.encode(list(pixels))
    plan = training_plan(epochs)
    trained = train_graph(small, before.picture, pixels, targets, folder, plan, on_step=on_trained, stop=stop)
    if trained is None:
        raise _Stopped
    return trained.model


class _Likeness:
    """How near the vectors of a pruned network are to those of the whole encoder."""

    def __init__(self, encoder: "Encoder", description: "OnnxDescription", settings: "Settings", draft: Path) -> None:
        self._encoder = encoder
        self._description = description
        self._settings = settings
        self._draft = draft

    def on(self, pixels: "NDArray[np.uint8]") -> "Callable[[onnx.ModelProto], NDArray[np.float32]]":
        """Return what gives, for a network, the cosine of each picture's vector to the whole encoder's."""
        exact = self._encoder.encode(list(pixels))

        def cosines(model: "onnx.ModelProto") -> "NDArray[np.float32]":
            self._draft.write_bytes(model.SerializeToString())
            session = OnnxSession(self._draft, self._settings, self._description.picture.input)
            found = DescribedEncoder(self._description, session).encode(list(pixels))
            return np.asarray((found * exact).sum(axis=1))

        return cosines


def _parted(pixels: "NDArray[np.uint8]") -> "tuple[NDArray[np.uint8], NDArray[np.uint8]]":
    """Return the pictures that are held back, and the others: both are spread over all of them."""
    count = min(len(pixels) // _HELD_BACK, _HELD_MOST)
    held = np.zeros(len(pixels), bool)
    held[np.arange(count) * len(pixels) // count] = True
    return pixels[held], pixels[~held]


def _learnt(pixels: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return the pictures without those by which training finds its best epoch: the network before training counts as
    one, and would look better than it is on pictures that it was fitted on."""
    validate = training_plan(0).validate
    learnt: NDArray[np.uint8] = pixels[np.arange(len(pixels)) % validate != validate - 1]
    return learnt


def _some(pixels: "NDArray[np.uint8]", most: int) -> "NDArray[np.uint8]":
    return pixels[np.arange(most) * len(pixels) // most] if len(pixels) > most else pixels
