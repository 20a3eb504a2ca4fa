"""Measure what pruning saves and costs: size, rate and retrieval by the share of multiplications that is kept.

    python -m benchmarks.pruning ../shared/data/clothing [--encoder NAME] [--keep 0.9,0.7,0.5] [--epochs 0]
    python -m benchmarks.pruning ../shared/data/clothing --ways

The folder holds ``gallery/CLASS/*`` and ``query/CLASS/*``. Every second picture of the gallery is for fitting and
training, the others and the queries judge: no picture does both. Prints one JSON object; with ``--plot FILE`` a plot
as well. The rate is that of one core, in processor time, the whole network and a pruned one in turns, so that it means
something on a machine that does other work too. ``--ways`` compares, at one share, how channels can be chosen.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders import load
from yunmeng.encoders.catalogue import network_of
from yunmeng.encoders.compress.allocation import STEP, Work, allocate
from yunmeng.encoders.compress.calibration import Calibration
from yunmeng.encoders.compress.chains import Network
from yunmeng.encoders.compress.graphs import picture_graph
from yunmeng.encoders.compress.pruner import Pruner
from yunmeng.encoders.compress.pruning import training_plan
from yunmeng.encoders.compress.reconstruction import eliminate, regress
from yunmeng.encoders.described_encoder import DescribedEncoder, as_input
from yunmeng.encoders.fitting import prepared
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.evaluation.measures import class_scores, first_hits, overlap

if TYPE_CHECKING:
    from yunmeng.encoders.description import OnnxDescription

SHARES = "0.9,0.8,0.7,0.6,0.5"
TRIED = 32  # pictures that say what each chain is worth, as in `yunmeng models prune`
TURNS, TIMED = 9, 12  # turns of each network, and pictures in each

Pictures = NDArray[np.uint8]


class Side(NamedTuple):
    """Prepared pictures, and the class of each as a number."""

    pixels: Pictures
    classes: NDArray[np.int64]


class Judge:
    """The whole encoder and the pictures that judge, and what the whole one makes of these."""

    def __init__(self, name: str, gallery: Side, queries: Side, settings: Settings) -> None:
        description, graph = network_of(name, settings)
        self.description: OnnxDescription = description
        self.model: onnx.ModelProto = picture_graph(graph, description.picture)
        self._sides = gallery, queries
        self._settings = settings
        self._whole = [self.vectors(self.model, side.pixels) for side in self._sides]

    def vectors(self, model: "onnx.ModelProto", pixels: Pictures) -> NDArray[np.float32]:
        session = OnnxSession(model.SerializeToString(), self._settings, self.description.picture.input)
        encoder = DescribedEncoder(self.description, session)
        return encoder.encode(list(pixels))

    def row(self, model: "onnx.ModelProto") -> dict[str, Any]:
        (gallery, queries), whole = self._sides, self._whole
        found = [self.vectors(model, side.pixels) for side in self._sides]
        scores = class_scores(found[0], gallery.classes, found[1], queries.classes)
        cosines = np.concatenate([(one * other).sum(axis=1) for one, other in zip(found, whole, strict=True)])
        return {
            "mAP": round(scores.map, 4),
            "P@1": round(scores.precision_at_1, 4),
            "overlap@10": round(overlap(first_hits(whole[0], whole[1]), first_hits(found[0], found[1])), 4),
            "cosine": round(float(cosines.mean()), 4),
            "least_cosine": round(float(cosines.min()), 4),
            "MB": round(model.ByteSize() / 1e6, 2),
        }

    def times_as_fast(self, model: "onnx.ModelProto") -> float:
        """Return the rate of a model by that of the whole one, on one core."""
        one = self._settings.model_copy(update={"threads": 1, "device": "cpu"})
        pixels = as_input(self._sides[1].pixels[:TIMED], self.description.picture)
        sessions = [OnnxSession(each.SerializeToString(), one) for each in (self.model, model)]
        outputs = [[session.outputs[0].name] for session in sessions]
        ratios = []
        for turn in range(TURNS + 1):
            took = []
            for session, names in zip(sessions, outputs, strict=True):
                began = time.process_time()
                session.run(names, pixels)
                took.append(time.process_time() - began)
            if turn:  # the first warms up
                ratios.append(took[0] / took[1])
        return round(median(ratios), 3)


def read(files: Sequence[Path], name: str, settings: Settings) -> Side:
    encoder = load(name, settings)
    sources = [(str(file), file.read_bytes) for file in files]
    pixels = [result for batch in prepared(encoder, sources, settings) for _, result in batch]
    assert all(isinstance(one, np.ndarray) for one in pixels), "a picture cannot be read"
    classes = np.unique([file.parent.name for file in files], return_inverse=True)[1]
    return Side(np.stack([one for one in pixels if isinstance(one, np.ndarray)]), np.asarray(classes, np.int64))


def halves(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder of classes: every second one of each class, and the others."""
    kinds = [
        sorted(file for file in kind.iterdir() if not file.name.startswith(".")) for kind in sorted(folder.iterdir())
    ]
    return [file for kind in kinds for file in kind[::2]], [file for kind in kinds for file in kind[1::2]]


def trained(judge: Judge, model: "onnx.ModelProto", pixels: Pictures, epochs: int, folder: Path) -> "onnx.ModelProto":
    """Train a model as `yunmeng models prune` does; a run that was stopped goes on from ``folder``."""
    from yunmeng.encoders.compress.training import train_graph

    folder.mkdir(parents=True, exist_ok=True)
    targets = judge.vectors(judge.model, pixels)
    began = time.process_time()

    def told(done: int, total: int) -> None:
        print(f"{done} of {total}, {time.process_time() - began:.0f} s of processor time", end="\r", file=sys.stderr)

    done = train_graph(
        model, judge.description.picture, pixels, targets, folder, training_plan(epochs), save_every=20, on_step=told
    )
    assert done is not None
    print("", file=sys.stderr)
    for epoch in done.curve:
        print(epoch, file=sys.stderr)
    return done.model


def table(
    judge: Judge, open_pruner: Callable[[], Pruner], shares: Sequence[float], fit: Side, epochs: int, work: Path
) -> Iterator[dict[str, Any]]:
    yield {"keep": 1.0, "kept": 1.0, "times_as_fast": 1.0, **judge.row(judge.model)}
    for keep in shares:
        file = work / f"{keep:g}.onnx"
        if not file.exists():
            pruner = open_pruner()
            channels = pruner.allocated(keep)
            kept = {"kept": round(pruner.work.of(channels) / pruner.work.whole, 4), "channels": sum(channels)}
            file.with_suffix(".json").write_text(json.dumps(kept))
            onnx.save(pruner.pruned(channels), file)
        model = onnx.load(file)
        about = {"keep": keep, **json.loads(file.with_suffix(".json").read_text())}
        about["times_as_fast"] = judge.times_as_fast(model)
        yield {**about, **judge.row(model)}
        if epochs:
            better = trained(judge, model, fit.pixels, epochs, work / f"{keep:g}-{epochs}")
            yield {**about, "epochs": epochs, **judge.row(better)}


class Ways:
    """The same network pruned to the same share by other choices of channels."""

    def __init__(self, judge: Judge, pixels: NDArray[Any], settings: Settings) -> None:
        self._model = judge.model
        network = self._network()
        self._chains = network.chains()
        self._work = Work(network, self._chains, pixels[:1], settings)
        self._calibration = Calibration(network, self._chains, pixels, settings, lambda _done: None)
        weights = [(network.constant(c.producer, 1), network.constant(c.consumer, 1)) for c in self._chains]
        eliminations = [
            eliminate(moments, chain.group)
            for moments, chain in zip(self._calibration.moments, self._chains, strict=True)
        ]
        norms, activations = [], []
        for (made, read), moments in zip(weights, self._calibration.moments, strict=True):
            assert made is not None
            assert read is not None
            norms.append(np.argsort(np.linalg.norm(made.reshape(len(made), -1), axis=1)))
            deviations = np.sqrt(np.diag(moments.covariances[0])).reshape(read.shape[1], -1)
            norms_read = np.linalg.norm(read.transpose(1, 2, 3, 0).reshape(*deviations.shape, -1), axis=2)
            activations.append(np.argsort(np.linalg.norm(deviations * norms_read, axis=1)))
        self._orders = {
            "norm of the weights": norms,
            "deviation times weights that read it": activations,
            "least error after fitting": [one.order for one in eliminations],
        }
        self._errors = [
            one.errors / moments.variance for one, moments in zip(eliminations, self._calibration.moments, strict=True)
        ]

    def models(self, keep: float) -> "Iterator[tuple[str, float, onnx.ModelProto]]":
        """Yield a name, the share of the multiplications, and a model."""
        even = self._even(keep)
        for fitted in (False, True):
            for name, orders in self._orders.items():
                if fitted or name != "least error after fitting":
                    yield (
                        f"{name}, {'fitted' if fitted else 'as they are'}, as many of each layer",
                        *self._made(even, orders, fitted),
                    )
        error = allocate(self._work, self._errors, keep)
        orders = self._orders["least error after fitting"]
        yield "least error after fitting, fitted, by the error of the layer", *self._made(error, orders, True)

    def _network(self) -> Network:
        return Network(type(self._model).FromString(self._model.SerializeToString()))

    def _even(self, keep: float) -> list[int]:
        """The same share of each chain, the largest that is below ``keep`` of the multiplications."""
        for share in np.arange(1, 0, -0.005):
            counts = [max(STEP, round(share * chain.channels / STEP) * STEP) for chain in self._chains]
            if self._work.of(counts) <= keep * self._work.whole:
                return counts
        raise AssertionError("so little cannot be kept")

    def _made(
        self, counts: Sequence[int], orders: Sequence[NDArray[np.intp]], fitted: bool
    ) -> "tuple[float, onnx.ModelProto]":
        network = self._network()
        for number, (chain, count, order) in enumerate(zip(self._chains, counts, orders, strict=True)):
            kept = np.sort(order[len(order) - count :])
            moments = self._calibration.moments_in(network, number) if fitted else None
            network.cut(chain, kept)
            if moments is not None:
                rows = (kept[:, None] * chain.group + np.arange(chain.group)).ravel()
                weights, bias = regress(moments, rows)
                network.refit(chain, weights.T.reshape(-1, count, *chain.kernel), bias)
        return self._work.of(counts) / self._work.whole, network.finished()


def draw(rows: Sequence[dict[str, Any]], name: str, file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panel = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for trained_too, how in ((False, "fitted"), (True, "fitted and trained")):
        line = [row for row in rows if ("epochs" in row) == trained_too or row["keep"] == 1]
        line.sort(key=lambda row: float(row["times_as_fast"]))
        for key in ("mAP", "overlap@10", "cosine"):
            if len(line) > 1:
                values = [row[key] for row in line]
                panel.plot([row["times_as_fast"] for row in line], values, marker="o", label=f"{key}, {how}")
    for row in rows:
        if "epochs" not in row:
            panel.annotate(
                f"{row['keep']:g}", (row["times_as_fast"], row["mAP"]), (-6, -16), textcoords="offset points"
            )
    panel.set(title=f"{name}, by the share of its multiplications", xlabel="times as fast on one core", ylim=(0, 1.05))
    panel.grid(alpha=0.3)
    panel.legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--keep", default=SHARES)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--fitted-on", type=int, default=400, help="pictures for least squares at most")
    parser.add_argument("--ways", action="store_true")
    parser.add_argument("--work", type=Path, help="folder for models and checkpoints, from which a stopped run goes on")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    settings, name = Settings.load(), arguments.encoder
    shares = [float(share) for share in arguments.keep.split(",")]
    for_fitting, others = halves(arguments.folder / "gallery")
    fit, gallery = (read(files, name, settings) for files in (for_fitting, others))
    queries = read(sorted((arguments.folder / "query").glob("*/*")), name, settings)
    judge = Judge(name, gallery, queries, settings)
    some = spread_evenly(fit.pixels, arguments.fitted_on)
    shown = as_input(some, judge.description.picture)
    work = arguments.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    if arguments.ways:
        for way, kept, model in Ways(judge, shown, settings).models(shares[0]):
            rows.append({"way": way, "kept": round(kept, 4), **judge.row(model)})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)

    @cache
    def open_pruner() -> Pruner:
        probed = spread_evenly(fit.pixels, TRIED)
        exact = judge.vectors(judge.model, probed)

        def loss(model: onnx.ModelProto) -> float:
            return 1 - float((judge.vectors(model, probed) * exact).sum(axis=1).mean())

        return Pruner(judge.model, shown, loss, settings)

    for row in table(judge, open_pruner, shares, fit, arguments.epochs, work):
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    print(json.dumps({"encoder": name, "fitted_on": len(some), "trained_on": len(fit.pixels), "rows": rows}, indent=1))
    if arguments.plot:
        draw(rows, name, arguments.plot)


def spread_evenly(pixels: Pictures, most: int) -> Pictures:
    return pixels[np.arange(most) * len(pixels) // most] if len(pixels) > most else pixels


if __name__ == "__main__":
    main()
