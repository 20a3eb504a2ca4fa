"""What makes pictures the same, and what does not, by their records alone."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.duplicates.conftest import Find, flipped, ids, like, record
from tests.needing import need
from yunmeng.apps.duplicates.types import DuplicateTally, KeepRule

need("faiss", "cv2", extra="copies")


def test_the_same_bytes_are_the_same_file(find: Find, random: np.random.Generator) -> None:
    one = record("a", random)
    others = [record(f"x{number}", random) for number in range(50)]
    report = find([one, replace(one, id="b"), replace(one, id="c"), *others])
    assert ids(report) == [["a", "b", "c"]]
    assert {member.reason for member in report.groups[0].members} == {"same-file"}
    assert [member.score for member in report.groups[0].members] == pytest.approx([1, 1, 1])
    assert (report.pictures, report.duplicates, report.interrupted) == (53, 2, False)


def test_thousands_of_one_file_are_one_group(find: Find, random: np.random.Generator) -> None:
    one = record("0000", random)
    report = find([replace(one, id=f"{number:04}") for number in range(5_000)] + [record("other", random)])
    assert [len(group.members) for group in report.groups] == [5_000]


def test_a_fingerprint_with_a_few_other_bits_is_the_same_picture(find: Find, random: np.random.Generator) -> None:
    one = record("a", random)
    assert one.vector is not None
    copy = record("b", random, pdq=flipped(one.pdq, 12, random), vector=like(one.vector, 0.9, random))
    report = find([one, copy, *(record(f"x{number}", random) for number in range(50))])
    assert ids(report) == [["a", "b"]]
    assert [member.reason for member in report.groups[0].members] == ["same-picture"] * 2
    assert report.groups[0].members[0].score == pytest.approx(0.9, abs=1e-3)


def test_flat_pictures_are_the_same_only_by_their_bytes(find: Find, random: np.random.Generator) -> None:
    one = record("a", random, quality={"contrast": 0.05})
    assert find([one, record("b", random, pdq=one.pdq, vector=one.vector, quality=one.quality)]).groups == []
    assert ids(find([one, replace(one, id="c")])) == [["a", "c"]]


@pytest.mark.parametrize("pdq", ["0" * 64, "f" * 64, "f0" * 32, ""])
def test_a_code_that_all_pictures_have_says_nothing(pdq: str, find: Find, random: np.random.Generator) -> None:
    assert find([record(f"x{number}", random, pdq=pdq) for number in range(200)]).groups == []


def test_vectors_alone_must_be_very_close(find: Find, random: np.random.Generator) -> None:
    one, two = record("a", random), record("b", random)
    assert one.vector is not None
    assert two.vector is not None
    copies = [
        record("a-copy", random, vector=like(one.vector, 0.97, random)),
        record("b-like", random, vector=like(two.vector, 0.88, random)),
    ]
    report = find([one, two, *copies])
    assert ids(report) == [["a", "a-copy"]]
    assert report.groups[0].members[0].reason == "edited-copy"


def test_a_vector_that_stands_out_among_its_neighbours_may_be_less_close(
    find: Find, random: np.random.Generator
) -> None:
    centre = record("centre", random).vector
    assert centre is not None
    tight = [record(f"t{number:02}", random, vector=like(centre, 0.95, random)) for number in range(60)]
    apart = [record(f"s{number:02}", random) for number in range(60)]
    for kept in (tight, apart):
        assert kept[0].vector is not None
        copy = record("copy", random, vector=like(kept[0].vector, 0.92, random))
        found = ids(find([*kept, copy]))
        assert (found == [sorted([kept[0].id, "copy"])]) == (kept is apart)


def test_a_chain_of_look_alikes_is_no_group(find: Find, random: np.random.Generator) -> None:
    """Each is very close to the next, and the ends are nothing alike."""
    one, other = np.linalg.qr(random.normal(size=(64, 2)))[0].T
    steps = np.linspace(0, np.pi / 2, 7)  # neighbours at cosine 0.966, every other one at 0.866
    chain = [
        record(f"c{number}", random, vector=(np.cos(angle) * one + np.sin(angle) * other).astype(np.float32))
        for number, angle in enumerate(steps)
    ]
    report = find(chain)
    assert report.groups
    for group in report.groups:
        vectors = [chain[int(member.id[1])].vector for member in group.members]
        nearest = max(min(float(a @ b) for b in vectors) for a in vectors)  # type: ignore[operator]
        assert nearest > 0.95


def test_planted_groups_are_found_among_clusters(find: Find) -> None:
    random = np.random.default_rng(5)
    centres = [record("c", random).vector for _ in range(20)]
    background = [
        record(f"{number:04}", random, vector=like(centres[number % 20], 0.8, random))  # type: ignore[arg-type]
        for number in range(3_000)
    ]
    planted = {}
    for number in range(0, 3_000, 10):
        vector = background[number].vector
        assert vector is not None
        planted[f"{number:04}"] = [
            record(f"{number:04}-{copy}", random, vector=like(vector, random.uniform(0.92, 0.999), random))
            for copy in range(1 + number % 3)
        ]
    report = find([*background, *(copy for copies in planted.values() for copy in copies)])
    found = {member.id: group.keep for group in report.groups for member in group.members}
    pairs = [(original, copy.id) for original, copies in planted.items() for copy in copies]
    assert sum(a in found and found[a] == found.get(b) for a, b in pairs) >= 0.99 * len(pairs)
    right = sum(len({member.id[:4] for member in group.members}) == 1 for group in report.groups)
    assert right >= 0.99 * len(report.groups)


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("largest", "big"), ("smallest", "small"), ("oldest", "old"), ("newest", "new"), ("sharpest", "sharp")],
)
def test_what_stays_goes_by_the_rule(
    keep: KeepRule, kept: str, find: Find, random: np.random.Generator, tmp_path: Path
) -> None:
    one = record("middle", random)
    assert one.vector is not None
    made = []
    for number, (id, side, sharpness) in enumerate(
        [("big", 900, 100), ("small", 50, 100), ("old", 100, 100), ("new", 100, 100), ("sharp", 100, 900)]
    ):
        file = tmp_path / id
        file.write_bytes(b"x")
        moment = {"old": 1_000_000, "new": 2_000_000}.get(id, 1_500_000 + number)
        os.utime(file, (moment, moment))
        changed = record(id, random, width=side, height=side, uri=str(file), pdq=flipped(one.pdq, 3, random))
        made.append(replace(changed, vector=one.vector, quality={"contrast": 0.6, "sharpness": float(sharpness)}))
    (group,) = find([one, *made], keep=keep).groups
    assert group.keep == kept
    assert len(group.discard) == 5
    assert {member.bytes for member in group.members} == {1, None}


def test_it_tells_how_far_it_is_and_can_be_stopped(find: Find, random: np.random.Generator) -> None:
    one = record("a", random)
    told: list[DuplicateTally] = []
    find([one, replace(one, id="b"), record("c", random)], on_tally=told.append)
    assert [tally.phase for tally in told] == sorted(
        (tally.phase for tally in told), key=["reading", "pairing", "verifying"].index
    )
    assert told[0].total == 3
    stop = threading.Event()
    stop.set()
    report = find([one, replace(one, id="b")], stop=stop)
    assert (report.groups, report.interrupted) == ([], True)


def test_nothing_is_found_in_nothing(find: Find) -> None:
    assert find([]).groups == []
