"""The protocol of runners: the seam between a run, which knows the library, and what makes vectors for it."""

from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from yunmeng.encoders.crops.views import Views
from yunmeng.encoders.protocol import Encoder
from yunmeng.ingest.decisions import Failed, New, Undecoded
from yunmeng.types import Closing, Enhancement, Record

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["Outcome", "Runner", "RunnerOptions", "Setup"]

Outcome: TypeAlias = Record | Failed
"""What becomes of a new picture: a record that can be written, or the reason why there is none."""


class RunnerOptions(NamedTuple):
    """What a caller says of a runner: the ``address`` of a cluster, and how many ``workers``. None: as it is best."""

    address: str | None = None
    workers: int | None = None


class Setup(NamedTuple):
    """What decodes and encodes pictures for one library. It can be sent to another machine.

    ``encoder`` is the name of one of the catalogue, or an encoder itself.
    """

    encoder: str | Encoder
    settings: "Settings"
    enhancements: Sequence[Enhancement] = ()
    subject: bool = False
    regions: bool = False

    def views(self, encoder: Encoder) -> Views:
        """Return the views of a picture that ``encoder``, which was loaded for it, is to see."""
        return Views(
            encoder,
            enhancements=self.enhancements,
            subject=self.subject,
            regions=self.regions,
            max_pixels=self.settings.max_pixels,
        )


class Runner(Closing):
    """Makes records of batches of new pictures. The store, the state and all checkpoints are the caller's.

    `begin` comes first, then any number of `submit`, then `close`, which may also come alone.

    ``decodes`` is True where it takes `Undecoded` files, and False where it takes `New` pictures. ``ahead`` is how many
    batches are to be under way before the caller waits for one.
    """

    decodes: bool
    ahead: int

    @abstractmethod
    def submit(self, batch: "Sequence[New | Undecoded]") -> "Future[list[Outcome]]":
        """Start a batch, and return what becomes of its pictures. Batches may be done in any order.

        The future is cancelled where the run is stopped before the batch is done, and raises `YunmengError` where no
        picture can be encoded any more.
        """

    @abstractmethod
    def begin(self, stop: Event) -> None:
        """Get ready for the first batch, which costs nothing before this call.

        Once ``stop`` is set, every batch is done or cancelled soon. Raises `YunmengError` where nothing can be encoded.
        """
