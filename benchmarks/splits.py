"""Measures what a picture costs the processor by how many go to the network at once, on the CPU, one run on each core.

Processor time is measured, in turns, so that it means something on a machine that does other work too.

``python -m benchmarks.splits [NAME...]`` prints one JSON object: milliseconds of a core a picture, by batch.
"""

import argparse
import json
import time
from statistics import median

import numpy as np

from yunmeng.config import Settings, cores
from yunmeng.encoders.catalogue import network_of
from yunmeng.encoders.described_encoder import as_input
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.speed import noise
from yunmeng.encoders.splits import Split

TURNS = 7
PICTURES = 32
PARTS = (1, 2, 4, 8, 16)


def cost(name: str, settings: Settings) -> dict[int, float]:
    """Return milliseconds of a core that a picture takes, by the number of pictures in one run."""
    description, graph = network_of(name, settings)
    tower = description.picture
    pictures = noise(tower.input_size)
    batch = as_input(np.stack([pictures[at % len(pictures)] for at in range(PICTURES)]), tower)
    sessions = {
        part: OnnxSession(graph, settings, tower.input, split=Split(part, settings.threads or cores(), 1))
        for part in PARTS
    }
    took: dict[int, list[float]] = {part: [] for part in PARTS}
    for _ in range(TURNS):
        for part, session in sessions.items():
            began = time.process_time()
            session.run([tower.output or session.outputs[0].name], batch)
            took[part].append((time.process_time() - began) / PICTURES * 1000)
    return {part: round(median(times[1:]), 2) for part, times in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["efficientnet-lite0", "efficientnet-lite2"])
    settings = Settings.load(device="cpu")
    print(json.dumps({name: cost(name, settings) for name in parser.parse_args().names}))


if __name__ == "__main__":
    main()
