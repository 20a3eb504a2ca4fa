"""`yunmeng serve` over a library of the fake encoder that reads words: python fakeserver.py --db DIR --port N"""

import argparse

from yunmeng.config import ServerSettings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.server import listen, serve


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    with listen("127.0.0.1", given.port) as listening, Library.open(given.db, FakeEncoder(reads_text=True)) as library:
        serve(library, listening, ServerSettings.load(), require_keys=False, on_start=announce)


def announce(address: str) -> None:
    print(f"Console:  {address}", flush=True)


if __name__ == "__main__":
    main()
