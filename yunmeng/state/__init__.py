"""Jobs, checkpoints and keys, kept by SQLAlchemy."""

from yunmeng.state.database import Failure, Job, Progress, State, Status
from yunmeng.state.keys import Key, Keys

__all__ = ["Failure", "Job", "Key", "Keys", "Progress", "State", "Status"]
