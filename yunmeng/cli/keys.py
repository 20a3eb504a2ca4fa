"""``yunmeng keys``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

import click

from yunmeng.terminal.options import db_option, json_option, print_json, printable
from yunmeng.types import Scope

if TYPE_CHECKING:
    from yunmeng.state.keys import Keys

__all__ = ["keys"]


@click.group(
    epilog="""\b
Examples:
  yunmeng keys create shop --scope search --db my-library
  yunmeng keys list --db my-library
  yunmeng keys revoke 3f9a01bc --db my-library
"""
)
def keys() -> None:
    """Make, list and revoke the keys that callers of the server show.

    Scopes: search may search and view; write may also add, change and delete pictures; admin may also import from the
    server's disk. The server may be running meanwhile.
    """


@keys.command("create", epilog="\b\nExample:\n  yunmeng keys create shop --scope search --db my-library\n")
@click.argument("name")
@click.option("--scope", type=click.Choice(get_args(Scope)), default="search", show_default=True)
@db_option
@json_option
def create_key(name: str, scope: Scope, db: str, as_json: bool) -> None:
    """Make a key for NAME and print it. It is shown only this once, as only its digest is kept."""
    with _keys(db) as kept:
        key, secret = kept.create(name, scope)
    if as_json:
        print_json({"id": key.id, "name": key.name, "scope": key.scope, "key": secret})
        return
    click.echo(secret)
    click.echo(f"The key {key.id} for {printable(name)} may {scope}. Keep it: it cannot be shown again.", err=True)


@keys.command("list", epilog="\b\nExample:\n  yunmeng keys list --db my-library\n")
@db_option
@json_option
def list_keys(db: str, as_json: bool) -> None:
    """List the keys, without the keys themselves."""
    with _keys(db) as kept:
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "scope": key.scope,
                "created": key.created_at.isoformat(timespec="seconds"),
            }
            for key in kept.all()
        ]
    if as_json:
        print_json({"keys": rows})
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['scope']:<6}  {row['created']}  {printable(row['name'])}")
    if not rows:
        click.echo(f"No keys yet: yunmeng keys create NAME --db {db}", err=True)


@keys.command("revoke", epilog="\b\nExample:\n  yunmeng keys revoke 3f9a01bc --db my-library\n")
@click.argument("key_id", metavar="ID")
@db_option
def revoke_key(key_id: str, db: str) -> int:
    """Revoke a key by its ID. A running server accepts it for a few seconds more."""
    with _keys(db) as kept:
        found = kept.revoke(key_id)
    click.echo(
        f"{key_id} is revoked" if found else f"no key has the id {key_id}; see: yunmeng keys list --db {db}",
        err=not found,
    )
    return 0 if found else 1


@contextmanager
def _keys(db: str) -> "Iterator[Keys]":
    """The keys of a library, whose state database lets a server have it open too."""
    from yunmeng.library.config import read_config
    from yunmeng.library.paths import LibraryPaths
    from yunmeng.state.database import State
    from yunmeng.state.keys import Keys

    paths = LibraryPaths(db)
    with State.open(paths.state, read_config(paths).state) as state:
        yield Keys(state)
