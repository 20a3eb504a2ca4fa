"""The settings: one typed object, built once and passed down.

Every setting can be given as an environment variable with the prefix ``YUNMENG_`` (``YUNMENG_THREADS=4``).
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as PydanticSettingsError

from yunmeng.errors import SettingsError

__all__ = ["MilvusSettings", "ServerSettings", "Settings", "cores"]


def cores() -> int:
    """Return the number of cores that this process may use; containers and taskset may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _FromEnvironment(BaseSettings):
    @classmethod
    def load(cls) -> Self:
        """The settings as the environment gives them. Raises `SettingsError` in one line if one of them is wrong."""
        try:
            return cls()
        except (ValidationError, PydanticSettingsError) as exc:
            prefix = cls.model_config["env_prefix"]
            if isinstance(exc, PydanticSettingsError):
                raise SettingsError(f"a variable {prefix}... is wrong: {exc}") from exc
            first = exc.errors()[0]
            raise SettingsError(f"{prefix}{str(first['loc'][0]).upper()} is wrong: {first['msg']}") from exc


class Settings(_FromEnvironment):
    """All that can be set from outside. Built once, where the program is entered, and passed down."""

    model_config = SettingsConfigDict(env_prefix="YUNMENG_", frozen=True, extra="ignore")

    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("yunmeng", appauthor=False)),
        description="Folder for what can be built again, such as ONNX graphs. Safe to delete.",
    )
    models_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("yunmeng", appauthor=False)) / "models",
        description="Folder of the models that were added with yunmeng models add. Not a cache: keep it.",
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
    decode_memory: int = Field(
        768_000_000,
        ge=1_000_000,
        description="Memory that decoding may take at once, in bytes, over all threads; a picture that needs more is "
        "refused, others wait for their turn.",
    )
    decode_seconds: float = Field(10.0, gt=0, description="Seconds that decoding one picture may take.")
    max_file_bytes: int = Field(500_000_000, ge=1, description="Largest picture file that is read, in bytes.")
    url_timeout: float = Field(
        20.0,
        gt=0,
        description="Seconds that fetching one URL may take, redirects included; to a server, all URLs of a request.",
    )
    private_urls: bool | None = Field(
        None,
        description="Whether URLs may lead to private and local addresses. Unset: on the command line they may, "
        "to a server they may not.",
    )
    url_max_bytes: int = Field(50_000_000, ge=1, description="Largest body that is fetched from a URL, in bytes.")
    cache_entries: int = Field(
        10_000, ge=0, description="Answers, and as many query vectors, that are kept in memory; 0 keeps none there."
    )
    cache_bytes: int = Field(64_000_000, ge=0, description="Memory that either of them may take, in bytes.")
    cache_seconds: float = Field(
        86_400.0,
        ge=0,
        le=31_536_000,
        description="Seconds that they are kept, also in Redis; 0 keeps none. What has changed is never answered.",
    )
    redis_url: str | None = Field(
        None,
        description="Redis that keeps them over a restart: redis://host:6379/0, rediss://... or unix:///path. "
        "Needs the extra redis.",
    )
    tsa_url: str | None = Field(
        None,
        description="Authority that time-stamps the register of works (RFC 3161), an http or https URL. Unset: none. "
        "Needs the extra copyright.",
    )
    tsa_certificates: Path | None = Field(
        None,
        description="PEM file with the root certificates, and any between, by which its time stamps are checked.",
    )
    webhook_url: str | None = Field(
        None,
        description="Address that is told of each copy of a registered work which a watch finds, http or https.",
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Signs what is sent there, by HMAC-SHA256. The receiver must know it too."
    )


class MilvusSettings(_FromEnvironment):
    """How libraries in Milvus reach its server: what must not stand in ``library.toml``."""

    model_config = SettingsConfigDict(env_prefix="YUNMENG_MILVUS_", frozen=True, extra="ignore")

    user: str | None = Field(None, description="User of the Milvus server.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    token: SecretStr | None = Field(None, description="API key, or user:password, in place of the two.")
    ca: Path | None = Field(
        None,
        description="PEM file with the certificates by which a server with tls=true is checked. Unset: the system's.",
    )
    timeout: float = Field(
        30.0, gt=0, description="Seconds that a server may take to answer, or to load its data after a restart."
    )


class ServerSettings(_FromEnvironment):
    """The settings of `yunmeng serve` beside its options."""

    model_config = SettingsConfigDict(env_prefix="YUNMENG_SERVER_", frozen=True, extra="ignore")

    max_body_bytes: int = Field(
        100_000_000,
        ge=1,
        description="Largest body of a request, in bytes; several pictures sent at once count as one.",
    )
    max_json_bytes: int = Field(
        2_000_000,
        ge=1,
        description="Largest body in JSON of a request, in bytes; it holds 200,000 values at most.",
    )
    body_timeout: float = Field(120.0, gt=0, description="Seconds that the body of a request may take to arrive.")
    max_connections: int = Field(
        1000,
        ge=8,
        description="Connections at once; one more ends the one that is silent longest, of the address with the most.",
    )
    max_pixels: int = Field(
        200_000_000,
        ge=1,
        description="Largest picture that the server decodes, in pixels; YUNMENG_MAX_PIXELS holds too.",
    )
    queue: int = Field(
        64, ge=1, description="Requests with pictures to encode that may wait for their turn; more are answered 503."
    )
    batch_wait: float = Field(
        0.003, ge=0, le=1, description="Seconds that a picture waits for others to be encoded with it."
    )
    rate_limit: str = Field(
        "6000/minute", description="Requests that each key may make, as in 100/second or 6000/minute; only with keys."
    )
    allowed_hosts: list[str] = Field(
        [],
        description='Names beside localhost under which a server without keys answers, as JSON: ["photos.lan"]. '
        "Others are refused, so that no web page can reach it under a name of its own.",
    )
    embed_origins: list[Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$")]] = Field(
        [],
        description="Web sites that may show the shop in a frame (/?embed=1) and call its search, as JSON: "
        '["https://shop.example"]. Where keys are needed, everyone may search without one then.',
    )
    import_roots: list[Path] | None = Field(
        None,
        description='Folders that imports may read, links followed, as JSON: ["/srv/photos"]. Unset: none where other '
        "machines can reach the server, all of the disk where they cannot.",
    )
    backups: Path | None = Field(
        None,
        description="Folder into which backups are written that are ordered from the server. Unset: none are.",
    )
    log_queries: bool = Field(True, description="Count the ids, URLs and words of queries, for yunmeng warm.")
    warm: int = Field(
        100,
        ge=0,
        le=10_000,
        description="The most popular questions that a server asks itself at its start; 0 asks none.",
    )
    stop_timeout: int = Field(30, ge=1, description="Seconds that requests under way have to finish on SIGTERM.")
