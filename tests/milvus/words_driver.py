"""A process that changes a library in Milvus whose words are in PostgreSQL, for a test to kill."""

import sys
from itertools import count

from tests.caching.libraries import png
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

__all__ = ["word"]


def word(number: int) -> str:
    """Return a word for a number, of letters only: digits are words of their own."""
    return f"w{''.join(chr(ord('k') + int(digit)) for digit in str(number))}w"


def write(place: str, start: str) -> None:
    """Add pictures, each with a word of its own, and give every second another; say what is acknowledged."""
    with Library.open(place, FakeEncoder(), Settings.load()) as library:
        for number in count(int(start)):
            library.add(png(number), id=f"{number}", attributes={"category": word(number)})
            print(number, word(number), flush=True)
            if number % 2:
                library.set_attributes(f"{number}", {"category": word(number + 5_000_000)})
                print(number, word(number + 5_000_000), flush=True)


if __name__ == "__main__":
    write(*sys.argv[1:])
