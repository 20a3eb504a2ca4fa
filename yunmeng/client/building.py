"""Preparation of requests: what goes wrong there becomes an error of Yunmeng."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from yunmeng.errors import PictureError, QueryError, Reason, YunmengError

__all__ = ["built", "each", "one_line", "preparing"]

T = TypeVar("T")
P = ParamSpec("P")


@contextmanager
def preparing() -> Iterator[None]:
    """Turn errors in preparing a request into errors of Yunmeng: unreadable files, values that no request can hold."""
    try:
        yield
    except YunmengError:
        raise
    except OSError as exc:
        raise PictureError(Reason.UNREADABLE, f"{exc.filename or 'the file'}: {exc.strerror or exc}") from exc
    except Exception as exc:
        raise QueryError(f"this cannot be asked: {one_line(exc)}") from exc


def built(build: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Return the call that ``build`` makes. Raises `QueryError`, and `PictureError` for a file that cannot be read."""
    with preparing():
        return build(*args, **options)


def each(made: Iterator[T]) -> Iterator[T]:
    """Yield the items of ``made``. Raises as `built` does."""
    while True:
        with preparing():
            try:
                one = next(made)
            except StopIteration:
                return
        yield one


def one_line(error: Exception) -> str:
    """Return the message of an error in one line."""
    lines = f"{type(error).__name__}: {error}".rstrip(": ").splitlines()
    return lines[0] if lines else ""
