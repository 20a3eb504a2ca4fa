"""Configuration of one library: ``library.toml`` says what the library is, and is written last, in one step."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yunmeng.errors import LibraryFormatError, LibraryNotFound
from yunmeng.library.paths import put
from yunmeng.state.backend import DEFAULT_STATE
from yunmeng.stores.registry import DEFAULT_STORE
from yunmeng.stores.schema import check_schema
from yunmeng.types import AttributeType, Enhancement, LibraryMetric

if TYPE_CHECKING:
    from pathlib import Path

    from yunmeng.encoders.protocol import EncoderSpec
    from yunmeng.library.paths import LibraryPaths

__all__ = ["FORMAT", "EncoderIdentity", "LibraryConfig", "read_config", "read_next_config", "write_config"]

FORMAT: Final = 3
"""Version of what lies on disk. A change that older code cannot read raises it."""


class EncoderIdentity(BaseModel):
    """The encoder that all vectors of the library come from."""

    model_config = ConfigDict(frozen=True)

    name: str
    dim: int = Field(ge=1)
    sha256: str
    reads_text: bool = False
    origin: str = ""
    """The encoder that it was made of, in whose space its vectors lie; empty where there is none."""

    @classmethod
    def of(cls, spec: "EncoderSpec") -> Self:
        """Return the identity of the encoder that ``spec`` describes."""
        origin = spec.origin.name if spec.origin else ""
        return cls(name=spec.name, dim=spec.dim, sha256=spec.sha256, reads_text=spec.reads_text, origin=origin)


class LibraryConfig(BaseModel):
    """The content of ``library.toml``."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1, 2, 3] = FORMAT
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    metric: LibraryMetric = "cosine"
    """Scores hits where a question names none."""
    encoder: EncoderIdentity
    store: str = DEFAULT_STORE
    """The URL of what keeps the vectors; libraries of earlier versions name none."""
    state: str = DEFAULT_STATE
    """The URL of what keeps all else: jobs, keys, what applications note. Without a password."""
    enhance: tuple[Enhancement, ...] = ()
    attributes: Mapping[str, AttributeType] = Field(default_factory=dict)
    subject: bool = False
    """Pictures are cut to their main subject."""
    regions: bool = False
    """The parts of pictures are kept too."""
    augmented: bool = False
    """Second vectors are kept, each picture's averaged with its neighbours'."""
    generation: int = Field(0, ge=0, alias="edition")
    """Counts how often the library was encoded again: each generation has a store of its own."""

    @property
    def state_shared(self) -> bool:
        """True where the state lies in a database that many processes have open."""
        return self.state != DEFAULT_STATE

    def next_generation(
        self, encoder: EncoderIdentity, *, subject: bool | None, regions: bool | None
    ) -> "LibraryConfig":
        """Return the configuration of the next generation; None leaves something as it is."""
        changes = {"subject": subject, "regions": regions}
        given = {name: value for name, value in changes.items() if value is not None}
        fixed = {"format": FORMAT, "generation": self.generation + 1, "encoder": encoder}
        return self.model_copy(update={**fixed, **given})

    def declaring(self, attributes: Mapping[str, AttributeType | None]) -> "LibraryConfig":
        """Return the configuration of a generation with these attributes too; None declares one no longer.

        Raises `SchemaError`.
        """
        merged = {name: type for name, type in {**self.attributes, **attributes}.items() if type is not None}
        fixed = {"format": FORMAT, "generation": self.generation + 1}
        return self.model_copy(update={**fixed, "attributes": check_schema(merged)})

    def vector_facts(self) -> dict[str, Any]:
        """Return what the vectors of pictures depend on, for files that are made of them."""
        parts = {"created", "encoder", "enhance", "subject"}
        return self.model_dump(mode="json", include=parts)

    def same_vectors(self, other: "LibraryConfig") -> bool:
        """Return whether the vectors of both are the same: only what is declared differs."""
        return not self.model_copy(update={"attributes": other.attributes}).differs_from(other)

    def differs_from(self, other: "LibraryConfig") -> bool:
        """Return whether the two describe different vectors: number of generation and format do not count."""
        return self.model_copy(update={"generation": other.generation, "format": other.format}) != other


def read_config(paths: "LibraryPaths") -> LibraryConfig:
    """Read ``library.toml``.

    Raises `LibraryNotFound`, or `LibraryFormatError` if it is broken or of another version.
    """
    try:
        content = tomllib.loads(paths.config.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise LibraryNotFound(
            f"no library at {paths.folder}: make one with yunmeng index PICTURES --db {paths.folder}"
        ) from None
    except (OSError, ValueError) as exc:
        raise LibraryFormatError(f"cannot read {paths.config}: {exc}") from exc
    return _checked(content, paths)


def read_next_config(paths: "LibraryPaths") -> LibraryConfig | None:
    """Read the configuration of the generation that is being made; None where there is none that can be read."""
    try:
        return LibraryConfig.model_validate(tomllib.loads(paths.next_config.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def write_config(paths: "LibraryPaths", config: LibraryConfig) -> None:
    """Write ``library.toml`` in one step, after which the library exists, and is of that generation."""
    _write(paths.config, config)
    paths.next_config.unlink(missing_ok=True)


def write_next_config(paths: "LibraryPaths", config: LibraryConfig) -> None:
    """Write down which generation is being made."""
    _write(paths.next_config, config)


def _checked(content: dict[str, Any], paths: "LibraryPaths") -> LibraryConfig:
    found = content.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise LibraryFormatError(f"{paths.folder} has format {found}, this Yunmeng reads {FORMAT}: update Yunmeng")
    try:
        return LibraryConfig.model_validate(content)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LibraryFormatError(f"{paths.config} is broken at {where}: {first['msg']}") from exc


def _write(place: "Path", config: LibraryConfig) -> None:
    import tomli_w

    put(place, tomli_w.dumps(config.model_dump(mode="json", by_alias=True)))
