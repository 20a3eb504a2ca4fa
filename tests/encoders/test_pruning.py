"""Pruning: what is cut out of a graph, what least squares makes up for, and what is said where it cannot be done."""

import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests.conftest import CommandLine, paint, write_pictures
from tests.encoders.graphs import SIDE, layered_network, map_network, residual_network
from yunmeng.config import Settings
from yunmeng.encoders import get_spec, load
from yunmeng.encoders.adding import add_graph
from yunmeng.encoders.compress.allocation import Work, allocate
from yunmeng.encoders.compress.calibration import Calibration
from yunmeng.encoders.compress.chains import Network
from yunmeng.encoders.compress.pruning import LEAST, Pruned, prune
from yunmeng.encoders.compress.reconstruction import Moments, eliminate, regress
from yunmeng.encoders.fitting import Source
from yunmeng.encoders.fusion_fitting import fuse
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.encoders.protocol import Origin
from yunmeng.errors import EncoderError, UnknownEncoder

Vectors = NDArray[np.float32]
PIXELS = np.random.default_rng(7).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    folder = write_pictures(tmp_path_factory.mktemp("fitting"), LEAST + 20)
    return [(file.name, file.read_bytes) for file in sorted(folder.iterdir())]


def add(file: Path, models: Settings, name: str = "net") -> None:
    add_graph(describe_graph(file, models, name=name, input_size=16), file, models)


def pruned(*arguments: Any, **options: Any) -> Pruned:
    made = prune(*arguments, **options)
    assert made is not None
    return made


def network(file: Path) -> Network:
    return Network(onnx.load(file))


def vectors(model: onnx.ModelProto) -> Vectors:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"pixels": PIXELS})[0])


def test_channels_between_convolutions_can_be_cut_and_those_of_a_sum_cannot(tmp_path: Path) -> None:
    found = network(residual_network(tmp_path / "net.onnx")).chains()
    assert [(chain.channels, chain.kernel, len(chain.between)) for chain in found] == [(32, (1, 1), 1)] * 2
    deep = network(layered_network(tmp_path / "deep.onnx")).chains()
    assert [(chain.channels, chain.kernel) for chain in deep] == [(32, (3, 3))] * 3
    assert network(residual_network(tmp_path / "gated.onnx", gated=True)).chains() == []


@pytest.mark.parametrize("make", [residual_network, layered_network])
def test_a_graph_without_channels_gives_what_it_gives_with_these_at_zero(make: object, tmp_path: Path) -> None:
    assert callable(make)
    file = make(tmp_path / "net.onnx")
    small, zeroed = network(file), network(file)
    kept = np.array([0, 1, 4, 7, 8, 19, 30])
    for chain in small.chains():
        weight = zeroed.constant(chain.consumer, 1)
        assert weight is not None
        bare = np.zeros_like(weight)
        bare[:, kept] = weight[:, kept]
        zeroed.refit(chain, bare, np.zeros(len(weight), np.float32))
        small.cut(chain, kept)
    cut = small.finished()
    onnx.checker.check_model(cut, full_check=True)
    assert cut.ByteSize() < 0.4 * onnx.load(file).ByteSize()
    np.testing.assert_allclose(vectors(cut), vectors(zeroed.finished()), rtol=1e-4, atol=1e-4)


def seen(channels: int, group: int, outputs: int = 3) -> tuple[Moments, Vectors, Vectors]:
    """Moments of correlated inputs and of a linear map of them, and both themselves."""
    random = np.random.default_rng(8)
    mixed = random.standard_normal((2000, 5)) @ random.standard_normal((5, channels * group))
    inputs = (mixed + 0.5 * random.standard_normal((2000, channels * group)) + 1).astype(np.float32)
    wanted = (inputs @ random.standard_normal((channels * group, outputs)) + 3).astype(np.float32)
    moments = Moments(channels * group, outputs)
    for start in range(0, 2000, 500):
        moments.add(inputs[start : start + 500], wanted[start : start + 500])
    return moments, inputs, wanted


@pytest.mark.parametrize("group", [1, 4])
def test_the_channels_that_go_are_those_that_cost_least(group: int) -> None:
    channels = 8
    moments, inputs, wanted = seen(channels, group)

    def error(kept: list[int]) -> float:
        """The mean squared error of the best linear map of some channels, by NumPy's own least squares."""
        rows = [channel * group + at for channel in kept for at in range(group)]
        own = np.c_[inputs[:, rows], np.ones(len(inputs))].astype(np.float64)
        best = np.linalg.lstsq(own, wanted, rcond=None)[0]
        return float(((own @ best - wanted) ** 2).sum(axis=1).mean())

    found = eliminate(moments, group)
    assert sorted(found.order) == list(range(channels))
    assert (np.diff(found.errors) >= 0).all()
    left = list(range(channels))
    for gone, channel in enumerate(found.order[:-1], 1):
        best = min(left, key=lambda one: error([other for other in left if other != one]))
        assert channel == best
        left.remove(best)
        assert found.kept(len(left)).tolist() == left
        assert found.errors[gone] == pytest.approx(error(left), rel=0.01, abs=1e-3)


def test_fitting_never_makes_it_worse() -> None:
    moments, inputs, wanted = seen(16, 1)
    exact = np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], wanted, rcond=None)[0]
    order = eliminate(moments, 1)
    for count in range(1, 17):
        kept = order.kept(count)
        weights, bias = regress(moments, kept)
        fitted = ((inputs[:, kept] @ weights + bias - wanted) ** 2).sum(axis=1).mean()
        plain = ((inputs[:, kept] @ exact[kept] + exact[-1] - wanted) ** 2).sum(axis=1).mean()
        assert fitted <= plain + 1e-3
    assert fitted == pytest.approx(0, abs=1e-2)


def test_what_a_layer_sees_tells_its_own_weights(models: Settings, tmp_path: Path) -> None:
    file = layered_network(tmp_path / "net.onnx")
    net = network(file)
    chains = net.chains()
    pixels = np.random.default_rng(9).integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8)
    told: list[int] = []
    calibration = Calibration(net, chains, pixels, models, told.append)
    assert told[-1] == 40
    for number, (chain, moments) in enumerate(zip(chains, calibration.moments, strict=True)):
        again = calibration.moments_in(net, number)
        np.testing.assert_allclose(again.covariances[1], moments.covariances[1], rtol=1e-3, atol=1e-3)
        weights, bias = regress(moments, np.arange(32 * 9))
        net.refit(chain, weights.T.reshape(32, 32, 3, 3), bias)
    np.testing.assert_allclose(vectors(net.finished()), vectors(onnx.load(file)), rtol=0.01, atol=0.01)


def test_channels_go_where_a_multiplication_costs_least(models: Settings, tmp_path: Path) -> None:
    net = network(residual_network(tmp_path / "net.onnx"))
    work = Work(net, net.chains(), PIXELS[:1], models)
    area = SIDE * SIDE
    assert work.whole == area * (16 * 27 + 2 * 32 * (16 + 9 + 16))
    assert work.of([32, 16]) == area * (16 * 27 + 32 * 41 + 16 * 41)
    cheap, dear = np.linspace(0, 1, 33) ** 2, 10 * np.linspace(0, 1, 33) ** 2
    assert allocate(work, [cheap, dear], 0.9) == [24, 32]
    assert allocate(work, [dear, cheap], 0.6) == [24, 8]
    least = allocate(work, [cheap, dear], 0.01)
    assert least == [8, 8]


def test_a_pruned_encoder_is_smaller_and_near(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(residual_network(tmp_path / "net.onnx", own=16), models)
    told: list[tuple[int, int]] = []
    made = pruned("net", 0.7, models, sources, epochs=0, on_cut=lambda done, total: told.append((done, total)))
    assert (made.spec.name, made.pictures, made.failed, made.fitted) == ("net-pruned70", LEAST + 20, [], None)
    assert made.spec.origin == Origin("net", get_spec("net", models).sha256)
    assert made.spec.sha256 != get_spec("net", models).sha256
    assert "pruned to 6" in made.spec.source
    assert 0.5 < made.kept <= 0.7
    assert (made.channels_before, made.channels % 8) == (64, 0)
    assert made.channels < 48
    assert made.size < made.size_before
    assert made.least > 0.999  # half of the channels are twins
    unseen = [np.asarray(paint(seed)) for seed in range(900, 910)]
    whole, small = load("net", models).encode(unseen), load("net-pruned70", models).encode(unseen)
    assert (whole * small).sum(axis=1).min() > 0.999
    assert told[-1][0] == told[-1][1]
    again = pruned("net", 0.7, models, sources, epochs=0, new_name="again")  # what a stopped training goes on with
    files = [models.models_dir / name / "picture.onnx" for name in ("net-pruned70", again.spec.name)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_convolutions_of_3_by_3_are_fitted_too(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(layered_network(tmp_path / "net.onnx"), models)
    made = pruned("net", 0.6, models, sources, epochs=0)
    assert made.kept <= 0.6
    assert made.cosine > 0.98


def test_training_brings_it_nearer(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    add(residual_network(tmp_path / "net.onnx"), models)
    made = pruned("net", 0.6, models, sources, epochs=3, new_name="small")
    assert made.fitted is not None
    assert made.cosine >= made.fitted
    assert "fitted and trained on 90 pictures" in made.spec.source
    assert not list((models.cache_dir / "pruning").glob("*"))


def test_what_was_stopped_goes_on(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    add(residual_network(tmp_path / "net.onnx"), models)
    stop, steps = threading.Event(), [0]
    make = partial(prune, "net", 0.6, models, sources, epochs=3, new_name="small", stop=stop)
    assert make(on_cut=lambda _done, _total: stop.set()) is None
    stop.clear()

    def stop_at_the_second(_done: int, _total: int) -> None:
        steps[0] += 1
        if steps[0] == 2:
            stop.set()

    assert make(on_trained=stop_at_the_second) is None
    with pytest.raises(UnknownEncoder):
        get_spec("small", models)
    stop.clear()
    assert make(on_trained=stop_at_the_second) is not None
    whole = pruned("net", 0.6, models, sources, epochs=3, new_name="whole", on_trained=stop_at_the_second)
    assert steps[0] == 2 * 3 * 3  # three batches in three epochs, none of them twice, and once more for the other
    unseen = [np.asarray(paint(seed)) for seed in range(900, 910)]
    np.testing.assert_allclose(
        load("small", models).encode(unseen), load(whole.spec.name, models).encode(unseen), atol=1e-5
    )
    assert not list((models.cache_dir / "pruning").glob("*"))


def test_what_cannot_be_pruned(models: Settings, sources: list[Source], tmp_path: Path) -> None:
    add(residual_network(tmp_path / "net.onnx"), models)
    with pytest.raises(EncoderError, match=f"{LEAST} pictures or more .* there are 3"):
        prune("net", 0.7, models, sources[:3])
    with pytest.raises(EncoderError, match=r"above 0 and below 1, such as 0\.7, not 70"):
        prune("net", 70, models, sources)
    with pytest.raises(EncoderError, match=r"are left even so: take --keep 0\.\d\d or more"):
        prune("net", 0.1, models, sources, epochs=0)
    with pytest.raises(EncoderError, match="there is a model net already"):
        prune("net", 0.7, models, sources, new_name="net")
    fuse("both", ["net", "efficientnet-lite0"], models)
    with pytest.raises(EncoderError, match=r"both is a fusion: take its parts"):
        prune("both", 0.7, models, sources)
    description = describe_graph(map_network(tmp_path / "map.onnx", 4), models, name="map", pooling="mean")
    add_graph(description, tmp_path / "map.onnx", models)
    with pytest.raises(EncoderError, match=r"no channels that can be cut out: .* yunmeng models quantize"):
        prune("map", 0.7, models, sources)
    assert not list(models.models_dir.glob(".adding-*"))


def test_pruning_and_comparing_on_the_command_line(yunmeng: CommandLine, tmp_path: Path) -> None:
    models = {"YUNMENG_MODELS_DIR": str(tmp_path / "models")}
    assert yunmeng("models", "add", residual_network(tmp_path / "net.onnx"), "--name", "net", **models).returncode == 0
    pictures = write_pictures(tmp_path / "pictures", LEAST)
    for side in ("gallery", "queries"):
        for kind in range(2):
            write_pictures(tmp_path / side / str(kind), 4, start=10 * kind + (side == "queries"))
    order = ("models", "prune", "net", "--keep", "0.7", "--pictures", pictures, "--epochs", "0", "--name", "small")
    done = yunmeng(*order, "--compare", tmp_path / "gallery", tmp_path / "queries", "--json", **models)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["name"] for row in report["compared"]] == ["net", "small"]
    assert report["compared"][0]["overlap@10"] == 1
    assert report["kept"] <= 0.7
    assert report["fitted_cosine"] is None
    again = yunmeng(*order, **models)
    assert again.returncode == 2
    assert "there is a model small already" in again.stderr
    assert "--pictures FOLDER or --db DIR" in yunmeng("models", "prune", "net", "--keep", "0.7", **models).stderr
