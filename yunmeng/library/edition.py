"""One edition of a library: a card, the store that was filled by it, and the encoder that it names.

A library that moves to another encoder gets a new edition beside the old one, which answers until the new one is whole.
"""

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

from yunmeng.closing import Closing
from yunmeng.config import Settings
from yunmeng.copies import CopySearch
from yunmeng.encoders import Encoder, TextEncoder, load
from yunmeng.encoders.crops import Views
from yunmeng.encoders.text import words_for
from yunmeng.errors import EncoderMismatch, RecordNotFound
from yunmeng.imaging import limit_decoding
from yunmeng.ingest import Additions, InHand, Intake, Moves, Names, OnTally, Outcome, Pipeline, Roots
from yunmeng.library.layout import Card, Layout
from yunmeng.library.opening import EditionStore, create_store, open_store
from yunmeng.library.originals import Originals
from yunmeng.net.fetch import Fetcher, is_url
from yunmeng.search import CALIBRATED_FROM, Asker, Calibration, Embedder, Sample, fit, read_bytes, sample_scores
from yunmeng.search.cache import Caches, Continuity, digest, ground
from yunmeng.search.cache.cached import CachedAsker
from yunmeng.search.cache.query_vectors import CachedTexts, QueryVectors
from yunmeng.state import State
from yunmeng.types import Record

if TYPE_CHECKING:
    from yunmeng.copies import Verifier

__all__ = ["Edition", "Surroundings"]

T = TypeVar("T")

FEWEST: Final = 20
"""Scores of either kind that a curve can be fitted to."""


class Surroundings(Closing):
    """What all editions of a library share. ``wrap`` is done to the encoder of queries and added pictures."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self.layout: Final = layout
        self.settings: Final = settings
        self.caches: Final = Caches(settings)
        self.in_hand: Final = InHand(layout.in_hand)
        self.originals: Final = Originals(layout, settings, lambda: self.fetcher)
        self.public_only = settings.private_urls is False
        self.wrap: Callable[[Encoder], Encoder] = lambda encoder: encoder
        limit_decoding(memory=settings.decode_memory, seconds=settings.decode_seconds)

    @cached_property
    def fetcher(self) -> Fetcher:
        return Fetcher(self.settings, public_only=self.public_only)

    def read(self, picture: str | Path | bytes) -> bytes:
        """The bytes of a path or a URL, or those that are given. Raises `PictureError`."""
        if isinstance(picture, str) and is_url(picture):
            return self.fetcher.fetch(picture)
        return read_bytes(picture, self.settings)

    @cached_property
    def state(self) -> State:
        """The state database, opened when first needed: a search does without."""
        return State.open(self.layout.state)

    def close(self) -> None:
        for name in ("state", "fetcher"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()
        self.in_hand.close()
        self.caches.close()


class Edition(Closing):
    """An open edition. Threads may share it."""

    def __init__(
        self,
        card: Card,
        store: EditionStore,
        around: Surroundings,
        encoder: Encoder | None,
        contents: Continuity | None = None,
    ) -> None:
        self.card: Final = card
        self.store: Final = store
        self._around = around
        if encoder is not None:
            self.encoder = _bound(encoder, card)
        self._learnt = around.layout.read_calibration(card.edition)
        self._contents = contents or Continuity(around.layout.contents, card.edition)
        self._contents.begin(lambda: store.changes.number)
        self._open = True
        self.asker: Final = Asker(
            store,
            card.encoder.dim,
            lambda: self.embedder,
            lambda: self.texts,
            self._original,
            lambda: self.calibration,
            metric=card.metric,
            verify=lambda picture, ids: self.verifier.align(picture, ids),
        )

    @classmethod
    def create(cls, card: Card, around: Surroundings, encoder: Encoder | None = None) -> Self:
        """A new edition, still empty."""
        return cls(card, create_store(card, around.layout), around, encoder)

    @classmethod
    def open(cls, card: Card, around: Surroundings, encoder: Encoder | None = None) -> Self:
        """An edition that there is. Raises as `ZvecStore.open` does, and `EncoderMismatch`."""
        contents = Continuity(around.layout.contents, card.edition)
        store = open_store(card, around.layout)
        try:
            return cls(card, store, around, encoder, contents)
        except BaseException:
            store.close()
            raise

    def recast(self, card: Card, store: EditionStore) -> "Edition":
        """This edition with another card and another store, which holds its own."""
        other = Edition(card, store, self._around, None)
        for name in ("encoder", "asking", "views", "texts"):  # none of them is loaded twice
            if name in self.__dict__:
                setattr(other, name, self.__dict__[name])
        return other

    @cached_property
    def encoder(self) -> Encoder:
        """Loaded when first needed: search by id and `info` do without."""
        return _bound(load(self.card.encoder.name, self._around.settings), self.card)

    @cached_property
    def asking(self) -> Encoder:
        """The encoder of queries and added pictures."""
        return self._around.wrap(self.encoder)

    @cached_property
    def texts(self) -> TextEncoder | None:
        """What reads words for this edition's vectors; None if nothing does."""
        if self.card.encoder.reads_text:
            return CachedTexts(cast(TextEncoder, self.encoder), self._vectors)  # which its spec promises
        return words_for(self.encoder.spec)

    @cached_property
    def embedder(self) -> Embedder:
        return Embedder(self.asking, self.views, self._around.read, self._vectors)

    @cached_property
    def _vectors(self) -> QueryVectors:
        around, card = self._around, self.card
        return QueryVectors(
            around.caches.vectors, self.encoder.spec, card.enhance, card.subject, ground(around.settings)
        )

    @cached_property
    def answers(self) -> CachedAsker:
        """What answers questions, faster the second time."""
        fixed = digest(self.card.model_dump_json(), ground(self._around.settings))

        def version() -> str:
            learnt = self.calibration
            told = "" if learnt is None else f"{learnt.slope!r} {learnt.offset!r}"
            return f"{fixed} {self._contents.name} {told}"

        return CachedAsker(self.asker, self._around.caches.results, version, self._around.read)

    @cached_property
    def verifier(self) -> "Verifier":
        """What aligns pictures with those of the library. Needs the extra ``copies``."""
        from yunmeng.copies import Verifier

        return Verifier(self._original, max_pixels=self._around.settings.max_pixels)

    @cached_property
    def copies(self) -> CopySearch:
        """What finds the originals of edited copies. Needs the extra ``copies``."""
        most = self._around.settings.max_pixels
        return CopySearch(self.store, lambda: self.asking, lambda: self.views, lambda: self.verifier, most)

    @cached_property
    def views(self) -> Views:
        return Views(
            self.encoder,
            enhancements=self.card.enhance,
            subject=self.card.subject,
            regions=self.card.regions,
            max_pixels=self._around.settings.max_pixels,
        )

    def calibrate(self) -> Sample | None:
        """Learn what scores are worth; None where too few pictures are there or readable, or scores tell nothing."""
        count = self.store.count()
        if count < CALIBRATED_FROM:
            return None
        sample = sample_scores(self.store, self.encoder, self.views, self._around.originals.read)
        enough = min(len(sample.strangers), len(sample.copies)) >= FEWEST
        nothing = Calibration(edition=self.card.edition, pictures=count, slope=0, offset=0)
        # What tells nothing is kept as well, so that it is not tried again before the library has grown.
        self._learnt = fit(sample, self.card.edition, count) if enough else nothing
        self._around.layout.write_calibration(self._learnt)
        return sample if self._learnt.tells else None

    @property
    def calibration(self) -> Calibration | None:
        """What scores are worth here, as far as it is known."""
        return self._learnt if self._learnt is not None and self._learnt.tells else None

    @property
    def outgrown(self) -> bool:
        """Whether the library has grown so much that what it has learnt of its scores may no longer hold."""
        learnt = self._learnt
        return self.store.count() >= (CALIBRATED_FROM if learnt is None else 2 * learnt.pictures)

    @cached_property
    def additions(self) -> Additions:
        """What takes in pictures one by one."""
        intake = self.intake(Moves(self.card.created), replace=True)
        return Additions(self.store, self.asking, intake, self._around.originals)

    @property
    def reads_text(self) -> bool:
        """Whether words can be asked."""
        return self.card.encoder.reads_text or self.store.reads_text or self.texts is not None

    def pipeline(
        self, look: Callable[[T], Outcome], workers: int, on_tally: OnTally, stop: threading.Event
    ) -> Pipeline[T]:
        """A run that brings in what ``look`` makes of its entries."""
        return Pipeline(
            look=look,
            encoder=self.encoder,
            store=self.store,
            state=self._around.state,
            batch_size=max(1, self._around.settings.batch_size // self.views.most),
            workers=workers,
            on_tally=on_tally,
            stop=stop,
        )

    def intake(
        self,
        moves: Moves,
        *,
        names: Names | None = None,
        tidy: bool = False,
        replace: bool = False,
        within: Roots | None = None,
    ) -> Intake:
        """What looks at pictures that come in."""
        around = self._around
        return Intake(
            self.store,
            self.views,
            around.settings,
            lambda: around.fetcher,
            moves,
            names=names,
            tidy=tidy,
            replace=replace,
            on_fetched=around.originals.remember,
            within=within,
            in_hand=around.in_hand,
        )

    def find(self, id: str, *, vector: bool = False) -> Record:
        """The record of a picture. Raises `RecordNotFound`."""
        found = self.store.get([id], vectors=vector).get(id)
        if found is None:
            raise RecordNotFound(f"no picture has the id {id}")
        return found

    def close(self) -> None:
        """Write what is outstanding. Closing twice does no harm."""
        leaves = self._open and self.store.changes.sound
        self._open = False
        if leaves and (self._contents.found or self._around.caches.redis is not None):
            with self._contents.leaving():  # what is in Redis outlives this process
                self.store.close()
        else:
            self.store.close()

    def _original(self, id: str) -> bytes:
        return self._around.originals.read(self.find(id))


def _bound(encoder: Encoder, card: Card) -> Encoder:
    """``encoder``, if it is the one that ``card`` names. Vectors of another would be compared with no meaning."""
    spec, bound = encoder.spec, card.encoder
    if (spec.name, spec.dim, spec.sha256) != (bound.name, bound.dim, bound.sha256):
        raise EncoderMismatch(
            f"the library is bound to {bound.name} ({bound.dim}-d, weights {bound.sha256[:12]}), this is {spec.name} "
            f"({spec.dim}-d, weights {spec.sha256[:12]}): move the library to it with yunmeng reencode"
        )
    return encoder
