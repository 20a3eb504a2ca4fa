"""``yunmeng models fuse``, as users run it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CommandLine

PARTS = "efficientnet-lite0,efficientnet-lite2"


@pytest.fixture
def fuse(yunmeng: CommandLine) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = yunmeng("models", "fuse", *arguments, YUNMENG_MODELS_DIR=str(yunmeng.folder / "models"))
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_fusion_fitted_on_a_folder_makes_a_library(
    fuse: Callable[..., tuple[int, str, str]], yunmeng: CommandLine, make_pictures: Callable[..., Path]
) -> None:
    pictures = make_pictures(12)
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff half of it")
    code, out, err = fuse("mine", "--parts", PARTS, "--weights", "1,0.5", "--dim", "6", "--fit", pictures, "--json")
    report = json.loads(out)
    assert (code, report["name"], report["dim"], report["pictures"]) == (1, "mine", 6, 12)
    assert 0 < report["explained_variance"] <= 1
    assert [Path(failure["path"]).name for failure in report["failed"]] == ["broken.jpg"]
    assert "broken.jpg" in err
    models = {"YUNMENG_MODELS_DIR": str(yunmeng.folder / "models")}
    (pictures / "broken.jpg").unlink()
    assert yunmeng("index", pictures, "--db", "lib", "--encoder", "mine", **models).returncode == 0
    found = json.loads(yunmeng("search", pictures / "003.jpg", "--db", "lib", "--json", **models).stdout)
    assert found["hits"][0]["id"] == "003.jpg"
    assert found["hits"][0]["score"] == pytest.approx(1, abs=1e-4)
    worded = yunmeng("search", "zebra", "--db", "lib", **models)
    assert (worded.returncode, worded.stdout) == (0, "")
    assert "only names and attributes were searched" in worded.stderr


def test_a_fusion_can_be_fitted_on_the_pictures_of_a_library(
    fuse: Callable[..., tuple[int, str, str]], yunmeng: CommandLine, make_pictures: Callable[..., Path]
) -> None:
    yunmeng("index", make_pictures(9), "--db", "lib", "--encoder", "efficientnet-lite0")
    code, out, _ = fuse("mine", "--parts", PARTS, "--dim", "5", "--db", "lib")
    assert code == 0
    assert out.splitlines()[0] == "mine: 5-d, fusion of efficientnet-lite0, efficientnet-lite2"
    assert out.splitlines()[1].startswith("fitted on 9 pictures; keeps ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parts", "efficientnet-lite0"], "needs two different encoders or more"),
        (["--parts", "efficientnet-lite0,nonsense"], "there is no encoder 'nonsense'"),
        (["--parts", PARTS, "--weights", "1,heavy"], "'1,heavy' is not a list of numbers like 1,0.5"),
        (["--parts", PARTS, "--weights", "1"], "there are 2 parts and 1 weights"),
        (["--parts", PARTS, "--dim", "64"], "--dim needs a projection: add --fit PICTURES or --db DIR"),
        (["--parts", PARTS, "--fit", "nowhere"], "'nowhere' does not exist"),
        (["--parts", PARTS, "--fit", "."], "there are no pictures to fit on"),
        (["--parts", PARTS, "--db", "nowhere"], "no library at nowhere"),
    ],
)
def test_mistakes_are_told_in_the_last_line(
    fuse: Callable[..., tuple[int, str, str]], arguments: list[str], said: str
) -> None:
    code, out, err = fuse("mine", *arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]
