"""Bodies about background jobs of every kind."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from yunmeng.schemas.common import Request
from yunmeng.types import AttributeType, JobStatus

__all__ = [
    "AugmentOrder",
    "BackupOrder",
    "DeclareOrder",
    "EncoderOut",
    "JobList",
    "JobOrder",
    "JobOut",
    "PalettesOrder",
    "ReencodeOrder",
]


class JobOrder(Request):
    """A job to start in the background."""

    kind: str = Field(
        max_length=32, description="import, reencode, declare, augment, palettes, backup, or an application's."
    )
    arguments: dict[str, JsonValue] = Field({}, description="What the kind takes: docs/http.md has a table.")


class ReencodeOrder(Request):
    """The encoder to move to, and the parts of pictures to encode."""

    encoder: str | None = Field(None, min_length=1, max_length=200, description="Unless given, the one it has.")
    subject: bool | None = Field(None, description="See pictures by their main subject only, or whole.")
    regions: bool | None = Field(None, description="Keep the parts of pictures too, or no longer.")
    drop_missing: bool = Field(False, description="Go on without pictures whose files cannot be read any more.")


class DeclareOrder(Request):
    """The attributes to declare, beside those that are declared."""

    attributes: dict[str, AttributeType | None] = Field(
        min_length=1, max_length=1000, description="Names and types; null declares one no longer."
    )


class AugmentOrder(Request):
    """Second vectors take no arguments."""


class PalettesOrder(Request):
    """Palettes that are missing take no arguments."""


class BackupOrder(Request):
    """The folder to make, in the one that the server's settings name."""

    name: str | None = Field(
        None, pattern=r"^\w[\w.-]{0,99}$", description="Unless given, the library's name and the time."
    )


class EncoderOut(BaseModel):
    """An encoder that the library can be moved to."""

    name: str
    dim: int
    reads_text: bool = Field(description="Whether searches by text can be answered with it.")


class JobOut(BaseModel):
    """A job and its progress."""

    number: int
    kind: str
    arguments: dict[str, Any]
    status: JobStatus = Field(description="interrupted: the server ended before it did.")
    phase: str | None = Field(description="Of a kind that has several, while it runs.")
    done: int = Field(description="Of ``total``, with what was skipped and what failed.")
    total: int | None = Field(description="Null until it is known.")
    skipped: int = Field(0, description="Of these, what was there already.")
    failed: int
    resumable: bool = Field(False, description="Whether it has stopped, and can go on.")
    started_at: datetime
    finished_at: datetime | None
    error: str | None = Field(description="Why it failed as a whole.")


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobOut]
