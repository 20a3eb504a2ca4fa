"""Heads: what they learn from labels, when none is made, and that the graph with one gives the vectors it promises."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import CommandLine, paint, write_pictures
from tests.encoders.graphs import SIDE, colour_network, map_network
from yunmeng.config import Settings
from yunmeng.encoders import get_spec, load
from yunmeng.encoders.adding import add_graph
from yunmeng.encoders.catalogue import load_built_in
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.encoders.heads import Head, fit_heads, with_head
from yunmeng.errors import EncoderError
from yunmeng.evaluation.adapting import LEAST, choose_head
from yunmeng.evaluation.measures import class_scores, leave_one_out

DIM = 24


def labelled(classes: int, each: int, noise: float = 3.0, seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors whose class shows in a third of their values, under scatter that is the same in all classes."""
    draws = np.random.default_rng(seed)
    means = np.zeros((classes, DIM))
    means[:, : DIM // 3] = draws.standard_normal((classes, DIM // 3))
    scatter = np.linspace(noise, 0.3, DIM)[::-1]
    vectors = np.repeat(means, each, axis=0) + draws.standard_normal((classes * each, DIM)) * scatter
    names = [f"class {row // each}" for row in range(classes * each)]
    order = draws.permutation(len(names))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit[order].astype(np.float32), [names[row] for row in order]


def numbers(names: list[str]) -> NDArray[np.int64]:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def test_leave_one_out_is_each_against_the_others() -> None:
    vectors, names = labelled(4, 9)
    classes = numbers(names)
    found = leave_one_out(vectors, classes)
    each = [
        class_scores(
            np.delete(vectors, row, axis=0), np.delete(classes, row), vectors[row : row + 1], classes[row : row + 1]
        )
        for row in range(len(vectors))
    ]
    assert found.map == pytest.approx(np.mean([one.map for one in each]))
    assert found.precision_at_1 == pytest.approx(np.mean([one.precision_at_1 for one in each]))
    assert found.precision_at_10 == pytest.approx(np.mean([one.precision_at_10 for one in each]))


def test_scatter_within_classes_is_whitened() -> None:
    vectors, names = labelled(5, 200)
    (head,) = fit_heads(vectors, numbers(names), 1e-6, [0.0])
    moved = (vectors - head.mean) @ head.matrix
    within = moved - np.stack([moved[numbers(names) == number].mean(axis=0) for number in range(5)])[numbers(names)]
    np.testing.assert_allclose(within.T @ within / len(within), np.eye(DIM), atol=0.01)


def test_a_head_without_whitening_and_emphasis_only_centres() -> None:
    vectors, names = labelled(5, 40)
    (head,) = fit_heads(vectors, numbers(names), 1.0, [0.0])
    centred = vectors - vectors.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(head(vectors), centred, atol=1e-4)


def test_a_head_finds_more_of_pictures_and_of_classes_that_it_never_saw() -> None:
    vectors, names = labelled(12, 30)
    adapted = choose_head(vectors, names)
    assert (adapted.pictures, adapted.classes) == (12 * 23, 12)
    assert adapted.held_out.after.map > adapted.held_out.before.map + 0.1
    assert not adapted.held_out.worse
    assert adapted.unseen is not None
    assert adapted.unseen.pays
    others, other_names = labelled(12, 30, seed=1)  # other classes, in the same directions, under the same scatter
    before, after = (leave_one_out(one, numbers(other_names)) for one in (others, adapted.head(others)))
    assert after.map > before.map + 0.05


def test_labels_that_mean_nothing_make_no_head() -> None:
    vectors, names = labelled(8, 30)
    told = [told_of(vectors, [names[row] for row in np.random.default_rng(seed).permutation(240)]) for seed in range(6)]
    assert any(told)
    for one in filter(None, told):
        assert one.startswith("no head is made, as it would be worse")
        assert "\n" not in one


def told_of(vectors: NDArray[np.float32], labels: list[str]) -> str:
    """Return why no head is made; nothing where one is made, which is then no worse."""
    try:
        assert not choose_head(vectors, labels).held_out.worse
    except EncoderError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("classes", "each", "told"), [(1, 100, "100 of 1"), (2, 10, "20 of 2"), (40, 3, "0 of 0"), (0, 0, "0 of 0")]
)
def test_too_few_labels_are_told(classes: int, each: int, told: str) -> None:
    vectors, names = labelled(classes, each) if classes else (np.zeros((0, DIM), np.float32), [])
    with pytest.raises(EncoderError, match=f"{LEAST} labelled pictures of two classes.*there are {told}"):
        choose_head(vectors, names)


def test_with_few_classes_none_is_left_out() -> None:
    assert choose_head(*labelled(3, 40)).unseen is None


def as_jpeg(seed: int, tint: int) -> bytes:
    """A picture whose colour says its class, under noise of its own."""
    draws = np.random.default_rng(seed)
    colour = np.clip(np.array([tint, 128, 255 - tint]) + draws.normal(0, 40, 3), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), tuple(int(value) for value in colour)).save(stream, "JPEG")
    return stream.getvalue()


def some_head(dim: int) -> Head:
    draws = np.random.default_rng(5)
    return Head(draws.normal(0, 0.1, dim).astype(np.float32), draws.standard_normal((dim, dim)).astype(np.float32))


@pytest.mark.parametrize(
    ("rank", "pooling"), [(None, "none"), (4, "mean"), (4, "gem"), (3, "mean"), (3, "first")], ids=str
)
def test_a_graph_with_a_head_gives_what_head_and_encoder_give(
    rank: int | None, pooling: str, models: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "net.onnx"
    if rank is None:
        colour_network(file)
    else:
        map_network(file, rank)
    chosen = None if rank is None else pooling
    add_graph(describe_graph(file, models, name="net", input_size=SIDE, pooling=chosen), file, models)
    before = load("net", models)
    head = some_head(before.spec.dim)
    spec = with_head("net", head, "adapted", "40 pictures", models)
    pictures = [np.asarray(paint(seed)) for seed in range(5)]
    np.testing.assert_allclose(load("adapted", models).encode(pictures), head(before.encode(pictures)), atol=1e-5)
    assert spec.sha256 != before.spec.sha256
    assert (spec.name, spec.dim, spec.origin, spec.reads_text) == ("adapted", before.spec.dim, None, False)
    assert "40 pictures" in spec.source
    with_head("net", head, "again", "40 pictures", models)
    assert get_spec("again", models).sha256 == spec.sha256  # the same labels make the same encoder


def test_a_built_in_encoder_with_a_head(models: Settings) -> None:
    before = load_built_in("efficientnet-lite0", models)
    head = some_head(before.spec.dim)
    with_head("efficientnet-lite0", head, "mine", "labels", models)
    pictures = [np.asarray(paint(seed)) for seed in range(3)]
    np.testing.assert_allclose(load("mine", models).encode(pictures), head(before.encode(pictures)), atol=1e-5)


def test_the_command_line_adapts_to_a_library_and_to_folders(
    yunmeng: CommandLine, models: Settings, tmp_path: Path
) -> None:
    yunmeng.environment["YUNMENG_MODELS_DIR"] = str(models.models_dir)
    graph = colour_network(tmp_path / "net.onnx")
    add_graph(describe_graph(graph, models, name="net", input_size=SIDE), graph, models)
    folder = tmp_path / "classes"
    rows = ["path,kind,price"]
    for kind, start in (("a", 0), ("b", 100)):
        for file in sorted(write_pictures(folder / kind, 30).iterdir()):
            file.write_bytes(as_jpeg(start + int(file.stem), tint=40 if kind == "a" else 215))
            rows.append(f"{file.relative_to(tmp_path)},{kind},1.5")
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    made = json.loads(yunmeng("models", "adapt", "net", "--pictures", folder, "--json").stdout)
    assert (made["name"], made["classes"], made["failed"], made["unseen_classes"]) == ("net-adapted", 2, [], None)
    assert made["held_out"]["after"]["mAP"] >= made["held_out"]["before"]["mAP"]

    attributes = ["--attributes", "kind:str, price:float"]
    assert yunmeng("index", "rows.csv", "--db", "library", "--encoder", "net", *attributes).returncode == 0
    done = yunmeng("models", "adapt", "net", "--db", "library", "--labels", "kind", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "mine added" in done.stdout
    assert "Words are not found by their meaning" in done.stdout
    assert "by the attribute kind" in get_spec("mine", models).source
    assert yunmeng("reencode", "mine", "--db", "library").returncode == 0
    hits = json.loads(yunmeng("search", folder / "a" / "003.jpg", "--db", "library", "--json").stdout)["hits"]
    assert hits[0]["score"] == pytest.approx(1, abs=1e-4)

    for arguments, complaint in (
        (["net"], "--db DIR with --labels"),
        (["net", "--db", "library"], "--db DIR with --labels"),
        (["net", "--db", "library", "--labels", "kind"], "not encoded by this net"),
        (["mine", "--db", "library", "--labels", "colour"], "no attribute 'colour', only: kind, price"),
        (["mine", "--db", "library", "--labels", "price"], "price is of type float"),
        (["net", "--pictures", folder, "--name", "mine"], "there is a model mine already"),
    ):
        done = yunmeng("models", "adapt", *arguments)
        assert done.returncode == 2
        assert complaint in done.stderr
