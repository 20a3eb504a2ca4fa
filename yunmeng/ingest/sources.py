"""From the user's arguments to entries: folders, files, manifests and lists of URLs."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from yunmeng.errors import PictureError, SourceError
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.folders import file_entry, folder_entries
from yunmeng.ingest.manifests import MANIFEST_ENDINGS, manifest_entries, url_list_entries
from yunmeng.ingest.roots import Roots
from yunmeng.net.fetch import is_url
from yunmeng.types import AttributeSchema

__all__ = ["Sources"]


class Sources:
    """All that one run is to index, checked once and then walked as often as needed.

    Each of ``paths`` is a folder, a picture, a manifest (.csv, .tsv, .jsonl, .ndjson), a list of URLs (.txt) or a URL.
    ``manifest`` names one more manifest, whose relative paths are looked for in the folders of ``paths`` first; what it
    says about a picture counts, and the folders' other pictures are indexed beside it, without attributes. ``wanted``
    leaves out entries for which it returns False.

    Raises `SourceError` if something is missing, or outside of ``within``, the folders that may be read.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        manifest: str | Path | None,
        schema: AttributeSchema,
        within: Roots | None = None,
        wanted: Callable[[Entry], bool] | None = None,
    ) -> None:
        if not paths and manifest is None:
            raise SourceError("nothing to index: name a folder, a picture, a manifest or a list of URLs")
        if "" in (*paths, manifest):
            raise SourceError("a path is empty: name a folder, a picture, a manifest or a list of URLs")
        self._schema = schema
        self._within = within
        self._wanted = wanted
        self._urls = [str(path) for path in paths if is_url(str(path))]
        self._paths = [Path(path) for path in paths if not is_url(str(path))]
        self._manifest = None if manifest is None else Path(manifest)
        for path in [*self._paths, *([self._manifest] if self._manifest else [])]:
            if within is not None:
                _check(path, within)
            if not path.exists():
                raise SourceError(f"no such file or folder: {path}")
            if not (path.is_file() or path.is_dir()):
                raise SourceError(f"{path} is neither a file nor a folder")
        if self._manifest is not None and self._manifest.suffix.lower() not in MANIFEST_ENDINGS:
            raise SourceError(f"{self._manifest} is no manifest: its name must end in {', '.join(MANIFEST_ENDINGS)}")

    @property
    def names(self) -> list[str]:
        """The arguments of the run, for its record."""
        manifest = [str(self._manifest)] if self._manifest else []
        return [*(str(path) for path in self._paths), *self._urls, *manifest]

    @property
    def fetches(self) -> bool:
        """True where pictures may have to be fetched, so that waiting for the network is to be expected."""
        return bool(self._urls or self._manifest) or any(p.is_file() and _kind(p) != "picture" for p in self._paths)

    @property
    def folders(self) -> list[Path]:
        """The folders that are walked, and those of the files that are named."""
        files = [*self._paths, *([self._manifest] if self._manifest else [])]
        return list(dict.fromkeys(path if path.is_dir() else path.parent for path in files))

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, the manifest's first. A file that several paths reach comes once; ids may still repeat."""
        sources = [filter(self._wanted, source) if self._wanted else source for source in self._each()]
        if len(sources) == 1:  # then uris are distinct already, and need not be remembered
            yield from sources[0]
        else:
            yield from _distinct(sources)

    def count(self) -> int:
        """Return how many entries there are, without files that may turn out not to be pictures."""
        return sum(entry.certain for entry in self.entries())

    def _each(self) -> Iterator[Iterator[Entry]]:
        if self._manifest is not None:
            roots = [path for path in self._paths if path.is_dir()]
            yield manifest_entries(self._manifest, roots, self._schema)
        for path in self._paths:
            yield self._of(path)
        if self._urls:
            yield (Entry(id=url, uri=url) for url in self._urls)

    def _of(self, path: Path) -> Iterator[Entry]:
        match _kind(path):
            case "folder":
                yield from folder_entries(path, self._within)
            case "manifest":
                yield from manifest_entries(path, (), self._schema)
            case "urls":
                yield from url_list_entries(path)
            case _:
                yield file_entry(path)


def _distinct(sources: Sequence[Iterator[Entry]]) -> Iterator[Entry]:
    """Yield what the sources name, without the files that an earlier one has named."""
    earlier: set[str] = set()
    for source in sources:
        named = []
        for entry in source:
            if entry.uri not in earlier:
                named.append(entry.uri)
                yield entry
        earlier.update(named)


def _check(path: Path, within: Roots) -> None:
    try:
        within.check(path)
    except PictureError as exc:
        raise SourceError(exc.detail) from exc


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    ending = path.suffix.lower()
    return "manifest" if ending in MANIFEST_ENDINGS else "urls" if ending == ".txt" else "picture"
