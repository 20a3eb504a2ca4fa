"""Plugins of other packages: stores, encoders, readers, steps and apps, by entry points of the groups ``yunmeng.*``.

Entry points are read only when they are needed, and a package is imported only when its plugin is used. Names that come
with Yunmeng are never looked up here, so that no plugin can replace them.
"""

import logging
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from yunmeng.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUPS", "Group", "Plugin", "find", "load", "problem", "usable"]

Group: TypeAlias = Literal["stores", "encoders", "readers", "steps", "apps"]

GROUPS: Final[Mapping[Group, tuple[str, ...]]] = {
    "stores": ("create", "open", "remove"),
    "encoders": ("spec", "load"),
    "readers": ("endings", "takes", "parts", "pictures"),
    "steps": ("name", "depth", "reorder"),
    "apps": ("name", "help", "service"),
}
"""The groups, each with the attributes that a plugin of it must have."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: ``package``, of some ``version``, offers ``target`` under the name ``name``."""

    group: Group
    name: str
    package: str
    version: str
    target: str

    def __str__(self) -> str:
        return f"{self.name} of the package {self.package} {self.version}"


@cache
def find(group: Group) -> Mapping[str, Plugin]:
    """Return the plugins of a group by name, as the installed packages declare them. Imports none of them.

    If two packages offer the same name, the alphabetically first package is taken.
    """
    from importlib.metadata import entry_points

    found: dict[str, Plugin] = {}
    declared = (_plugin(group, entry) for entry in entry_points(group=f"yunmeng.{group}"))
    for one in sorted(declared, key=lambda one: (one.name, one.package)):
        found.setdefault(one.name, one)
    return found


@cache
def load(plugin: Plugin) -> Any:
    """Import a plugin. Raises `PluginError`, which names the package and what is wrong."""
    module, _, attribute = plugin.target.partition(":")
    try:
        loaded: Any = import_module(module)
        for name in filter(None, attribute.split(".")):
            loaded = getattr(loaded, name)
    except Exception as exc:  # whatever somebody else's package does when it is imported
        reason = next(iter(str(exc).splitlines()), "")
        raise PluginError(f"{plugin} cannot be loaded: {type(exc).__name__}: {reason}") from exc
    if missing := [name for name in GROUPS[plugin.group] if not hasattr(loaded, name)]:
        raise PluginError(f"{plugin} cannot be used for {plugin.group}: it lacks {', '.join(missing)}")
    return loaded


def usable(group: Group, taken: Container[str] = ()) -> Iterator[tuple[str, Any]]:
    """Load all plugins of a group, by name. Broken ones, and those with a ``taken`` name, are skipped and warned of."""
    for name, plugin in find(group).items():
        if reason := problem(plugin, taken):
            _warn(reason)
        else:
            yield name, load(plugin)


def problem(plugin: Plugin, taken: Container[str] = ()) -> str | None:
    """Return why a plugin cannot be used, or None if it can. Imports it."""
    if plugin.name in taken:
        return f"{plugin} has a name that is taken"
    try:
        load(plugin)
    except PluginError as exc:
        return str(exc)
    return None


@cache
def _warn(message: str) -> None:
    """Log a warning, once."""
    _log.warning("%s; it is passed over", message)


def _plugin(group: Group, entry: "EntryPoint") -> Plugin:
    package = entry.dist
    return Plugin(group, entry.name, package.name if package else "?", package.version if package else "?", entry.value)
