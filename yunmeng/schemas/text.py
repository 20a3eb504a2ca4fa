"""Text and attributes in characters that JSON and URLs can carry."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["from_wire", "to_wire", "wire_attributes"]


_SURROGATE = re.compile("[\ud800-\udfff]")

_SPELT = re.compile("%u([Dd][89A-Fa-f][0-9A-Fa-f]{2}|002[Ee])")


def to_wire(text: str) -> str:
    """Return ``text`` in characters that JSON and URLs can carry.

    A file name that is not UTF-8 holds lone surrogates, which become ``%uDC80``. A text of one dot or two, which would
    vanish from a URL even if it is quoted, becomes ``%u002E``. All other text stays as it is.
    """
    if text in (".", ".."):
        return text.replace(".", "%u002E")
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"%u{ord(found[0]):04X}", text)


def from_wire(text: str) -> str:
    """Return the text that `to_wire` was given."""
    return _SPELT.sub(lambda found: chr(int(found[1], 16)), text) if "%u" in text else text


def wire_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes in characters that JSON can carry."""
    return {to_wire(name): _wired(value) for name, value in attributes.items()}


def _wired(value: Any) -> Any:
    if isinstance(value, list):
        return [_wired(item) for item in value]
    return to_wire(value) if isinstance(value, str) else value
