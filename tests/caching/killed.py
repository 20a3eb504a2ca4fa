"""A process that opens a library, writes to it perhaps, and waits to be killed: see test_content_version.py."""

import sys
import time

from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library


def main(place: str, redis_url: str, write: str) -> None:
    library = Library.open(place, FakeEncoder(), Settings(redis_url=redis_url))
    if write == "delete":
        library.delete(["a"])
    print("done", flush=True)
    time.sleep(300)


if __name__ == "__main__":
    main(*sys.argv[1:])
