"""Jobs, checkpoints and keys, kept by SQLAlchemy."""

from yunmeng.apps.duplicates.tables import Backup, DuplicateCounts, Duplicates, DuplicateSearch, KeptGroup, KeptMember
from yunmeng.state.database import Failure, Job, Progress, State, Status
from yunmeng.state.keys import Key, Keys
from yunmeng.state.queries import Queries, Query, QueryKind

__all__ = [
    "Backup",
    "DuplicateCounts",
    "DuplicateSearch",
    "Duplicates",
    "Failure",
    "Job",
    "KeptGroup",
    "KeptMember",
    "Key",
    "Keys",
    "Progress",
    "Queries",
    "Query",
    "QueryKind",
    "State",
    "Status",
]
