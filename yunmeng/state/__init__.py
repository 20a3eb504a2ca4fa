"""Jobs and checkpoints, kept by SQLAlchemy."""

from yunmeng.state.database import Failure, Job, Progress, State, Status

__all__ = ["Failure", "Job", "Progress", "State", "Status"]
