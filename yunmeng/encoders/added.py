"""The models that a user has added: ``models_dir/NAME/model.toml`` beside its files."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from yunmeng.config import Settings
from yunmeng.encoders.described_encoder import DescribedEncoder, Reader
from yunmeng.encoders.description import DESCRIPTION, Description, OnnxDescription, read_description
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.tokenising import Tokeniser
from yunmeng.errors import EncoderError, WeightsError

__all__ = [
    "added_names",
    "check_files",
    "file_digest",
    "find_added",
    "model_bytes",
    "model_folder",
    "open_described",
    "remove_added",
]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def model_folder(name: str, settings: Settings) -> Path:
    """Return where a model of this name lies or would lie. Raises EncoderError for a name that no model can have."""
    if not _NAME.fullmatch(name):
        raise EncoderError(f"a model cannot be called {name!r}: use up to 100 letters, digits and . _ + - ")
    return settings.models_dir / name


def added_names(settings: Settings) -> Iterator[str]:
    """Yield the names of the added models, whole or broken, in alphabetical order."""
    try:
        folders = sorted(settings.models_dir.iterdir())
    except OSError:  # not there yet, or not to be read: either way no model can be used
        return
    yield from (folder.name for folder in folders if _NAME.fullmatch(folder.name) and (folder / DESCRIPTION).is_file())


def find_added(name: str, settings: Settings) -> Description | None:
    """Return the description of an added model, or None where there is none of this name.

    Raises EncoderError when ``model.toml`` is broken. Does not look at the model's other files.
    """
    if not _NAME.fullmatch(name) or not (settings.models_dir / name / DESCRIPTION).is_file():
        return None
    file = settings.models_dir / name / DESCRIPTION
    description = read_description(file)
    if description.name != name:
        raise EncoderError(f"{file} is broken at name: it says {description.name!r}, its folder is {name!r}")
    if missing := [needed for needed in description.named_files if needed not in description.files]:
        raise EncoderError(f"{file} is broken at files: there is no SHA-256 of {missing[0]}; {_again(name)}")
    return description


def check_files(description: Description, folder: Path) -> None:
    """Check that every file of the model is there and is the one that was added. Raises WeightsError."""
    for name, expected in description.files.items():
        file = folder / name
        try:
            found = file_digest(file)
        except OSError as error:
            raise WeightsError(f"cannot read {file} ({error.strerror}): {_again(description.name)}") from error
        if found != expected:
            raise WeightsError(
                f"{file} is not the file that was added (its SHA-256 is another): {_again(description.name)}"
            )


def open_described(description: OnnxDescription, folder: Path, settings: Settings) -> DescribedEncoder:
    """Return the encoder on the files in ``folder``, which are not checked; see `check_files`."""
    picture, text = description.picture, description.text

    def open_reader() -> Reader:
        assert text is not None  # the encoder asks for it only where there is one
        tokeniser = Tokeniser(folder / text.tokenizer, text)
        return Reader(tokeniser, OnnxSession(folder / text.file, settings, text.input))

    session = OnnxSession(folder / picture.file, settings, picture.input, encoder=description.spec.sha256)
    return DescribedEncoder(description, session, open_reader)


def model_bytes(name: str, settings: Settings) -> int:
    """Return the size of an added model on disk, in bytes."""
    return sum(file.stat().st_size for file in model_folder(name, settings).iterdir() if file.is_file())


def remove_added(name: str, settings: Settings) -> None:
    """Delete an added model and all its files. Raises EncoderError when there is none, or it cannot be deleted."""
    folder = model_folder(name, settings)
    if not (folder / DESCRIPTION).is_file():
        raise EncoderError(f"no model {name} was added: see: yunmeng models list")
    try:
        (folder / DESCRIPTION).unlink()  # first, so that half of a model is none
        shutil.rmtree(folder)
    except OSError as error:
        raise EncoderError(f"cannot delete {folder}: {error.strerror}") from error


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits. Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _again(name: str) -> str:
    return f"add it again: yunmeng models remove {name}, then yunmeng models add ..."
