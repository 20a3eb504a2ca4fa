"""The group of commands ``yunmeng copyright``."""

import click

__all__ = ["copyright"]


@click.group(
    epilog="""\b
Examples:
  yunmeng copyright register works/ --owner "Studio Lin" --licence "CC BY 4.0" --db my-works
  yunmeng copyright check suspect.jpg downloads/ --db my-works
  yunmeng copyright verify --db my-works
  yunmeng copyright prove 17 proof.json --db my-works
"""
)
def copyright() -> None:
    """Register works, prove when and what, and find copies of them.

    The register only grows: each entry holds the hash of the one before it, and all are leaves of a Merkle tree
    (RFC 6962). So it shows when it was touched, and others can check it without Yunmeng: docs/copyright.md.
    """
