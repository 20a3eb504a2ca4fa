"""Killed at any moment, a second run finishes the work and encodes nothing again that was acknowledged."""

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.forking import Forked, fork_server
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.imaging import decode
from yunmeng.library import Library

KILLS = 5
PICTURES = 200


def start(library: Path, pictures: Path, log: Path, pause: float) -> Forked:
    process = fork_server().start("-m", "tests.crash_driver", library, pictures, log, pause)
    assert process.stdout.readline() == "started\n"
    return process


def acknowledged(path: Path) -> dict[str, str]:
    """Ids and digests that the library holds; none if it was killed while it was made."""
    if not Library.exists(path):
        return {}
    with Library.open(path) as library:
        records = list(library.iterate())
    assert len(records) == len({record.id for record in records})
    return {record.id: record.sha256 for record in records}


def test_killed_again_and_again(tmp_path: Path, make_pictures: Callable[..., Path]) -> None:
    pictures, place, log = make_pictures(PICTURES), tmp_path / "library", tmp_path / "encoded.log"
    # The last run also encodes edited copies, to learn what scores are worth: those are no pictures of the folder.
    pixels = {
        hashlib.sha256(FakeEncoder().prepare(decode(path.read_bytes()).pixels).tobytes()).hexdigest(): path.name
        for path in pictures.iterdir()
    }
    moments = random.Random(20)
    safe: dict[str, str] = {}
    for turn in range(KILLS):
        log.write_text("")
        process = start(place, pictures, log, 0.02)
        if turn % 2:  # such a run gets as far as encoding, however slow the machine
            while not log.stat().st_size and process.poll() is None:
                time.sleep(0.01)
            time.sleep(moments.uniform(0.0, 0.2))
        else:
            time.sleep(moments.uniform(0.0, 0.7))
        process.kill()
        process.communicate()
        encoded_again = {pixels[line] for line in log.read_text().split() if line in pixels} & safe.keys()
        assert not encoded_again
        now = acknowledged(place)
        assert safe.items() <= now.items(), "something that was acknowledged is gone"
        safe = now
    log.write_text("")
    process = start(place, pictures, log, 0.0)
    last_words = process.communicate()[0]
    assert process.returncode == 0
    assert last_words == f"done {PICTURES - len(safe)} {len(safe)} 0\n"
    encoded = [pixels[line] for line in log.read_text().split() if line in pixels]
    assert sorted(encoded) == sorted(set(pixels.values()) - safe.keys())
    assert acknowledged(place).keys() == set(pixels.values())
    assert len(safe) > PICTURES // 20, "the kills came too early to show anything"
