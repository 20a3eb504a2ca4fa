"""URLs of state databases, as ``library.toml`` has them: ``sqlite:``, or PostgreSQL without a password."""

import re
import secrets
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from yunmeng.errors import StateError
from yunmeng.state.backend import DEFAULT_STATE

__all__ = ["check_state", "named_state", "parse_state", "same_state"]

SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def check_state(url: str) -> None:
    """Check the URL of a state database before anything is made. Raises `StateError` in one line."""
    if url != DEFAULT_STATE:
        parse_state(url)


def named_state(url: str, library: str) -> str:
    """Return the URL with a schema of its own for the new ``library``, where it names none.

    So several libraries can be given the same database.
    """
    if url == DEFAULT_STATE or "schema" in parse_state(url).query:
        return url
    word = re.sub(r"[^a-z0-9]+", "_", library.lower()).strip("_")[:40] or "library"
    name = f"{word if word[0].isalpha() else f'library_{word}'}_{secrets.token_hex(4)}"
    return f"{url}{'&' if '?' in url else '?'}schema={name}"


def same_state(given: str, kept: str) -> bool:
    """Return whether a URL that somebody gives is the one that a library keeps; the schema need not be given."""
    if given == kept or DEFAULT_STATE in (given, kept):
        return given == kept
    one, other = parse_state(given), parse_state(kept)
    return other == one or other.difference_update_query(["schema"]) == one


def parse_state(url: str) -> URL:
    """Return the parts of the URL of a PostgreSQL. Raises `StateError` in one line."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername != "postgresql" or not parsed.database:
        raise StateError(
            f"there is no state database {url.partition('@')[2] or url!r}: name sqlite: or postgresql://user@host/database"
        )
    if parsed.password is not None or {"password", "sslpassword"} & parsed.query.keys():
        raise StateError(
            "leave the password out of the URL of the state database, as library.toml would show it: "
            "set YUNMENG_STATE_PASSWORD or PGPASSWORD, or write it to ~/.pgpass"
        )
    schema = parsed.query.get("schema", "yunmeng")
    if not isinstance(schema, str) or not SCHEMA.fullmatch(schema) or schema.startswith("pg_"):
        raise StateError("the schema of the state database must be a-z, 0-9 and _, and begin with a letter or _")
    return parsed
