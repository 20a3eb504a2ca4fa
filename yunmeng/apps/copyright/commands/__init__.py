"""``yunmeng copyright``."""

from yunmeng.apps.copyright.commands import checking, proving, watching, works  # noqa: F401  they add their commands
from yunmeng.apps.copyright.commands.group import copyright

__all__ = ["copyright"]
