"""One library on disk: where its parts lie, and ``library.toml``, which says what it is."""

import os
import shutil
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yunmeng.errors import LibraryError, LibraryExists, LibraryFormatError, LibraryNotFound
from yunmeng.search.calibration import Calibration
from yunmeng.stores.registry import DEFAULT_STORE
from yunmeng.types import AttributeType, Enhancement, LibraryMetric

__all__ = ["FORMAT", "EncoderIdentity", "LibraryConfig", "LibraryPaths"]

FORMAT: Final = 3
"""Version of what lies on disk. A change that older code cannot read raises it."""


class EncoderIdentity(BaseModel):
    """The encoder that all vectors of the library come from."""

    model_config = ConfigDict(frozen=True)

    name: str
    dim: int = Field(ge=1)
    sha256: str
    reads_text: bool = False


class LibraryConfig(BaseModel):
    """What ``library.toml`` holds."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1, 2, 3] = FORMAT
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    metric: LibraryMetric = "cosine"
    """What hits are scored by where a question names none."""
    encoder: EncoderIdentity
    store: str = DEFAULT_STORE
    """The URL of what keeps the vectors; libraries of earlier versions name none."""
    enhance: tuple[Enhancement, ...] = ()
    attributes: Mapping[str, AttributeType] = Field(default_factory=dict)
    subject: bool = False
    """Whether pictures are seen by their main subject only."""
    regions: bool = False
    """Whether the parts of pictures are kept too."""
    augmented: bool = False
    """Whether second vectors are kept, each picture's averaged with its neighbours'."""
    generation: int = Field(0, ge=0, alias="edition")
    """How often the library has been encoded anew: each generation has a store of its own."""

    def following(self, encoder: EncoderIdentity, *, subject: bool | None, regions: bool | None) -> "LibraryConfig":
        """The config of the next generation; None leaves something as it is."""
        changes = {"subject": subject, "regions": regions}
        given = {name: value for name, value in changes.items() if value is not None}
        return self.model_copy(
            update={"format": FORMAT, "generation": self.generation + 1, "encoder": encoder, **given}
        )


class LibraryPaths:
    """The paths of one library."""

    def __init__(self, folder: str | Path) -> None:
        if folder == "":
            raise LibraryError("the path of the library is empty: name its folder")  # "" would be the folder we are in
        self.folder = Path(folder)
        self.config = self.folder / "library.toml"
        self.next_config = self.folder / "library.next.toml"
        self.calibration = self.folder / "calibration.json"
        self.contents = self.folder / "contents.json"
        self.state = self.folder / "state.db"
        self.in_hand = self.folder / "in-hand.json"
        self.uploads = self.folder / "uploads"
        self.cache = self.folder / "cache"

    def store(self, generation: int) -> Path:
        """Where the vectors of a generation lie."""
        return self.folder / (f"store-{generation}" if generation else "store")

    def regions(self, generation: int) -> Path:
        """Where the vectors of its pictures' parts lie, if it has such."""
        return self.folder / (f"regions-{generation}" if generation else "regions")

    def augmented(self, generation: int) -> Path:
        """Where the second vectors of its pictures lie, if it has such."""
        return self.folder / (f"augmented-{generation}" if generation else "augmented")

    def exists(self) -> bool:
        """Whether a whole library is here: the config is written last."""
        return self.config.is_file()

    def read_config(self) -> LibraryConfig:
        """Raises `LibraryNotFound`, or `LibraryFormatError` if the config is broken or of another version."""
        try:
            content = tomllib.loads(self.config.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise LibraryNotFound(
                f"no library at {self.folder}: make one with yunmeng index PICTURES --db {self.folder}"
            ) from None
        except (OSError, ValueError) as exc:
            raise LibraryFormatError(f"cannot read {self.config}: {exc}") from exc
        return self._checked(content)

    def read_next_config(self) -> LibraryConfig | None:
        """The config of the generation that is being made; None where there is none, or none that can be read."""
        try:
            return LibraryConfig.model_validate(tomllib.loads(self.next_config.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def _checked(self, content: dict[str, Any]) -> LibraryConfig:
        found = content.get("format")
        if isinstance(found, int) and found > FORMAT:
            raise LibraryFormatError(f"{self.folder} has format {found}, this Yunmeng reads {FORMAT}: update Yunmeng")
        try:
            return LibraryConfig.model_validate(content)
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise LibraryFormatError(f"{self.config} is broken at {where}: {first['msg']}") from exc

    def prepare(self) -> Self:
        """Make the folder ready for a new library, clearing what a creation that was killed has left.

        Raises `LibraryExists`, or `LibraryError` if the folder holds anything else or cannot be written.
        """
        if self.exists():
            raise LibraryExists(f"{self.folder} holds a library already: open it, or choose another folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            others = [child.name for child in self.folder.iterdir() if not self._ours(child)]
            if others:
                raise LibraryError(
                    f"{self.folder} is not empty ({others[0]}): choose a folder of its own for a library"
                )
            for left in self.stores(0):
                if left.exists():
                    shutil.rmtree(left)
        except OSError as exc:
            raise LibraryError(f"cannot make a library at {self.folder}: {exc.strerror}") from exc
        return self

    def write_config(self, config: LibraryConfig) -> None:
        """Write ``library.toml`` in one step, after which the library exists, and is of that config's generation."""
        self._write(self.config, config)
        self.next_config.unlink(missing_ok=True)

    def write_next_config(self, config: LibraryConfig) -> None:
        """Write down which generation is being made."""
        self._write(self.next_config, config)

    def read_calibration(self, generation: int) -> Calibration | None:
        """What was learnt of the scores of ``generation``; None where nothing was."""
        try:
            learnt = Calibration.model_validate_json(self.calibration.read_bytes())
        except (OSError, ValueError):
            return None
        return learnt if learnt.edition == generation else None

    def write_calibration(self, learnt: Calibration) -> None:
        """Keep what was learnt."""
        _put(self.calibration, learnt.model_dump_json(indent=1))

    def stores(self, generation: int) -> tuple[Path, ...]:
        """The places of all stores that a generation may have."""
        return self.store(generation), self.regions(generation), self.augmented(generation)

    def _write(self, place: Path, config: LibraryConfig) -> None:
        import tomli_w

        _put(place, tomli_w.dumps(config.model_dump(mode="json", by_alias=True)))

    def _ours(self, child: Path) -> bool:
        ours = (*self.stores(0), self.cache, self.config.with_suffix(".draft"))
        return child in ours or child.name.startswith(self.state.name)


def _put(place: Path, text: str) -> None:
    """Write a file in one step: it is there whole or as it was before."""
    draft = place.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, place)  # noqa: PTH105  pathlib's replace reads as a text operation
