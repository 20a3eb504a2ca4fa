"""What is said of an index that a library has outgrown."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["told_beside"]


def told_beside(library: "Library") -> None:
    """Say on stderr how many pictures are not in the index that the library was opened with."""
    indexed = library.generation.indexed
    if indexed is None:
        return
    inside, beside = indexed.beside()
    if beside:
        click.echo(
            f"The index has {inside:,} of {inside + beside:,} pictures; the other {beside:,} are searched beside it, "
            "one by one: export it again when they are many.",
            err=True,
        )
