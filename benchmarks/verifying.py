"""How long geometric verification takes.

    python -m benchmarks.verifying FOLDER [--candidates 50] [--side 640] [--rounds 5]

Pictures of FOLDER are scaled to ``--side`` pixels and kept as JPEG in a scratch folder; each round takes one of them,
edited, as the query and ``--candidates`` others, itself among them, that no round has seen before. Reading, decoding
and the features of all of them are part of the time. Prints one JSON object, seconds by round.
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path

from PIL import Image

from yunmeng.config import cores
from yunmeng.copies import Verifier
from yunmeng.imaging import is_picture


def scaled(path: Path, side: int) -> bytes:
    image = Image.open(path).convert("RGB")
    scale = side / max(image.size)
    stream = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale))).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    wanted = (arguments.rounds + 1) * arguments.candidates
    paths = sorted(path for path in arguments.folder.rglob("*") if is_picture(path))
    paths = paths[:: max(1, len(paths) // wanted)][:wanted]
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            Path(scratch, path.name).write_bytes(scaled(path, arguments.side))
        verifier = Verifier(lambda id: Path(scratch, id).read_bytes(), max_pixels=100_000_000)
        seconds, processor, right = [], [], 0
        for number in range(arguments.rounds + 1):
            ids = [path.name for path in paths[number * arguments.candidates : (number + 1) * arguments.candidates]]
            query = Image.open(Path(scratch, ids[0])).convert("RGB")
            query = query.crop((40, 40, query.width - 80, query.height - 60)).rotate(10)
            began, used = time.perf_counter(), time.process_time()
            found = verifier.align(query, ids)
            seconds.append(round(time.perf_counter() - began, 3))
            processor.append(round(time.process_time() - used, 3))
            right += found[ids[0]] is not None
    result = {"cores": cores(), "candidates": arguments.candidates, "right": f"{right}/{arguments.rounds + 1}"}
    print(json.dumps(result | {"seconds": seconds[1:], "processor_seconds": processor[1:]}))  # the first one warms up


if __name__ == "__main__":
    main()
