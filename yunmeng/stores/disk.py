"""Room on the disk, asked for before a database could run out of it."""

import shutil
from pathlib import Path
from typing import Final

from yunmeng.errors import StoreError

__all__ = ["ROOM", "check_room", "has_room"]

ROOM: Final = 64_000_000
"""Bytes that must be free before anything is written. What zvec holds in memory then still fits when it is closed:
closing it on a full disk loses records that were acknowledged (zvec 0.8.0)."""


def has_room(folder: Path) -> bool:
    """Whether enough is free where ``folder`` lies."""
    return shutil.disk_usage(folder).free >= ROOM


def check_room(folder: Path) -> None:
    """Raises `StoreError` if too little is free where ``folder`` lies."""
    if not has_room(folder):
        free = shutil.disk_usage(folder).free / 1e6
        raise StoreError(
            f"the disk is nearly full: {free:,.0f} MB are free at {folder}, {ROOM / 1e6:,.0f} MB are needed; make room "
            "and run it again, nothing is lost"
        )
