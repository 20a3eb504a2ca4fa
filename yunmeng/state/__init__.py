"""Jobs, checkpoints and keys, kept by SQLAlchemy."""

from yunmeng.state.database import Failure, Job, Progress, State
from yunmeng.state.keys import Key, Keys
from yunmeng.state.queries import Queries, Query, QueryKind

__all__ = [
    "Failure",
    "Job",
    "Key",
    "Keys",
    "Progress",
    "Queries",
    "Query",
    "QueryKind",
    "State",
]
