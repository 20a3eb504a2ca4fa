"""Distillation: the student comes nearer to its teacher on pictures that it has not seen, or is not made."""

import json
import signal
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CommandLine, write_pictures
from tests.encoders.compress_networks import SIDE, small_network, small_pictures, unit
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders import get_spec, load
from yunmeng.encoders.adding import add_graph
from yunmeng.encoders.compress.distilling import LEAST, Stage, distill
from yunmeng.encoders.compress.imitation import fit_map, likeness, turned
from yunmeng.encoders.compress.training import Plan
from yunmeng.encoders.fitting import Source
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.errors import EncoderError, UnknownEncoder

need("torch", extra="train")

PLAN = Plan(epochs=8, batch=32, rate=3e-3, frozen=0.0)


def drawn(count: int, dim: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return unit(np.random.default_rng(seed).standard_normal((count, dim)))


@pytest.fixture
def models(cache_dir: Path, tmp_path: Path) -> Settings:
    """Settings with two models: a teacher of 10 dimensions and a student of 6."""
    settings = Settings(cache_dir=tmp_path / "cache", models_dir=tmp_path / "models", threads=2)
    for name, network in (
        ("teacher", small_network(tmp_path / "teacher.onnx", seed=9, dim=10, channels=24)),
        ("student", small_network(tmp_path / "student.onnx")),
    ):
        add_graph(describe_graph(network, settings, name=name, input_size=SIDE), network, settings)
    return settings


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("distilling") / "pictures", LEAST + 40)


def sources(folder: Path) -> list[Source]:
    return [(path.name, path.read_bytes) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("dim", [3, 6, 9])
def test_the_teachers_vectors_are_turned_and_no_cosine_changes(dim: int) -> None:
    teacher = unit(drawn(40, 4) @ drawn(4, dim, seed=1)) if dim > 6 else drawn(40, dim)
    targets = turned(teacher, drawn(40, 6, seed=2))
    assert targets.shape == (40, 6)
    np.testing.assert_allclose(targets @ targets.T, teacher @ teacher.T, atol=1e-5)


def test_a_turned_student_is_its_own_teacher() -> None:
    student, turn = drawn(40, 6), np.linalg.qr(drawn(6, 6, seed=1))[0]
    np.testing.assert_allclose(turned(np.asarray(student @ turn, np.float32), student), student, atol=1e-5)
    assert likeness(student, np.asarray(student @ turn, np.float32)).correlation == pytest.approx(1)
    assert likeness(student, np.asarray(student @ turn, np.float32)).overlap == 1
    assert abs(likeness(student, drawn(40, 6, seed=3)).correlation) < 0.2


def test_a_map_finds_what_is_linear_in_the_targets_and_leaves_the_rest() -> None:
    vectors, held = drawn(400, 6), np.arange(0, 400, 10)
    stretched = unit(vectors * np.array([3, 2, 1, 1, 1, 1]))
    assert (
        (fit_map(vectors, stretched, held)(vectors) * stretched).sum(axis=1).mean()
        > 0.99
        > (vectors * stretched).sum(axis=1).mean()
    )
    noise = fit_map(vectors, unit(vectors + 3 * drawn(400, 6, seed=4)), held)
    assert (noise(vectors) * vectors).sum(axis=1).mean() > 0.9


def test_a_student_comes_nearer_to_a_teacher_of_another_dimension(models: Settings, folder: Path) -> None:
    stages: dict[Stage, tuple[int, int]] = {}
    made = distill(
        "teacher",
        "student",
        models,
        [*sources(folder), ("broken.jpg", lambda: b"no picture")],
        new_name="pupil",
        plan=PLAN,
        on_stage=lambda stage, done, total: stages.update({stage: (done, total)}),
    )
    assert made is not None
    assert made.before.correlation < made.mapped.correlation < made.after.correlation
    assert made.after.overlap > made.before.overlap
    assert (made.pictures, [name for name, _ in made.failed]) == (LEAST + 40, ["broken.jpg"])
    assert stages.keys() == {"reading", "training"}  # no part of the network was frozen
    spec, before = get_spec("pupil", models), get_spec("student", models)
    assert (spec.dim, spec.input_size) == (before.dim, before.input_size)
    assert spec.sha256 not in (before.sha256, get_spec("teacher", models).sha256)
    assert f"student taught by teacher on {LEAST + 40 - made.held} pictures" in spec.source
    fresh = list(small_pictures(LEAST + 140)[-100:])
    ours, theirs = load("pupil", models).encode(fresh), load("teacher", models).encode(fresh)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert likeness(ours, theirs).correlation > likeness(load("student", models).encode(fresh), theirs).correlation
    assert not (models.cache_dir / "training" / "pupil").exists()


def test_a_student_that_was_stopped_goes_on(models: Settings, folder: Path) -> None:
    stop, done = threading.Event(), [0]

    def stop_soon(stage: Stage, _done: int, _total: int) -> None:
        done[0] += stage == "training"
        if stage == "training" and done[0] == 9:
            stop.set()

    make = partial(distill, "teacher", "student", models, sources(folder), new_name="pupil", plan=PLAN, expand=5)
    assert make(on_stage=stop_soon, stop=stop) is None
    with pytest.raises(UnknownEncoder):
        get_spec("pupil", models)
    stop.clear()
    assert make(on_stage=stop_soon, stop=stop) is not None
    assert done[0] == 8 * 5  # five batches in each of eight epochs, none of them twice
    assert "averaged over 5 neighbours" in get_spec("pupil", models).source


def test_a_student_that_gains_nothing_is_not_made(models: Settings, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no student is made.* 1\.0000 -> "):
        distill("student", "student", models, sources(folder), plan=PLAN)
    with pytest.raises(EncoderError, match=r"160 pictures or more are needed.*there are 20"):
        distill("teacher", "student", models, sources(folder)[:20], plan=PLAN)
    with pytest.raises(UnknownEncoder):
        get_spec("student-distilled", models)
    (tmp_path / "file").write_bytes(b"")
    elsewhere = models.model_copy(update={"cache_dir": tmp_path / "file"})
    with pytest.raises(EncoderError, match="set YUNMENG_CACHE_DIR"):
        distill("teacher", "student", elsewhere, sources(folder), plan=PLAN)


def test_the_command_goes_on_after_ctrl_c(yunmeng: CommandLine, models: Settings, folder: Path) -> None:
    yunmeng.environment |= {
        "YUNMENG_MODELS_DIR": str(models.models_dir),
        "YUNMENG_CACHE_DIR": str(models.cache_dir),
    }
    order = ("distill", "teacher", "--student", "student", "--name", "pupil", "--pictures", folder, "--epochs", "20")
    process = yunmeng.start("models", *order)
    work = models.cache_dir / "training" / "pupil"
    while process.poll() is None and not (work / "features.npy.key").exists():  # the last step before training
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert "Run the same command again to go on." in stderr
    assert (work / "checkpoint.pt").exists()
    done = yunmeng("models", *order)
    assert done.returncode == 0, done.stderr
    assert "student taught by teacher" in get_spec("pupil", models).source
    assert not work.exists()


def test_the_command_line_teaches_a_student_by_a_fusion_with_expansion(
    yunmeng: CommandLine, models: Settings, folder: Path, tmp_path: Path
) -> None:
    yunmeng.environment["YUNMENG_MODELS_DIR"] = str(models.models_dir)
    assert yunmeng("models", "fuse", "both", "--parts", "teacher,student").returncode == 0
    command: list[str | Path] = [
        "models",
        "distill",
        "both",
        "--student",
        "student",
        "--pictures",
        folder,
        "--epochs",
        "2",
    ]
    done = yunmeng(*command, "--expand", "10", "--curve", "curve.png", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["name"], made["pictures"], made["failed"]) == ("student-distilled", LEAST + 40, [])
    assert made["after"]["correlation"] > made["before"]["correlation"]
    assert 2 <= len(made["curve"]) <= 3
    with Image.open(tmp_path / "curve.png") as chart:
        colours = {
            tuple(colour) for colour in np.unique(np.asarray(chart.convert("RGB")).reshape(-1, 3), axis=0).tolist()
        }
    assert {(31, 119, 180), (255, 127, 14)} <= colours  # a line each: matplotlib's first two colours
    assert yunmeng("index", folder, "--db", "library", "--encoder", "student-distilled").returncode == 0
    done = yunmeng(
        "models", "distill", "teacher", "--student", "student", "--db", "library", "--name", "other", "--epochs", "1"
    )
    assert done.returncode == 0, done.stderr
    assert "other added, taught by teacher" in done.stdout

    for arguments, complaint in (
        (["teacher", "--student", "student"], "--pictures FOLDER or --db DIR"),
        ([*command[2:], "--curve", "curve.txt"], "ends in .png or .webp"),
        (command[2:], "there is a model student-distilled already"),
        (["teacher", "--student", "both", "--pictures", folder], "both is a fusion"),
        (["nobody", "--student", "student", "--pictures", folder, "--name", "x"], "no encoder 'nobody'"),
    ):
        done = yunmeng("models", "distill", *arguments)
        assert done.returncode == 2
        assert complaint in done.stderr
