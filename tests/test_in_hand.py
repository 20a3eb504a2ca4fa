"""A picture that kills the process twice is named and skipped; no other picture is."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import write_pictures
from tests.forking import fork_server
from yunmeng.errors import PictureError, Reason
from yunmeng.ingest import InHand

DRIVER = """
import json, os, signal, sys
from pathlib import Path
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.encoders.crops import Views

library, pictures, fatal = sys.argv[1:]
decode = Views.decode

def decode_or_die(self, data):
    if data == Path(fatal).read_bytes():
        os.kill(os.getpid(), signal.SIGKILL)
    return decode(self, data)

Views.decode = decode_or_die
settings = Settings(batch_size=2)
opened = Library.open(library, FakeEncoder(), settings) if Library.exists(library) else None
with opened or Library.create(library, FakeEncoder(), settings=settings) as lib:
    report = lib.index([pictures])
print(json.dumps([report.indexed + report.skipped, [(f.path, f.reason) for f in report.failed]]))
"""


def run(library: Path, pictures: Path, fatal: Path) -> "subprocess.CompletedProcess[str]":
    return fork_server().run("-c", DRIVER, library, pictures, fatal)


def test_what_kills_the_process_twice_is_named_and_skipped_until_it_changes(tmp_path: Path) -> None:
    pictures, library = write_pictures(tmp_path / "pictures", 6), tmp_path / "library"
    fatal = pictures / "003.jpg"
    assert [run(library, pictures, fatal).returncode for _ in range(2)] == [-9, -9]
    third = run(library, pictures, fatal)
    assert third.returncode == 0, third.stderr
    there, failed = json.loads(third.stdout)
    assert there == 5
    [(path, reason)] = failed
    assert path == str(fatal)
    assert reason.startswith("kills: ")
    assert "in-hand.json" in reason
    fatal.write_bytes(fatal.read_bytes() + b"\0")  # another file: it is tried again, and dies again
    assert run(library, pictures, fatal).returncode == -9


def die_with(place: Path, *digests: str) -> None:
    """What a process leaves that ends in the midst of decoding these."""
    code = f"""
import os
from pathlib import Path
from yunmeng.ingest import InHand
hand = InHand(Path({str(place)!r}))
held = [hand.holding(digest) for digest in {digests!r}]
for one in held:
    one.__enter__()
os._exit(9)
"""
    assert fork_server().run("-c", code).returncode == 9


def test_pictures_that_were_in_hand_beside_it_are_taken(tmp_path: Path) -> None:
    place = tmp_path / "in-hand.json"
    a, b, c = ("abc"[at] * 64 for at in range(3))
    die_with(place, a, b, c)
    with InHand(place) as second:
        for digest in (b, c):
            with second.holding(digest):
                pass
    die_with(place, a)
    with InHand(place) as third:
        with pytest.raises(PictureError) as caught, third.holding(a):
            pass
        assert caught.value.reason is Reason.KILLS
        for digest in (b, c):
            with third.holding(digest):
                pass


def test_a_picture_that_fails_without_killing_is_no_suspect_any_more(tmp_path: Path) -> None:
    place = tmp_path / "in-hand.json"
    die_with(place, "a" * 64)
    with InHand(place) as second, pytest.raises(PictureError, match="truncated"), second.holding("a" * 64):
        raise PictureError(Reason.TRUNCATED, "ends early")
    die_with(place, "a" * 64)
    with InHand(place) as third, third.holding("a" * 64):
        pass


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"versions": "other", "deaths": {}}', '{"deaths": 7}'])
def test_what_is_written_there_may_be_broken(tmp_path: Path, content: str) -> None:
    place = tmp_path / "in-hand.json"
    place.write_text(content)
    with InHand(place) as hand, hand.holding("a" * 64):
        pass


def test_a_folder_that_cannot_be_written_costs_no_picture(tmp_path: Path) -> None:
    with InHand(tmp_path / "nowhere" / "in-hand.json") as hand, hand.holding("a" * 64):
        pass


def test_processes_that_share_a_folder_do_not_take_each_other_for_dead(tmp_path: Path) -> None:
    place, picture = tmp_path / "in-hand.json", "a" * 64
    one = InHand(place, shared=True)
    with one.holding(picture):
        for _ in range(3):
            with InHand(place, shared=True) as other, other.holding("b" * 64):
                pass
            with InHand(place, shared=True) as other, other.holding(picture):
                pass
    one.close()
    left = next(iter(tmp_path.glob("in-hand-*-0.slots")))
    for _ in range(2):  # a process that has died in the midst of it
        left.write_text(picture)
        with InHand(place, shared=True) as next_one, next_one.holding("b" * 64):
            pass
    with InHand(place, shared=True) as last, pytest.raises(PictureError, match="kills"), last.holding(picture):
        pass
