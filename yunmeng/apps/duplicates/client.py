"""The calls about duplicates, as `yunmeng.client.calls` has all others."""

from collections.abc import Iterable
from typing import Final

from yunmeng import schemas
from yunmeng.client.calls import Call

# The functions are for the two clients only.
__all__ = ["PLACE"]

PLACE: Final = "/v1/duplicates"


def find(keep: schemas.KeepRule) -> Call[schemas.DuplicatesOut]:
    return Call("POST", PLACE, schemas.DuplicatesOut.model_validate_json, json={"keep": keep})


def search() -> Call[schemas.DuplicatesOut]:
    return Call("GET", PLACE, schemas.DuplicatesOut.model_validate_json)


def stop() -> Call[schemas.DuplicatesOut]:
    return Call("POST", f"{PLACE}/cancel", schemas.DuplicatesOut.model_validate_json)


def groups(offset: int, limit: int, open: bool | None) -> Call[schemas.DuplicateGroups]:
    params: dict[str, str | int] = {"offset": offset, "limit": limit}
    if open is not None:
        params["open"] = "true" if open else "false"
    return Call("GET", f"{PLACE}/groups", schemas.DuplicateGroups.model_validate_json, params=params)


def decide(number: int, discard: Iterable[str]) -> Call[schemas.DuplicateGroup]:
    body = {"discard": list(map(schemas.to_wire, discard))}
    return Call("POST", f"{PLACE}/groups/{number}", schemas.DuplicateGroup.model_validate_json, json=body)


def undo(number: int) -> Call[schemas.DuplicateGroup]:
    return Call("POST", f"{PLACE}/groups/{number}/undo", schemas.DuplicateGroup.model_validate_json)
