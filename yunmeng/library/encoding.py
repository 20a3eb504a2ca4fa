"""The encoder of a library, loaded when first needed, and the preparation of pictures and words for it."""

from functools import cached_property
from typing import TYPE_CHECKING, cast

from yunmeng.encoders.catalogue import get_spec, load
from yunmeng.encoders.crops.views import Views
from yunmeng.encoders.protocol import Encoder, TextEncoder
from yunmeng.encoders.text.bridge import words_for
from yunmeng.errors import EncoderMismatch
from yunmeng.ingest.runners.protocol import Setup
from yunmeng.library.config import EncoderIdentity, LibraryConfig
from yunmeng.search.cache.environment import environment
from yunmeng.search.cache.query_vectors import CachedTexts, QueryVectors
from yunmeng.search.query import Embedder

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import EncoderSpec
    from yunmeng.library.resources import LibraryResources

__all__ = ["Encoding", "identify"]


class Encoding:
    """Encodes pictures and words as ``config`` says. Threads may share it; search by id and `info` load no encoder.

    ``encoder`` is one of the caller's own; None loads the one that ``config`` names. Raises `EncoderMismatch` if the
    two differ.
    """

    def __init__(self, config: LibraryConfig, resources: "LibraryResources", encoder: Encoder | None = None) -> None:
        self._config = config
        self._resources = resources
        self._given = None if encoder is None else _checked(encoder, config)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder as it is, for whole batches."""
        if self._given is not None:
            return self._given
        return _checked(load(self._config.encoder.name, self._resources.settings), self._config)

    def given_for(self, config: LibraryConfig) -> Encoder | None:
        """Return the caller's own encoder, if ``config`` names it too."""
        given = self._given
        return given if given is not None and _identity(given.spec) == _identity(config.encoder) else None

    @property
    def setup(self) -> Setup:
        """What another process needs to decode and encode pictures as this one does; loads no encoder."""
        config = self._config
        encoder = config.encoder.name if self._given is None else self._given
        return Setup(encoder, self._resources.settings, config.enhance, config.subject, config.regions)

    @cached_property
    def query_encoder(self) -> Encoder:
        """The encoder of queries and added pictures, which are encoded one by one."""
        return self._resources.wrap_encoder(self.encoder)

    @cached_property
    def texts(self) -> TextEncoder | None:
        """The encoder of words; None if words have no vectors here."""
        if self._config.encoder.reads_text:
            return CachedTexts(cast(TextEncoder, self.encoder), self._vectors)  # which its spec promises
        return words_for(self.encoder.spec)

    @cached_property
    def embedder(self) -> Embedder:
        """The encoder of queries."""
        return Embedder(self.query_encoder, self.views, self._resources.read, self._vectors)

    @cached_property
    def views(self) -> Views:
        """The parts of a picture that are encoded."""
        return self.setup.views(self.encoder)

    @cached_property
    def _vectors(self) -> QueryVectors:
        resources, config = self._resources, self._config
        return QueryVectors(
            resources.caches.vectors, self.encoder.spec, config.enhance, config.subject, environment(resources.settings)
        )


def _identity(spec: "EncoderSpec | EncoderIdentity") -> tuple[str, int, str]:
    return spec.name, spec.dim, spec.sha256


def identify(encoder: str | Encoder, settings: "Settings") -> EncoderIdentity:
    """Return the identity of an encoder: a name of the catalogue, or an encoder of the caller's own.

    Raises `UnknownEncoder`.
    """
    return EncoderIdentity.of(get_spec(encoder, settings) if isinstance(encoder, str) else encoder.spec)


def _checked(encoder: Encoder, config: LibraryConfig) -> Encoder:
    """``encoder``, if it is the one that ``config`` names. Vectors of another would be compared with no meaning."""
    spec, bound = encoder.spec, config.encoder
    if _identity(spec) != _identity(bound):
        raise EncoderMismatch(
            f"the library is bound to {bound.name} ({bound.dim}-d, weights {bound.sha256[:12]}), this is {spec.name} "
            f"({spec.dim}-d, weights {spec.sha256[:12]}): move the library to it with yunmeng reencode"
        )
    return encoder
