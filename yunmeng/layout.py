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
from yunmeng.types import AttributeType, Enhancement

__all__ = ["FORMAT", "Card", "EncoderCard", "Layout"]

FORMAT: Final = 1
"""Version of the layout. A change that older code cannot read raises it."""


class EncoderCard(BaseModel):
    """The encoder that all vectors of the library come from."""

    model_config = ConfigDict(frozen=True)

    name: str
    dim: int = Field(ge=1)
    sha256: str


class Card(BaseModel):
    """What ``library.toml`` holds."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = FORMAT
    created: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    metric: Literal["cosine"] = "cosine"
    encoder: EncoderCard
    enhance: tuple[Enhancement, ...] = ()
    attributes: Mapping[str, AttributeType] = Field(default_factory=dict)


class Layout:
    """The paths of one library."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.card = self.folder / "library.toml"
        self.store = self.folder / "store"
        self.state = self.folder / "state.db"
        self.uploads = self.folder / "uploads"
        self.cache = self.folder / "cache"

    def exists(self) -> bool:
        """Whether a whole library is here: the card is written last."""
        return self.card.is_file()

    def read_card(self) -> Card:
        """Raises `LibraryNotFound`, or `LibraryFormatError` if the card is broken or of another version."""
        try:
            content = tomllib.loads(self.card.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise LibraryNotFound(
                f"no library at {self.folder}: make one with yunmeng index PICTURES --db {self.folder}"
            ) from None
        except (OSError, ValueError) as exc:
            raise LibraryFormatError(f"cannot read {self.card}: {exc}") from exc
        return self._checked(content)

    def _checked(self, content: dict[str, Any]) -> Card:
        found = content.get("format")
        if isinstance(found, int) and found > FORMAT:
            raise LibraryFormatError(f"{self.folder} has format {found}, this Yunmeng reads {FORMAT}: update Yunmeng")
        try:
            return Card.model_validate(content)
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise LibraryFormatError(f"{self.card} is broken at {where}: {first['msg']}") from exc

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
            if self.store.exists():
                shutil.rmtree(self.store)
        except OSError as exc:
            raise LibraryError(f"cannot make a library at {self.folder}: {exc.strerror}") from exc
        return self

    def write_card(self, card: Card) -> None:
        """Write ``library.toml`` in one step, after which the library exists."""
        import tomli_w

        draft = self.card.with_suffix(".draft")
        draft.write_text(tomli_w.dumps(card.model_dump(mode="json")), encoding="utf-8")
        os.replace(draft, self.card)  # noqa: PTH105  pathlib's replace reads as a text operation

    def _ours(self, child: Path) -> bool:
        ours = (self.store, self.cache, self.card.with_suffix(".draft"))
        return child in ours or child.name.startswith(self.state.name)
