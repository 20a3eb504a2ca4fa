"""Figures of docs/benchmarks.md that must not get worse unseen, on photographs that the project does not carry."""

import json

import pytest

from tests.conftest import SHARED, CommandLine

CLOTHING = SHARED / "clothing"

REFERENCE = {"mAP": 0.4717, "P@1": 0.7600, "P@10": 0.6550}
"""PyTorch on the weights' own package, with the same pooling and whitening: benchmarks/reference_clothing.py."""


@pytest.mark.skipif(not CLOTHING.is_dir(), reason=f"{CLOTHING} is not here")
def test_eval_gives_what_the_reference_gives(yunmeng: CommandLine) -> None:
    done = yunmeng("eval", CLOTHING / "gallery", CLOTHING / "query", "--encoder", "efficientnet-lite2", "--json")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores.pop("queries") == 200
    assert scores == pytest.approx(REFERENCE, abs=0.005)
