"""The calls of applications, as methods of both clients."""

from collections.abc import Callable, Iterable
from functools import wraps
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

from yunmeng import apps
from yunmeng.client.building import built
from yunmeng.schemas.call import Call, Pages

__all__ = ["AppCalls"]


class AppCalls:
    """Has a method for each call that an app offers, which sends the call.

    Type checkers cannot know these methods; ``client.send(find_duplicates(keep="newest"))`` is the same with types.
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        for module in () if name.startswith("_") else _modules():
            if name in module.__all__:
                return self._method(getattr(module, name))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(name for module in _modules() for name in module.__all__)]

    def send(self, call: Call[Any]) -> Any:
        """Send a call and return its answer; an `AsyncClient` returns a coroutine."""
        raise NotImplementedError

    def pages(self, pages: Pages[Any, Any]) -> Any:
        """Iterate over all that is on these pages."""
        raise NotImplementedError

    def _method(self, build: Callable[..., Call[Any] | Pages[Any, Any]]) -> Callable[..., Any]:
        @wraps(build)
        def method(*args: Any, **options: Any) -> Any:
            call = built(build, *args, **options)
            return self.pages(call) if isinstance(call, Pages) else self.send(call)

        return method


def _modules() -> list[ModuleType]:
    return [resolve_name(app.client) for app in apps.installed() if app.client is not None]
