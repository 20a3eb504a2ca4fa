"""Training of graphs: PyTorch computes what ONNX Runtime does, the graph that is written back has what was learnt, and
training that was stopped or killed reaches the same weights."""

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.encoders.compress_networks import SIDE, small_network, small_pictures, unit
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders.catalogue import network_of
from yunmeng.encoders.compress.graphs import picture_graph
from yunmeng.encoders.compress.losses import cosine_loss, similarity_loss
from yunmeng.encoders.compress.torch_graph import TorchGraph
from yunmeng.encoders.compress.training import Plan, Trained, train_graph
from yunmeng.encoders.description import PictureTower
from yunmeng.errors import EncoderError

need("torch", extra="train")
import torch  # noqa: E402

TOWER = PictureTower(file="picture.onnx", input_size=SIDE)
PLAN = Plan(epochs=8, batch=16, rate=3e-3, frozen=0.0)


def by_onnxruntime(model: onnx.ModelProto, batch: NDArray[Any]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {session.get_inputs()[0].name: batch})
    return np.asarray(found)


def one_operator(operator: str, shape: tuple[int, ...], *constants: Any, **attributes: Any) -> onnx.ModelProto:
    """A graph of one operator, with None for an input that is left out."""
    names = ["" if constant is None else f"c{at}" for at, constant in enumerate(constants)]
    tensors = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in zip(names, constants, strict=True) if name
    ]
    outputs = ["y"] if operator != "Split" else ["other", "y"]
    node = helper.make_node(operator, ["x", *names], outputs, **attributes)
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "one", [source], [target], tensors)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def drawn(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


MAPS = (2, 4, 9, 9)


@pytest.mark.parametrize(
    "model",
    [
        one_operator("Conv", MAPS, drawn(6, 4, 3, 3), drawn(6), pads=[0, 1, 2, 1], strides=[2, 1]),
        one_operator("Conv", MAPS, drawn(4, 1, 3, 3), group=4, auto_pad="SAME_UPPER", strides=[2, 2]),
        one_operator("Conv", MAPS, drawn(4, 2, 3, 3), group=2, auto_pad="SAME_LOWER", strides=[2, 2]),
        one_operator("Conv", MAPS, drawn(4, 4, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2]),
        one_operator("MaxPool", MAPS, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        one_operator("AveragePool", MAPS, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        one_operator("AveragePool", MAPS, kernel_shape=[3, 3], pads=[0, 0, 1, 1], strides=[2, 2]),
        one_operator("AveragePool", MAPS, kernel_shape=[2, 2], pads=[0, 1, 0, 1], count_include_pad=1),
        one_operator("BatchNormalization", MAPS, drawn(4), drawn(4), drawn(4), np.abs(drawn(4)), epsilon=1e-3),
        one_operator("LayerNormalization", (2, 5, 8), drawn(8), drawn(8), axis=-1),
        one_operator("Gemm", (3, 5), drawn(7, 5), drawn(7), transB=1, alpha=0.5),
        one_operator("HardSigmoid", MAPS, alpha=1 / 6),
        one_operator("HardSwish", MAPS),
        one_operator("LeakyRelu", MAPS, alpha=0.2),
        one_operator("Softmax", (2, 5, 8), axis=1),
        one_operator("Clip", MAPS, None, np.float32(0.5)),
        one_operator("ReduceL2", (2, 5, 8), ints(1), keepdims=0),
        one_operator("ReduceMean", (2, 5, 8), ints(-1, 1)),
        one_operator("ReduceMax", (2, 5, 8), ints(2)),
        one_operator("Slice", (2, 5, 8), ints(4, 1), ints(-100, 7), ints(1, 2), ints(-1, 3)),
        one_operator("Split", (2, 5, 8), ints(2, 3), axis=1),
        one_operator("Split", (2, 5, 8), axis=2, num_outputs=2),
        one_operator("Gather", (2, 5, 8), ints(-1, 2), axis=1),
        one_operator("Gather", (2, 5, 8), np.int64(3), axis=2),
        one_operator("Pad", MAPS, ints(1, 0, 2, 1), np.float32(3), ints(3, 2)),
        one_operator("Reshape", (2, 5, 8), ints(0, -1, 4)),
        one_operator("Squeeze", (2, 1, 8), ints(1)),
        one_operator("Unsqueeze", (2, 5), ints(0, -1)),
        one_operator("Expand", (2, 1, 8), ints(5, 1)),
        one_operator("Transpose", (2, 5, 8)),
        one_operator("Flatten", MAPS, axis=2),
        one_operator("Erf", MAPS),
        one_operator("Max", (2, 5), np.float32(0.1)),
    ],
    ids=lambda model: model.graph.node[0].op_type,
)
def test_an_operator_does_what_it_does_in_onnxruntime(model: onnx.ModelProto) -> None:
    shape = [side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim]
    batch = drawn(*shape)
    found = TorchGraph(model)(torch.from_numpy(batch)).detach().numpy()
    np.testing.assert_allclose(found, by_onnxruntime(model, batch), rtol=1e-5, atol=1e-5)


def test_a_built_in_network_gives_the_same_vectors_whole_and_in_two_parts(graph_settings: Settings) -> None:
    description, graph = network_of("efficientnet-lite0", graph_settings)
    model = picture_graph(graph, description.picture)
    batch = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    network, pixels = TorchGraph(model), torch.from_numpy(batch)
    with torch.no_grad():
        whole = network(pixels)
        cut = network.cut_after(pixels[:1], 0.5)
        assert cut is not None
        assert torch.equal(network(network.until(pixels, cut), cut), whole)
    np.testing.assert_allclose(whole.numpy(), by_onnxruntime(model, batch), atol=1e-5)
    assert 0 < len(network.behind(cut)) < len(network.weights)


def test_what_cannot_be_trained_is_refused_by_name() -> None:
    with pytest.raises(EncoderError, match="not known here: EyeLike"):
        TorchGraph(one_operator("EyeLike", (3, 3)))
    old = one_operator("Relu", MAPS)
    old.opset_import[0].version = 11
    with pytest.raises(EncoderError, match="opset 11"):
        TorchGraph(old)


def test_losses_are_those_of_the_papers() -> None:
    ours, theirs = unit(drawn(5, 4)), unit(drawn(5, 4)[::-1] + 1)
    tensors = torch.from_numpy(ours), torch.from_numpy(theirs)
    assert float(cosine_loss(*tensors)) == pytest.approx(1 - (ours * theirs).sum() / 5, abs=1e-6)
    matrices = [unit(each @ each.T) for each in (ours, theirs)]
    assert float(similarity_loss(*tensors)) == pytest.approx(((matrices[0] - matrices[1]) ** 2).sum() / 5, abs=1e-6)
    turn = np.linalg.qr(drawn(4, 4))[0].astype(np.float32)
    assert float(similarity_loss(tensors[0], torch.from_numpy(ours @ turn))) == pytest.approx(0, abs=1e-6)


class Task:
    """A student whose targets are another network's vectors of 120 pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = onnx.load(small_network(folder / "student.onnx"))
        self.pixels = small_pictures(120)
        teacher = onnx.load(small_network(folder / "teacher.onnx", seed=9, channels=24))
        self.targets = unit(by_onnxruntime(teacher, self.pixels))

    def train(self, where: str, plan: Plan = PLAN, **more: Any) -> Trained | None:
        return train_graph(self.model, TOWER, self.pixels, self.targets, self.folder / where, plan, **more)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(tmp_path)


@pytest.mark.parametrize("frozen", [0.0, 0.6])
def test_the_graph_that_is_written_has_what_was_learnt(task: Task, frozen: float) -> None:
    plan = Plan(epochs=8, batch=16, rate=3e-3, frozen=frozen)
    seen: list[tuple[int, int]] = []
    trained = task.train("made", plan, on_step=lambda done, total: seen.append((done, total)))
    assert trained is not None
    curve = [epoch.validation for epoch in trained.curve]
    assert trained.best == int(np.argmin(curve)) > 0
    assert curve[trained.best] < 0.8 * curve[0]
    assert seen == sorted(seen)
    assert seen[-1] == (8 * 108, 8 * 108)
    held = np.arange(len(task.pixels)) % 10 == 9
    vectors = unit(by_onnxruntime(trained.model, task.pixels[held]))
    cosine = (vectors * task.targets[held]).sum(axis=1).mean()
    assert cosine == pytest.approx(trained.curve[trained.best].cosine, abs=1e-4 if frozen == 0 else 1e-3)
    before, after = (
        {one.name: numpy_helper.to_array(one) for one in m.graph.initializer} for m in (task.model, trained.model)
    )
    same = [name for name, value in before.items() if np.array_equal(value, after[name])]
    assert ("stem" in same) == (frozen > 0)
    assert "matrix" not in same
    assert [node.op_type for node in trained.model.graph.node] == [node.op_type for node in task.model.graph.node]


def test_without_a_better_epoch_training_ends_early_and_nothing_changes(task: Task) -> None:
    task.targets = unit(by_onnxruntime(task.model, task.pixels))
    trained = task.train("made", Plan(epochs=50, batch=16, rate=0.01, frozen=0.0, patience=2))
    assert trained is not None
    assert (trained.best, len(trained.curve)) == (0, 3)
    assert by_onnxruntime(trained.model, task.pixels) == pytest.approx(by_onnxruntime(task.model, task.pixels))


def weights(trained: Trained | None) -> dict[str, NDArray[Any]]:
    assert trained is not None
    return {one.name: numpy_helper.to_array(one) for one in trained.model.graph.initializer}


def assert_same(one: Trained | None, other: Trained | None) -> None:
    ours, theirs = weights(one), weights(other)
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=0, atol=1e-6, err_msg=name)


def test_stopped_training_goes_on_to_the_same_weights(task: Task) -> None:
    whole = task.train("whole")
    stop, done = threading.Event(), [0]

    def after_eleven(count: int, _total: int) -> None:
        done[0] += 1
        if done[0] == 11:
            stop.set()

    assert task.train("parts", on_step=after_eleven, stop=stop) is None
    done[0] = -1000
    stop.clear()
    assert_same(task.train("parts", on_step=after_eleven, stop=stop), whole)
    assert done[0] == -1000 + 8 * 7 - 11  # what was done was not done again


def test_a_checkpoint_of_another_training_is_not_used(task: Task) -> None:
    first = task.train("same")
    task.targets = task.targets[::-1].copy()
    assert_same(task.train("same"), task.train("other"))
    assert first is not None


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.encoders.test_training import PLAN, Task
done = [0]
def kill(_count, _total):
    done[0] += 1
    if done[0] == 17:
        os.kill(os.getpid(), signal.SIGKILL)
Task(Path(sys.argv[1])).train("killed", on_step=kill, save_every=0.0)
"""


def test_killed_training_goes_on_to_the_same_weights(task: Task, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parents[2], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    steps: list[int] = []
    found = task.train("killed", on_step=lambda count, _total: steps.append(count))
    assert_same(found, task.train("whole"))
    assert len(steps) == 8 * 7 - 17
