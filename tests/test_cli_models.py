"""``yunmeng models`` as people run it, in a process of its own."""

import json
from pathlib import Path

import pytest
from onnx import TensorProto

from tests.conftest import CommandLine, told_in_one_line, write_pictures
from tests.encoders.graphs import DIM, SIDE, colour_network
from yunmeng.encoders.description import OnnxDescription, PictureTower, dump_description


@pytest.fixture
def shelf(yunmeng: CommandLine, tmp_path: Path) -> CommandLine:
    """A command line whose added models are the test's own."""
    yunmeng.environment["YUNMENG_MODELS_DIR"] = str(tmp_path / "models")
    return yunmeng


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return colour_network(tmp_path / "colours.onnx")


def test_the_built_in_ones_are_listed_and_shown(shelf: CommandLine) -> None:
    listed = json.loads(shelf("models", "list", "--json").stdout)
    assert [model["name"] for model in listed["models"]] == ["efficientnet-lite0", "efficientnet-lite2"]
    assert [model["default"] for model in listed["models"]] == [False, True]
    assert listed["broken"] == []
    shown = json.loads(shelf("models", "show", "efficientnet-lite2", "--json").stdout)
    assert (shown["dim"], shown["input_size"], shown["licence"]) == (512, 260, "Apache-2.0")
    assert shown["built_in"]


def test_a_graph_is_added_used_and_removed(shelf: CommandLine, graph: Path, tmp_path: Path) -> None:
    done = shelf("models", "add", graph, "--licence", "MIT", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"]["dim"] == DIM
    lines = shelf("models", "list").stdout.splitlines()
    assert len(lines) == 3
    assert lines[2].split() == f"colours {DIM}-d {SIDE} px pictures MIT file colours.onnx".split()
    shown = json.loads(shelf("models", "show", "colours", "--json").stdout)
    assert list(shown["files"]) == ["colours.onnx"]
    assert shown["bytes"] > graph.stat().st_size
    assert "colours.onnx" in shelf("models", "show", "colours").stdout

    pictures = write_pictures(tmp_path / "pictures", 4)
    assert shelf("index", pictures, "--db", "library", "--encoder", "colours").returncode == 0
    hits = json.loads(shelf("search", pictures / "002.jpg", "--db", "library", "--json").stdout)["hits"]
    assert hits[0]["id"] == "002.jpg"

    assert shelf("models", "remove", "colours").stdout == "colours removed\n"
    done = shelf("search", pictures / "002.jpg", "--db", "library")
    assert done.returncode == 2
    assert "no encoder 'colours'" in done.stderr


def test_a_described_model_is_added_from_its_folder_under_another_name(shelf: CommandLine, graph: Path) -> None:
    row = OnnxDescription(name="mine", dim=DIM, picture=PictureTower(file=graph.name, input_size=SIDE))
    (graph.parent / "model.toml").write_text(dump_description(row), encoding="utf-8")
    assert shelf("models", "add", graph.parent / "model.toml").stdout.startswith(f"mine added: {DIM}-d, {SIDE} px")
    assert shelf("models", "add", graph.parent, "--name", "other").returncode == 0
    names = [model["name"] for model in json.loads(shelf("models", "list", "--json").stdout)["models"]]
    assert names[2:] == ["mine", "other"]
    assert json.loads(shelf("models", "remove", "mine", "other", "--json").stdout) == {"removed": ["mine", "other"]}


def test_mean_and_deviation_are_taken_or_said_to_be_guessed(shelf: CommandLine, tmp_path: Path) -> None:
    file = colour_network(tmp_path / "floats.onnx", kind=TensorProto.FLOAT)
    assert "ImageNet's mean" in shelf("models", "add", file).stderr
    assert shelf("models", "add", file, "--name", "b", "--mean", "0,0,0", "--std", "1,1,1").stderr == ""


def test_speeds_are_compared(shelf: CommandLine, graph: Path, tmp_path: Path) -> None:
    shelf("models", "add", graph)
    pictures = write_pictures(tmp_path / "pictures", 3)
    (pictures / "broken.jpg").write_bytes((pictures / "000.jpg").read_bytes()[:300])
    names = ["colours", "efficientnet-lite0"]
    done = shelf("models", "bench", *names, "--pictures", pictures, "--seconds", "0.2", "--json")
    rows = json.loads(done.stdout)["models"]
    assert [row["name"] for row in rows] == names
    assert all(row["pictures_per_second"] > 0 < row["pictures_per_second_alone"] for row in rows)
    assert all(row["milliseconds_per_text"] is None for row in rows)
    assert rows[1]["bytes"] > 1_000_000 > rows[0]["bytes"] > 0
    assert "broken.jpg" in done.stderr
    table = shelf("models", "bench", "colours", "--seconds", "0.1").stdout.splitlines()
    assert len(table) == 2
    assert table[1].startswith("colours ")


def test_a_broken_model_is_listed_as_such(shelf: CommandLine, graph: Path, tmp_path: Path) -> None:
    shelf("models", "add", graph)
    file = tmp_path / "models" / "colours" / "model.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(f"dim = {DIM}", "dim = true and false"), encoding="utf-8")
    done = shelf("models", "list")
    assert done.returncode == 0
    assert "colours cannot be used" in done.stderr
    assert json.loads(shelf("models", "list", "--json").stdout)["broken"][0]["name"] == "colours"
    assert shelf("models", "remove", "colours").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["add", "nonsense"], "of no known family: timm, open_clip, transformers"),
        (["add", "keras:resnet50"], "of no known family"),
        (["add", "timm:"], "names no model: write it as in timm:"),
        (["add", "missing.onnx"], "no such file: missing.onnx"),
        (["add", "missing.toml"], "cannot read missing.toml"),
        (["add", "pictures"], "model.toml"),
        (["add", "colours.onnx", "--weights", "x"], "--weights cannot be said of an .onnx file"),
        (["add", "colours.onnx", "--mean", "red"], "not three numbers"),
        (["add", "colours.onnx", "--dim", "7"], "promises 2x7"),
        (["add", "colours.onnx", "--name", "efficientnet-lite2"], "is built in"),
        (["add", "timm:resnet18", "--mean", "0,0,0"], "--mean cannot be said of a model from PyTorch"),
        (["remove", "nonsense"], "models list"),
        (["bench", "nonsense"], "models list"),
        (["bench", "--pictures", "empty"], "no pictures in"),
    ],
)
def test_wrong_use_is_told_in_one_line(
    shelf: CommandLine, graph: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    assert graph.exists()
    write_pictures(tmp_path / "pictures", 1)
    (tmp_path / "empty").mkdir()
    told_in_one_line(shelf("models", *arguments), complaint)


def test_without_pytorch_the_extra_is_named(shelf: CommandLine, tmp_path: Path) -> None:
    """A module of the user's path that cannot be imported stands for one that is not installed."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "torch.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
    )
    done = shelf("models", "add", "timm:resnet18", PYTHONPATH=str(tmp_path / "hidden"))
    assert done.returncode == 2
    assert "torch is missing" in done.stderr
    assert 'pip install "yunmeng[export]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
