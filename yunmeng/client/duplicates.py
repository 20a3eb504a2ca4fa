"""The calls about duplicates, as `yunmeng.client.calls` has all others."""

from collections.abc import Iterable
from typing import Final

from yunmeng import wire
from yunmeng.client.calls import Call

# The functions are for the two clients only.
__all__ = ["PLACE"]

PLACE: Final = "/v1/duplicates"


def find(keep: wire.KeepRule) -> Call[wire.DuplicatesOut]:
    return Call("POST", PLACE, wire.DuplicatesOut.model_validate_json, json={"keep": keep})


def search() -> Call[wire.DuplicatesOut]:
    return Call("GET", PLACE, wire.DuplicatesOut.model_validate_json)


def stop() -> Call[wire.DuplicatesOut]:
    return Call("POST", f"{PLACE}/cancel", wire.DuplicatesOut.model_validate_json)


def groups(offset: int, limit: int, open: bool | None) -> Call[wire.DuplicateGroups]:
    params: dict[str, str | int] = {"offset": offset, "limit": limit}
    if open is not None:
        params["open"] = "true" if open else "false"
    return Call("GET", f"{PLACE}/groups", wire.DuplicateGroups.model_validate_json, params=params)


def decide(number: int, discard: Iterable[str]) -> Call[wire.DuplicateGroup]:
    body = {"discard": list(map(wire.to_wire, discard))}
    return Call("POST", f"{PLACE}/groups/{number}", wire.DuplicateGroup.model_validate_json, json=body)


def undo(number: int) -> Call[wire.DuplicateGroup]:
    return Call("POST", f"{PLACE}/groups/{number}/undo", wire.DuplicateGroup.model_validate_json)
