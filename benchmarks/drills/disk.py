"""Drills of the disk: full, read-only, damaged."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.drills.ground import Impossible, check, command, contents, filled, pictures, refused
from yunmeng.stores.zvec.disk import ROOM

__all__ = ["corrupted_state", "corrupted_store", "full_disk", "read_only_disk"]


def full_disk(folder: Path) -> str:
    """An import on a full disk ends with one line; what was acknowledged is there; with room again it goes on."""
    with _mounted(folder / "small", ROOM + 30_000_000) as disk:
        _, library, before = filled(folder, 40, disk / "library")
        more = pictures(folder / "pictures", 30, start=40)
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(30_000_000))
        line = refused(command("index", more, "--db", library), "nearly full")
        check(contents(library) == before, "the 40 pictures as they were, while the disk is full")
        ballast.unlink()
        report = _indexed(command("index", more, "--db", library, "--json"))
        check(report == (30, 40), f"30 indexed and 40 skipped once there is room, not {report}")
        check(before.items() <= contents(library).items(), "the 40 pictures as they were, afterwards")
    return f'40 of 40 kept, 30 more afterwards; "{line[:60]}..."'


def read_only_disk(folder: Path) -> str:
    """On a disk that is read-only, every command ends with one line; writable again, all is there."""
    with _mounted(folder / "disk", ROOM + 60_000_000) as disk:
        _, library, before = filled(folder, 20, disk / "library")
        more = pictures(folder / "pictures", 5, start=20)
        _mount("-o", "remount,ro", disk)
        try:
            line = refused(command("index", more, "--db", library))
            refused(command("delete", "0003.jpg", "--db", library))
        finally:
            _mount("-o", "remount,rw", disk)
        check(contents(library) == before, "the 20 pictures as they were")
        report = _indexed(command("index", more, "--db", library, "--json"))
        check(report == (5, 20), f"5 indexed and 20 skipped once it is writable, not {report}")
    return f'20 of 20 kept, 5 more afterwards; "{line[-70:]}"'


def corrupted_store(folder: Path) -> str:
    """A damaged file of the store is told in one line or does no harm; the backup gives everything back."""
    _, library, before = filled(folder, 40)
    backup = folder / "backup"
    check(command("backup", backup, "--db", library).returncode == 0, "a backup")
    files = sorted(path for path in (library / "store").rglob("*") if path.is_file() and path.stat().st_size > 100)
    told = 0
    for number, file in enumerate(files[:: max(1, len(files) // 8)]):
        hurt = folder / f"hurt-{number}"
        shutil.copytree(library, hurt)
        damaged = hurt / file.relative_to(library)
        damaged.write_bytes(damaged.read_bytes()[: file.stat().st_size // 2])
        done = command("search", "id:0003.jpg", "--db", hurt, "-k", "50", "--json")
        if done.returncode == 0:
            check(contents(hurt) == before, f"all pictures, or a complaint, with {file.name} cut")
        else:
            refused(done, "yunmeng restore")
            told += 1
    check(told > 0, "at least one file whose damage matters")
    _restored(folder, backup, before)
    return f"{told} of {number + 1} damaged files told in one line, the others did no harm; 40 of 40 by restore"


def corrupted_state(folder: Path) -> str:
    """A damaged state.db is told in one line; searches go on without it; the backup gives everything back."""
    source, library, before = filled(folder, 20)
    backup = folder / "backup"
    check(command("backup", backup, "--db", library).returncode == 0, "a backup")
    state = library / "state.db"
    state.write_bytes(b"\xff" * state.stat().st_size)
    found = json.loads(command("search", "id:0003.jpg", "--db", library, "-k", "50", "--json").stdout)
    check(len(found["hits"]) == 20, "searches that go on")
    line = refused(command("index", source, "--db", library), "state", "yunmeng restore")
    _restored(folder, backup, before)
    return f'searches went on; "{line[-70:]}"; 20 of 20 by restore'


def _restored(folder: Path, backup: Path, before: dict[str, str]) -> None:
    check(command("verify", backup).returncode == 0, "a backup that is whole")
    check(command("restore", backup, "--db", folder / "restored").returncode == 0, "a backup that can be restored")
    check(contents(folder / "restored") == before, "everything back by restore")


def _indexed(done: "subprocess.CompletedProcess[str]") -> tuple[int, int]:
    check(done.returncode == 0, f"an import that works: {done.stderr[-300:]}")
    report = json.loads(done.stdout)
    return report["indexed"], report["skipped"]


@contextmanager
def _mounted(place: Path, size: int) -> Iterator[Path]:
    """A file system of ``size`` bytes."""
    place.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def _mount(*arguments: str | Path) -> None:
    if subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode:
        raise Impossible("a file system can be mounted by root only")
