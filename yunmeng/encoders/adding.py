"""Adding a model: its files are collected in a temporary folder, tried, and put in place whole or not at all."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.config import Settings
from yunmeng.encoders.added import file_digest, model_folder
from yunmeng.encoders.catalogue import built_in_names, open_model
from yunmeng.encoders.description import (
    DESCRIPTION,
    Description,
    OnnxDescription,
    dump_description,
    read_description,
)
from yunmeng.encoders.protocol import Encoder, EncoderSpec, TextEncoder
from yunmeng.errors import EncoderError

__all__ = ["Workplace", "add_described", "add_graph", "try_out", "workplace"]

_DRAFT: Final = ".adding-"
_STALE: Final = 86400.0  # seconds after which a draft must be of a process that was killed
_TOLERANCE: Final = 1e-3  # between a vector alone and in a batch: FP16 graphs round at 5e-4
_EXTERNAL: Final = (".data", "_data")  # what exporters append to a graph's name for weights beyond 2 GB
_SAMPLE_TEXTS: Final = ("a red dress on a chair", "红色连衣裙")


class Workplace:
    """A temporary folder where a model's files are collected; `finish` makes it the model ``name``."""

    def __init__(self, folder: Path, target: Path, settings: Settings) -> None:
        self.folder: Final = folder
        self._target = target
        self._settings = settings

    def bring_words(self, before: OnnxDescription) -> None:
        """Copy the network for words, if there is one, of the model that ``before`` describes."""
        for name in before.text_files:
            shutil.copyfile(model_folder(before.name, self._settings) / name, self.folder / name)

    def finish(self, description: Description) -> EncoderSpec:
        """Write ``model.toml`` with the digests of all files that lie here, try the model, and put it in place.

        Raises EncoderError, which says what is wrong, when the model does not do what its description says.
        """
        files = {file.name: file_digest(file) for file in sorted(self.folder.iterdir()) if file.name != DESCRIPTION}
        for name in description.named_files:
            if name not in files:
                raise EncoderError(f"the file {name} that the description names is not there")
        whole = description.model_copy(update={"files": files})
        (self.folder / DESCRIPTION).write_text(dump_description(whole), encoding="utf-8")
        try_out(open_model(whole, self.folder, self._settings))
        try:
            self.folder.rename(self._target)
        except OSError as error:
            if self._target.exists():
                raise _taken(self._target.name) from error
            raise
        return whole.spec


@contextmanager
def workplace(name: str, settings: Settings) -> Iterator[Workplace]:
    """Make the folder where the model ``name`` is built; it is removed at the end unless it was finished.

    Raises EncoderError when the name is taken or not valid, and when ``models_dir`` cannot be written.
    """
    target = model_folder(name, settings)
    if name in built_in_names() or target.exists():
        raise _taken(name)
    try:
        settings.models_dir.mkdir(parents=True, exist_ok=True)
        _sweep(settings.models_dir)
        folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=settings.models_dir))
    except OSError as error:
        raise _unwritable(settings, error) from error
    try:
        folder.chmod(0o755)  # mkdtemp's 0700 would shut other users out of a shared models_dir
        yield Workplace(folder, target, settings)
    except OSError as error:
        raise _unwritable(settings, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def add_described(source: Path, settings: Settings, name: str | None = None) -> EncoderSpec:
    """Add the model that ``source``, a ``model.toml`` or its folder, describes; ``name`` replaces the one in it.

    The files that it names are copied, and checked against the digests where it gives any. Raises EncoderError.
    """
    file = source / DESCRIPTION if source.is_dir() else source
    description = read_description(file)
    if name is not None:
        description = description.model_copy(update={"name": name})
    with workplace(description.name, settings) as place:
        for needed in sorted({*description.files, *description.named_files}):
            _bring(file.parent / needed, place.folder, description.files.get(needed))
        return place.finish(description)


def add_graph(description: OnnxDescription, file: Path, settings: Settings) -> EncoderSpec:
    """Add an ONNX ``file`` with the description made for it, and the weights that lie beside it as ``file.data``."""
    with workplace(description.name, settings) as place:
        _bring(file, place.folder, None)
        for beside in (file.with_name(f"{file.name}{ending}") for ending in _EXTERNAL):
            if beside.is_file():
                _bring(beside, place.folder, None)
        return place.finish(description)


def try_out(encoder: Encoder) -> None:
    """Encode pictures and, where the encoder reads them, texts.

    Raises EncoderError when the vectors are not finite, have another length than promised, or depend on the rest of the
    batch.
    """
    pictures = [_sample(seed) for seed in (0, 1)]
    _compare(encoder.spec.name, "picture", encoder.encode(pictures), [encoder.encode([p])[0] for p in pictures])
    if encoder.spec.reads_text:
        reader = cast(TextEncoder, encoder)
        together = reader.encode_texts(_SAMPLE_TEXTS)
        _compare(encoder.spec.name, "text", together, [reader.encode_texts([text])[0] for text in _SAMPLE_TEXTS])


def _compare(name: str, what: str, together: NDArray[np.float32], alone: list[NDArray[np.float32]]) -> None:
    lengths = np.linalg.norm(together, axis=1)
    if np.abs(lengths - 1).max() > _TOLERANCE:
        raise EncoderError(
            f"the vectors of {name} have length {lengths[0]:.4g} and not 1: set normalise = true in {DESCRIPTION}"
        )
    if np.abs(together - np.stack(alone)).max() > _TOLERANCE:
        raise EncoderError(
            f"{name} gives a {what} another vector alone than beside another one: export it in evaluation mode"
        )


def _sample(seed: int) -> NDArray[np.uint8]:
    """A smooth picture, neither square nor of any network's size."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((420, 300), Image.Resampling.BICUBIC))


def _bring(file: Path, folder: Path, expected: str | None) -> None:
    if not file.is_file():
        raise EncoderError(f"no such file: {file}, which the description names")
    if expected is not None and file_digest(file) != expected:
        raise EncoderError(f"{file} is not the file that the description means: its SHA-256 is another")
    shutil.copyfile(file, folder / file.name)


def _sweep(models_dir: Path) -> None:
    for draft in models_dir.glob(f"{_DRAFT}*"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > _STALE:
                shutil.rmtree(draft, ignore_errors=True)


def _taken(name: str) -> EncoderError:
    if name in built_in_names():
        return EncoderError(f"{name} is built in: choose another name with --name")
    return EncoderError(f"there is a model {name} already: yunmeng models remove {name}, or another --name")


def _unwritable(settings: Settings, error: OSError) -> EncoderError:
    reason = error.strerror or str(error)
    return EncoderError(
        f"cannot keep a model in {settings.models_dir} ({reason}): set YUNMENG_MODELS_DIR to a folder that can be "
        "written and has room"
    )
