"""Training the graph of a network for pictures, so that its vectors become given ones: the target of each picture.

The front of the network, which sees edges and textures, stays as it is (`front`). Batch normalisation is folded into
the weights or keeps its statistics: the small steps of fine-tuning do without new ones. The optimiser is AdamW
(Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019), its steps follow a cosine after a short
warm-up (the same, "SGDR", ICLR 2017).

Everything that is random follows from a seed and the number of an epoch. So training that was stopped, by Ctrl-C or by
a kill, goes on from its checkpoint to the very weights that it would have reached without.
"""

import hashlib
import json
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.compress.front import Front, OnStep
from yunmeng.encoders.compress.losses import cosine_loss, similarity_loss
from yunmeng.encoders.compress.torch_graph import Tensor, TorchGraph, import_torch

if TYPE_CHECKING:
    import onnx

    from yunmeng.encoders.description import PictureTower

__all__ = ["USUAL", "Epoch", "Plan", "Trained", "train_graph", "validation_rows"]

_CHECKPOINT: Final = "checkpoint.pt"
_VALIDATION_BATCH: Final = 256
_WARM_UP: Final = 0.05  # of all steps
_LONGEST_GRADIENT: Final = 1.0
_GEM_FLOOR: Final = 1e-6
_SHORTEST: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Plan:
    """How a graph is trained.

    Attributes:
        epochs: How often each picture is seen at most.
        batch: Pictures in one step.
        rate: Greatest learning rate.
        decay: Weight decay of AdamW, on weights of two axes or more.
        similarity: Weight of `similarity_loss` beside `cosine_loss`.
        frozen: Share of the products at the front of the network that is not trained, in [0, 1). A network that no
            place divides is trained whole.
        mirrored: Whether mirror images are trained on as well, with the targets of the pictures.
        patience: Epochs without a better one after which training stops.
        validate: One picture of so many is not trained on, and tells which epoch is the best.
        seed: Of everything that is random.
    """

    epochs: int = 12
    batch: int = 64
    rate: float = 1e-4
    decay: float = 0.01
    similarity: float = 1.0
    frozen: float = 0.75
    mirrored: bool = True
    patience: int = 5
    validate: int = 10
    seed: int = 0


USUAL: Final = Plan()


@dataclass(frozen=True, slots=True)
class Epoch:
    """Losses of an epoch, on the pictures that are trained on and on those that are not, and the cosine of the latter
    to their targets.
    """

    training: float
    validation: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained graph: the best epoch of ``curve``, number ``best`` from 0, where 0 is the graph before training."""

    model: "onnx.ModelProto"
    curve: list[Epoch] = field(default_factory=list)
    best: int = 0


def train_graph(
    model: "onnx.ModelProto",
    tower: "PictureTower",
    pixels: NDArray[np.uint8],
    targets: NDArray[np.float32],
    folder: Path,
    plan: Plan = USUAL,
    *,
    device: str = "cpu",
    save_every: float = 60.0,
    on_prepared: OnStep = lambda _done, _total: None,
    on_step: OnStep = lambda _done, _total: None,
    stop: threading.Event | None = None,
) -> Trained | None:
    """Return a graph like ``model`` whose vectors are nearer to ``targets``; None when ``stop`` was set before the end.

    Args:
        model: A graph of one input and one output, with its weights inside; see `TorchGraph`.
        tower: Says what the graph takes, and how its output becomes vectors.
        pixels: Prepared pictures, uint8 (n, side, side, 3); may be a memory map.
        targets: The vector that each should have, float32 (n, dim), L2-normalised, dim as the graph's.
        folder: Where the checkpoint lies. What is found there of the same training is gone on with.
        plan: How it is trained.
        device: PyTorch's, such as ``cpu`` or ``cuda``.
        save_every: Seconds between checkpoints.
        on_prepared: Called while the front of the network is computed.
        on_step: Called after each step; each picture counts once an epoch.
        stop: Ends training after a step, with a checkpoint.

    Raises:
        EncoderError: The graph cannot be trained.
        MissingExtra: PyTorch is not installed.
    """
    training = _Training(model, tower, pixels, targets, folder, plan, device)
    if not training.prepare(on_prepared, stop):
        return None
    if not training.run(save_every, on_step, stop):
        return None
    return training.result()


def validation_rows(count: int, plan: Plan) -> NDArray[np.int64]:
    """Return which of ``count`` pictures are not trained on, and tell which epoch is the best."""
    return np.flatnonzero(np.arange(count) % plan.validate == plan.validate - 1)


class _Training:
    """The state of a training: weights, optimiser, step, curve."""

    def __init__(
        self,
        model: "onnx.ModelProto",
        tower: "PictureTower",
        pixels: NDArray[np.uint8],
        targets: NDArray[np.float32],
        folder: Path,
        plan: Plan,
        device: str,
    ) -> None:
        self._torch = import_torch()
        self._plan = plan
        self._tower = tower
        self._targets = targets
        self._folder = folder
        self._graph = TorchGraph(model, device)
        self._key = _key(model, pixels, targets, plan)
        self._front = Front(self._graph, tower, pixels, folder, plan.frozen, plan.mirrored)
        self._weights = self._graph.behind(self._front.cut)
        self._optimiser = self._torch.optim.AdamW(
            [
                {"params": [each for each in self._weights.values() if each.ndim > 1], "weight_decay": plan.decay},
                {"params": [each for each in self._weights.values() if each.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=plan.rate,
        )
        self._held = validation_rows(len(pixels), plan)
        self._learnt = np.setdiff1d(np.arange(len(pixels)), self._held)
        self._batches = max(1, round(len(self._learnt) / plan.batch))
        self._step = 0
        self._sum = 0.0  # of the losses of this epoch
        self._curve: list[Epoch] = []
        self._best: dict[str, Tensor] = {}

    def prepare(self, on_prepared: OnStep, stop: threading.Event | None) -> bool:
        """Compute the front of the network, or find it on disk, and read the checkpoint; False when stopped."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._front.prepare(self._key, on_prepared, stop):
            return False
        if not self._read_checkpoint():
            self._end_epoch()  # the graph as it was
        return True

    def run(self, save_every: float, on_step: OnStep, stop: threading.Event | None) -> bool:
        """Train to the end; False when stopped."""
        total = self._plan.epochs * len(self._learnt)
        saved = time.monotonic()
        while not self._done():
            if stop is not None and stop.is_set():
                self._save()
                return False
            epoch, at = divmod(self._step, self._batches)
            self._learn(epoch, at)
            self._step += 1
            if at + 1 == self._batches:
                self._end_epoch()
            if time.monotonic() - saved >= save_every:
                self._save()
                saved = time.monotonic()
            on_step(self._step * len(self._learnt) // self._batches, total)
        self._save()
        return True

    def result(self) -> Trained:
        """Return the graph with the weights of the best epoch."""
        with self._torch.no_grad():
            for name, value in self._best.items():
                self._weights[name].copy_(value)
        return Trained(self._graph.trained(), self._curve, self._best_epoch())

    def _done(self) -> bool:
        epochs = len(self._curve) - 1
        return epochs >= self._plan.epochs or epochs - self._best_epoch() >= self._plan.patience

    def _best_epoch(self) -> int:
        return int(np.argmin([epoch.validation for epoch in self._curve]))

    def _learn(self, epoch: int, at: int) -> None:
        random = np.random.default_rng([self._plan.seed, epoch])
        rows = np.array_split(random.permutation(self._learnt), self._batches)[at]
        mirrored = np.random.default_rng([self._plan.seed, epoch, at]).random(len(rows)) < 0.5 * self._plan.mirrored
        for group in self._optimiser.param_groups:
            group["lr"] = self._plan.rate * self._pace()
        self._optimiser.zero_grad(set_to_none=True)
        loss, _ = self._loss(rows, mirrored)
        loss.backward()
        self._torch.nn.utils.clip_grad_norm_(list(self._weights.values()), _LONGEST_GRADIENT)
        self._optimiser.step()
        self._sum += loss.item()

    def _pace(self) -> float:
        """Return the share of the learning rate at this step."""
        done = self._step / (self._plan.epochs * self._batches)
        return min(1.0, (done + 1e-3) / _WARM_UP) * (1 + math.cos(math.pi * done)) / 2

    def _end_epoch(self) -> None:
        with self._torch.no_grad():
            parts = list(self._validated())
        loss = float(np.average([part[0] for part in parts], weights=[part[2] for part in parts]))
        cosine = float(np.average([part[1] for part in parts], weights=[part[2] for part in parts]))
        self._curve.append(Epoch(self._sum / self._batches if self._curve else loss, loss, cosine))
        self._sum = 0.0
        if self._best_epoch() == len(self._curve) - 1:
            self._best = {name: value.detach().clone() for name, value in self._weights.items()}

    def _validated(self) -> Iterator[tuple[float, float, int]]:
        for start in range(0, len(self._held), _VALIDATION_BATCH):
            rows = self._held[start : start + _VALIDATION_BATCH]
            loss, cosine = self._loss(rows, np.zeros(len(rows), bool))
            yield loss.item(), cosine, len(rows)

    def _loss(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> tuple[Tensor, float]:
        targets = self._torch.from_numpy(self._targets[rows]).to(self._graph.device)
        vectors = self._vectors(rows, mirrored)
        apart = cosine_loss(vectors, targets)
        return apart + self._plan.similarity * similarity_loss(vectors, targets), 1 - apart.item()

    def _vectors(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> Tensor:
        found = self._graph(self._front.values(rows, mirrored), self._front.cut)
        return _unit(self._torch, _pooled(found, self._tower.pooling))

    def _save(self) -> None:
        state = {
            "key": self._key,
            "weights": {name: value.detach() for name, value in self._weights.items()},
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "step": self._step,
            "sum": self._sum,
            "curve": [asdict(epoch) for epoch in self._curve],
        }
        draft = self._folder / f"{_CHECKPOINT}.new"
        self._torch.save(state, draft)
        draft.replace(self._folder / _CHECKPOINT)  # whole or not at all

    def _read_checkpoint(self) -> bool:
        try:
            state = self._torch.load(self._folder / _CHECKPOINT, map_location=self._graph.device, weights_only=True)
        except Exception:  # there is none yet, or a damaged one, at which torch.load raises nearly anything
            return False
        if state["key"] != self._key:
            return False
        with self._torch.no_grad():
            for name, value in state["weights"].items():
                self._weights[name].copy_(value)
        self._best = state["best"]
        self._optimiser.load_state_dict(state["optimiser"])
        self._step, self._sum = state["step"], state["sum"]
        self._curve = [Epoch(**epoch) for epoch in state["curve"]]
        return True


def _key(model: "onnx.ModelProto", pixels: NDArray[np.uint8], targets: NDArray[np.float32], plan: Plan) -> str:
    """Return a digest of all that decides the result: a checkpoint of another training is of no use."""
    digest = hashlib.sha256(model.SerializeToString(deterministic=True))
    for row in pixels:
        digest.update(row.tobytes())
    digest.update(targets.tobytes())
    digest.update(json.dumps(asdict(plan), sort_keys=True).encode())
    return digest.hexdigest()


def _pooled(found: Tensor, pooling: str) -> Tensor:
    """Return vectors (n, dim) from an output, as `DescribedEncoder` makes them."""
    if pooling == "first":
        return found[:, 0]
    if pooling == "mean":
        return found.mean(1) if found.ndim == 3 else found.mean((2, 3))
    if pooling == "gem":
        return found.clamp(min=_GEM_FLOOR).pow(3).mean((2, 3)).pow(1 / 3)
    return found.flatten(1)


def _unit(torch: Any, vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors, dim=1, eps=_SHORTEST)
