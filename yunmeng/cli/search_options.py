"""The options of ``yunmeng search`` that are fields of `SearchOptions`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import click

from yunmeng.types import Option, SearchOptions

__all__ = ["search_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_FLAGS: Final[Mapping[str, Sequence[str]]] = {"subject": ("--subject/--whole",)}
"""Names where ``--name`` would not do."""
_METAVARS: Final[Mapping[str, str]] = {"min_score": "S", "min_chance": "P", "group_by": "ATTR", "color": "COLOURS"}


def search_options(command: Command) -> Command:
    """Give a command an option for each field of `SearchOptions`, of the same name."""
    hints = get_type_hints(SearchOptions, include_extras=True)
    for field in reversed(fields(SearchOptions)):
        kind, option = get_args(hints[field.name])
        flags = _FLAGS.get(field.name, [f"--{field.name.replace('_', '-')}"])
        command = click.option(*flags, field.name, default=field.default, **_shape(field.name, kind, option))(command)
    return command


def _shape(name: str, kind: Any, option: Option) -> dict[str, Any]:
    """Return what click is told of an option of this kind."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if kind is bool:
        return {"is_flag": True, "help": option.help}
    shape = {"help": option.help, "metavar": _METAVARS.get(name)}
    if get_origin(kind) is Literal:
        return {**shape, "type": click.Choice(get_args(kind))}
    limits: dict[str, Any] = {"min": option.least, "max": option.most}
    ranges: dict[Any, Any] = {int: click.IntRange, float: click.FloatRange}
    return {**shape, "type": ranges[kind](**limits) if kind in ranges else kind}
