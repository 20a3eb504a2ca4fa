"""The settings: one typed object, built once and passed down.

Every setting can be given as an environment variable with the prefix ``YUNMENG_`` (``YUNMENG_THREADS=4``).
"""

import os
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from yunmeng.errors import SettingsError

__all__ = ["Settings", "cores"]


def cores() -> int:
    """Cores that this process may use, which in a container or under taskset are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """What can be set from outside. Built once, at a face, and passed down."""

    model_config = SettingsConfigDict(env_prefix="YUNMENG_", frozen=True, extra="ignore")

    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("yunmeng", appauthor=False)),
        description="Folder for what can be built again, such as ONNX graphs. Safe to delete.",
    )
    provider: Literal["cpu", "cuda", "tensorrt", "openvino", "coreml"] = Field(
        "cpu", description="ONNX Runtime execution provider that runs the encoder."
    )
    threads: int = Field(0, ge=0, description="Threads of the encoder; 0 takes one for each core.")
    precision: Literal["fp32", "fp16"] = Field(
        "fp32", description="How the encoder's weights are stored on disk; fp16 halves the file, sums stay FP32."
    )
    batch_size: int = Field(
        32, ge=1, le=1024, description="Pictures in one encoder batch, written and acknowledged together."
    )
    max_pixels: int = Field(
        200_000_000,
        ge=1,
        description="Largest picture that is decoded, in pixels; a guard against decompression bombs.",
    )
    max_file_bytes: int = Field(500_000_000, ge=1, description="Largest picture file that is read, in bytes.")
    url_timeout: float = Field(20.0, gt=0, description="Seconds that fetching one URL may take, redirects included.")
    url_max_bytes: int = Field(50_000_000, ge=1, description="Largest body that is fetched from a URL, in bytes.")

    @classmethod
    def load(cls) -> Self:
        """The settings as the environment gives them. Raises `SettingsError` in one line if one of them is wrong."""
        try:
            return cls()
        except ValidationError as exc:
            first = exc.errors()[0]
            raise SettingsError(f"YUNMENG_{str(first['loc'][0]).upper()} is wrong: {first['msg']}") from exc
