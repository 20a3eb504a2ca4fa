"""A process that replaces a catalogue and is killed at one step: see test_replacing.py."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from yunmeng.apps.shop.service import Shop
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library, staging
from yunmeng.stores.zvec.store import ZvecStore

OWNERS = {"upsert": ZvecStore, "delete": ZvecStore, "write_config": staging}


def main(library: str, catalogue: str, cache: str, step: str, call: str, moment: str) -> None:
    """Be killed before or after the given call of ``step``, from 1."""
    owner = OWNERS[step]
    done, calls = getattr(owner, step), 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(call) and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = done(*arguments, **options)
        if calls == int(call):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    with Library.open(library, FakeEncoder(), Settings(cache_dir=Path(cache), batch_size=4)) as opened:
        setattr(owner, step, counted)
        Shop(opened).import_catalogue(catalogue, replace=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
