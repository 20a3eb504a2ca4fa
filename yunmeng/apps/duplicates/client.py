"""The calls of the API about duplicates. Both clients have them as methods."""

from collections.abc import Iterable
from typing import Final

from yunmeng.apps.duplicates.schemas import DuplicateGroup, DuplicateGroups, DuplicatesOut
from yunmeng.apps.duplicates.types import KeepRule
from yunmeng.schemas.call import Call, Pages
from yunmeng.schemas.text import to_wire

__all__ = [
    "cancel_duplicates",
    "decide_duplicates",
    "duplicate_groups",
    "duplicates",
    "find_duplicates",
    "undo_duplicates",
]

_PLACE: Final = "/v1/duplicates"


def find_duplicates(keep: KeepRule = "largest") -> Call[DuplicatesOut]:
    """Start a search for pictures that are the same; ``keep`` says which picture of each group is proposed to stay."""
    return Call("POST", _PLACE, DuplicatesOut.model_validate_json, json={"keep": keep})


def duplicates() -> Call[DuplicatesOut]:
    """Return the state of that search, or its outcome, and the number of groups."""
    return Call("GET", _PLACE, DuplicatesOut.model_validate_json)


def cancel_duplicates() -> Call[DuplicatesOut]:
    """Cancel the search that is running."""
    return Call("POST", f"{_PLACE}/cancel", DuplicatesOut.model_validate_json)


def duplicate_groups(open: bool | None = None, page: int = 100) -> Pages[DuplicateGroups, DuplicateGroup]:
    """Iterate over groups of pictures that are the same, the largest first; with ``open``, only the undecided ones.

    They are requested ``page`` at a time: read all of them before you decide on any.
    """

    def ask(offset: int) -> Call[DuplicateGroups]:
        params: dict[str, str | int] = {"offset": offset, "limit": page}
        if open is not None:
            params["open"] = "true" if open else "false"
        return Call("GET", f"{_PLACE}/groups", DuplicateGroups.model_validate_json, params=params)

    return Pages(
        ask(0),
        items=lambda answer: answer.groups,
        following=lambda answer: None if answer.next_offset is None else ask(answer.next_offset),
    )


def decide_duplicates(number: int, discard: Iterable[str]) -> Call[DuplicateGroup]:
    """Take pictures of a group out of the library; all others stay."""
    body = {"discard": list(map(to_wire, discard))}
    return Call("POST", f"{_PLACE}/groups/{number}", DuplicateGroup.model_validate_json, json=body)


def undo_duplicates(number: int) -> Call[DuplicateGroup]:
    """Bring back what was taken out of a group."""
    return Call("POST", f"{_PLACE}/groups/{number}/undo", DuplicateGroup.model_validate_json)
