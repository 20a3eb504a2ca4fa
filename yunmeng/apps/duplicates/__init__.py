"""Near-duplicates of a whole library: found by fingerprint and by vector, verified, in groups. Needs ``copies``."""

from yunmeng.apps.duplicates.move import move_out
from yunmeng.apps.duplicates.search import find_duplicates
from yunmeng.apps.duplicates.types import (
    DuplicateGroup,
    DuplicateReport,
    DuplicateTally,
    KeepRule,
    Member,
    OnTally,
    Phase,
    Reason,
)

__all__ = [
    "DuplicateGroup",
    "DuplicateReport",
    "DuplicateTally",
    "KeepRule",
    "Member",
    "OnTally",
    "Phase",
    "Reason",
    "find_duplicates",
    "move_out",
]
