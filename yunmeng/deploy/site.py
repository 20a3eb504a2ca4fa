"""The description of one site: its servers with their weights, and how the load balancer shows them."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from yunmeng.config import PREFIX
from yunmeng.errors import SettingsError

__all__ = ["Server", "Site", "described", "server_of"]

_ADDRESS: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):[0-9]{1,5}"
_LISTEN: Final = r"(?:(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+|\*):)?[0-9]{1,5}"
_NAME: Final = r"[A-Za-z0-9_*][A-Za-z0-9_.*-]*"
_FILE: Final = r"[A-Za-z0-9_./@%+-]+"


def _like(pattern: str, form: str, *, port: bool = False) -> AfterValidator:
    """Return a check that a text has a form: all of it goes into a configuration, where a ``;`` would begin a line."""

    def checked(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"should be {form}")
        if port and not 1 <= int(text.rpartition(":")[2]) <= 65535:
            raise ValueError("the port should be within 1 and 65535")
        return text

    return AfterValidator(checked)


_File: TypeAlias = Annotated[str, _like(_FILE, "a path without spaces and quotes")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Model):
    """One server: host and port, and its share of the requests."""

    address: Annotated[str, _like(_ADDRESS, "HOST:PORT", port=True)]
    weight: int = Field(1, ge=1, le=1000)


class Site(_Model):
    """One site of the load balancer."""

    servers: list[Server] = Field(min_length=1)
    name: Annotated[str, _like(_NAME, "a name such as pictures.example")] = "_"
    """The site's name, such as pictures.example; ``_`` for any."""
    listen: Annotated[str, _like(_LISTEN, "PORT or ADDRESS:PORT", port=True)] | None = None
    """Port, perhaps with an address; None for 80, or 443 with a certificate."""
    prefix: Annotated[str, _like(PREFIX, "a path such as /search, without a slash at its end")] = ""
    certificate: _File | None = None
    certificate_key: _File | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("a certificate and its key go together: name both, or none")
        addresses = [server.address for server in self.servers]
        if twice := next((one for one in addresses if addresses.count(one) > 1), None):
            raise ValueError(f"the server {twice} is named twice: give it a weight instead")
        return self

    @property
    def weighted(self) -> bool:
        """Whether the servers have different shares."""
        return len({server.weight for server in self.servers}) > 1


def server_of(text: str) -> dict[str, Any]:
    """Return the server that ``HOST:PORT`` or ``HOST:PORT=WEIGHT`` says, for `described` to check."""
    address, sign, weight = text.partition("=")
    return {"address": address.strip(), **({"weight": weight.strip()} if sign else {})}


def described(file: Path | None, given: Mapping[str, Any]) -> Site:
    """Return the site that a TOML file describes; ``given`` goes before what is in the file.

    Raises:
        SettingsError: The file cannot be read, or the description is wrong; in one line that says where.
    """
    values = {**_read(file), **given}
    if not values.get("servers"):
        raise SettingsError("name at least one server: --server HOST:PORT, or servers in a TOML file")
    try:
        return Site.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = re.sub(r"^Value error, ", "", first["msg"])
        value = f", not {str(first['input'])[:80]!r}" if first["loc"] and first["type"] != "missing" else ""
        raise SettingsError(f"{f'{where}: ' if where else ''}{said}{value}") from exc


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{file} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{file} is no TOML: {exc}") from exc
