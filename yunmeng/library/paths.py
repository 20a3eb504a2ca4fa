"""Paths of one library's parts on disk."""

import os
import shutil
from pathlib import Path
from typing import Self

from yunmeng.errors import LibraryError, LibraryExists

__all__ = ["LibraryPaths", "put"]


class LibraryPaths:
    """The paths of one library."""

    def __init__(self, folder: str | Path) -> None:
        if folder == "":
            raise LibraryError("the path of the library is empty: name its folder")  # "" would be the folder we are in
        self.folder = Path(folder)
        self.config = self.folder / "library.toml"
        self.next_config = self.folder / "library.next.toml"
        self.calibration = self.folder / "calibration.json"
        self.bands = self.folder / "bands.json"
        self.contents = self.folder / "contents.json"
        self.state = self.folder / "state.db"
        self.in_hand = self.folder / "in-hand.json"
        self.uploads = self.folder / "uploads"
        self.cache = self.folder / "cache"

    def store(self, generation: int) -> Path:
        """Return where the vectors of a generation lie."""
        return self.folder / (f"store-{generation}" if generation else "store")

    def regions(self, generation: int) -> Path:
        """Return where the vectors of its pictures' parts lie, if it has such."""
        return self.folder / (f"regions-{generation}" if generation else "regions")

    def augmented(self, generation: int) -> Path:
        """Return where the second vectors of its pictures lie, if it has such."""
        return self.folder / (f"augmented-{generation}" if generation else "augmented")

    def exists(self) -> bool:
        """Return whether a whole library is here: ``library.toml`` is written last."""
        return self.config.is_file()

    def prepare(self) -> Self:
        """Prepare the folder for a new library, and clear what a creation that was killed has left.

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

    def stores(self, generation: int) -> tuple[Path, ...]:
        """Return the places of all stores that a generation may have."""
        return self.store(generation), self.regions(generation), self.augmented(generation)

    def _ours(self, child: Path) -> bool:
        draft = child.name.startswith(f"{self.config.stem}.") and child.suffix == ".draft"
        return draft or child in (*self.stores(0), self.cache) or child.name.startswith(self.state.name)


def put(place: Path, content: str | bytes) -> None:
    """Write a file in one step, text in UTF-8: it is there whole or as it was before."""
    draft = place.with_suffix(f".{os.getpid()}.draft")  # of this process: others may write to a folder that is shared
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(draft, place)  # noqa: PTH105  pathlib's replace reads as a text operation
