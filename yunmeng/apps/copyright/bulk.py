"""Make the entries by which many pictures at once are registered."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yunmeng.apps.copyright.ledger import registration
from yunmeng.errors import QueryError, RecordNotFound, YunmengError
from yunmeng.types import Failure, Record

if TYPE_CHECKING:
    from yunmeng.apps.copyright.intake import Named
    from yunmeng.apps.copyright.ledger import Ledger
    from yunmeng.apps.copyright.types import Details, Work
    from yunmeng.library.config import LibraryConfig

__all__ = ["registered", "registrations"]


def registrations(
    batch: "Sequence[Named]", records: Mapping[str, Record], ledger: "Ledger", config: "LibraryConfig"
) -> tuple[list[dict[str, Any]], int, list[Failure]]:
    """Return the contents of the entries that register a batch, how many need none, and those that cannot have one.

    ``records`` are those of the library now, by id, with their vectors. A picture that is registered with the same
    details needs no entry.
    """
    contents: list[dict[str, Any]] = []
    failures: list[Failure] = []
    new: dict[str, Details] = {}
    same = 0
    for one in batch:
        try:
            details, record = one.details.checked(), records.get(one.record.id)
            if record is None:
                raise RecordNotFound("its picture was deleted from the library meanwhile")
            if _is_registered(record, details, ledger, new):
                same += 1
                continue
        except YunmengError as exc:
            failures.append(Failure(one.source, str(exc)))
        else:
            new[record.sha256] = details
            contents.append(registration(details, record, config))
    return contents, same, failures


def registered(work: "Work") -> str:
    """Return the error of a picture that is registered as ``work`` with other details."""
    return f"it is registered already, as work {work.number}: change that by yunmeng copyright correct {work.number}"


def _is_registered(record: Record, details: "Details", ledger: "Ledger", new: "Mapping[str, Details]") -> bool:
    """Return whether a picture has these details; ``new`` are those of the batch so far. Raises `QueryError`."""
    known = ledger.of_picture(record.sha256)
    before = new.get(record.sha256) if known is None else known.details
    if before is None or before == details:
        return before is not None
    if known is not None:
        raise QueryError(registered(known))
    raise QueryError("another file has the same bytes, and other details")
