"""Other people's libraries: their messages held back, their errors on one line."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_line", "quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the messages of libraries, which are for their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def one_line(error: BaseException) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split()) or type(error).__name__
