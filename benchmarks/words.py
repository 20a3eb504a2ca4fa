"""Words to pictures, on a folder of classes: what the names of the classes find, beside ConSE as it is known.

    python -m benchmarks.words FOLDER [--encoder NAME] [--absent FOLDER] [--json]

FOLDER holds ``CLASS/*`` (a picture may be linked into several classes) and ``names.tsv``, one line a class:
``folder<TAB>English<TAB>Chinese``. Each name is asked among all pictures. P@10 counts the first ten hits, or as many
as the class has pictures where these are fewer; mAP is taken over the whole ranking. ``--absent`` is another such
folder whose names fit nothing in the first: the share of them that gives no hit is what the cut-off is worth.

The base is ConSE with CC-CEDICT: class probabilities times the vectors of the class names, beside a softmax (0.05)
over the similarities to class names against the square roots of the probabilities.

Sets that can be built from packages, none of them needed by anything else here:

- Debian's ``tuxpaint-stamps-default``: the ``*.png`` below ``/usr/share/tuxpaint/stamps`` (leave out ``cartoon`` and
  ``symbols``) on a white square 15 % wider than they are; the name is the first line of the ``.txt`` beside each,
  a few of its lines ``zh_CN`` are jokes or mistakes ("lion" is an onion), so write the Chinese names yourself.
- Debian's ``sweethome3d-furniture``: the icons in ``/usr/share/sweethome3d/furniture/*.sh3f`` (zip files), on white;
  ``name#N`` and ``icon#N`` in ``PluginFurnitureCatalog.properties``. Rendered, not photographed, 820 everyday things.
- Photographs of garments: ``../shared/data/clothing``, where it is.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders import OnnxEncoder, class_names, load
from yunmeng.encoders.text import NEIGHBOURS, NEIGHBOURS_OF_KINDS, Narrowed, Words, words_for
from yunmeng.encoders.text.chinese import dictionary, is_chinese
from yunmeng.encoders.text.sentences import sentence_model
from yunmeng.imaging import PICTURE_ENDINGS, decode, read

_BATCH = 32
_LANGUAGES = ("English", "Chinese")

Matrix = NDArray[np.float32]


class Named(NamedTuple):
    """A class: its names in the order of `_LANGUAGES`, and which pictures are of it."""

    names: tuple[str, str]
    right: NDArray[np.bool_]


def read_names(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for line in (folder / "names.tsv").read_text("utf-8").splitlines():
        directory, english, chinese = line.split("\t")
        yield directory, (english, chinese)


def read_set(folder: Path) -> tuple[list[Path], list[Named]]:
    """All pictures, each once however often it is linked, and the classes."""
    found: dict[str, list[Path]] = {}
    for directory, _ in read_names(folder):
        files = (folder / directory).iterdir()
        found[directory] = [file.resolve() for file in files if file.resolve().suffix.lower() in PICTURE_ENDINGS]
    pictures = sorted({file for files in found.values() for file in files})
    number = {file: index for index, file in enumerate(pictures)}
    classes = []
    for directory, names in read_names(folder):
        right = np.zeros(len(pictures), bool)
        right[[number[file] for file in found[directory]]] = True
        classes.append(Named(names, right))
    return pictures, classes


def encoded(pictures: list[Path], encoder: OnnxEncoder, settings: Settings) -> tuple[Matrix, Matrix]:
    """Vectors and class probabilities of all pictures."""
    parts = []
    for start in range(0, len(pictures), _BATCH):
        files = [read(file, max_bytes=settings.max_file_bytes) for file in pictures[start : start + _BATCH]]
        parts.append(encoder.encode_and_classify([encoder.prepare(decode(file).pixels) for file in files]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def unit(rows: NDArray[np.floating]) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def base_of(probabilities: Matrix) -> Callable[[str], Matrix]:
    """The base: scores of all pictures for a text."""
    model = sentence_model()
    raw = model.encode(class_names())
    mean = raw.mean(axis=0)
    names = unit(raw - mean)
    sums, roots = unit(probabilities @ names), np.sqrt(probabilities)

    def score(text: str) -> Matrix:
        meanings = (dictionary().translate(text) if is_chinese(text) else []) or [text]
        query = unit(unit(model.encode(meanings) - mean).mean(axis=0))
        weights = np.exp(names @ query / 0.05)
        return np.asarray(sums @ query + roots @ unit(weights), np.float32)

    return score


def bridged(vectors: Matrix, words: Words) -> Callable[[str], Matrix]:
    return lambda text: np.asarray(vectors @ words.encode_texts([text])[0], np.float32)


def searched(vectors: Matrix, words: Words) -> Callable[[str], Matrix]:
    """Search as `yunmeng.search.text_search` does: sharpened, kinds narrowed, without the cut-off."""

    def score(text: str) -> Matrix:
        kind = narrowed(vectors, words, text)
        if kind is not None:
            return np.asarray(vectors @ kind.vector, np.float32)
        vector = words.encode_texts([text])[0]
        return np.asarray(vectors @ words.sharpen(vector, vectors[best(vectors, vector, NEIGHBOURS)]), np.float32)

    return score


def narrowed(vectors: Matrix, words: Words, text: str) -> Narrowed | None:
    directions = words.directions(text)
    if not len(directions):
        return None
    along = [*words.encode_texts([text]), *directions]
    found = {int(number) for one in along for number in best(vectors, one, NEIGHBOURS_OF_KINDS)}
    return words.narrow(text, vectors[sorted(found)])


def best(vectors: Matrix, vector: Matrix, count: int) -> NDArray[np.intp]:
    return np.argsort(-(vectors @ vector), kind="stable")[:count]


def fits(vectors: Matrix, words: Words, text: str) -> bool:
    """Return whether anything is found."""
    if words.cut_off(text).first == math.inf:
        return False
    if len(words.directions(text)):
        return narrowed(vectors, words, text) is not None
    return bool((vectors @ words.encode_texts([text])[0]).max() >= words.cut_off(text).first)


def judged(score: Callable[[str], Matrix], classes: list[Named], language: int) -> dict[str, float]:
    tens, precisions = [], []
    for named in classes:
        hits = named.right[np.argsort(-score(named.names[language]), kind="stable")]
        tens.append(hits[: min(10, hits.sum())].mean())
        places = np.flatnonzero(hits)
        precisions.append(((np.arange(len(places)) + 1) / (places + 1)).mean())
    return {"P@10": round(float(np.mean(tens)), 3), "mAP": round(float(np.mean(precisions)), 3)}


def silent(vectors: Matrix, words: Words, names: list[str]) -> float:
    """Share of the names for which nothing fits."""
    return round(float(np.mean([not fits(vectors, words, name) for name in names])), 3)


def milliseconds(words: Words, names: list[str]) -> dict[str, float]:
    """Time that texts take which were not asked before, once the models are loaded: the median, and the slowest."""
    taken = []
    for number, name in enumerate(names):
        began = time.perf_counter()
        words.encode_texts([f"{name} {number}"])
        taken.append(1000 * (time.perf_counter() - began))
    return {"median": round(statistics.median(taken), 1), "slowest": round(max(taken), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--absent", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = Settings()
    encoder = load(arguments.encoder, settings)
    words = words_for(encoder.spec)
    if words is None or not isinstance(encoder, OnnxEncoder):
        parser.error(f"{arguments.encoder} has no bridge from words")
    pictures, classes = read_set(arguments.folder)
    vectors, probabilities = encoded(pictures, encoder, settings)
    ways = {
        "ConSE, the base": base_of(probabilities),
        "bridge": bridged(vectors, words),
        "bridge, as searched": searched(vectors, words),
    }
    result: dict[str, object] = {"pictures": len(pictures), "classes": len(classes), "encoder": arguments.encoder}
    for index, language in enumerate(_LANGUAGES):
        result[language] = {name: judged(way, classes, index) for name, way in ways.items()}
        absent = [names[index] for _, names in read_names(arguments.absent)] if arguments.absent else []
        present = [named.names[index] for named in classes]
        result[f"{language}, milliseconds a text"] = milliseconds(words, present)
        result[f"{language}, share that nothing fits"] = {
            side: silent(vectors, words, names)
            for side, names in {"present": present, "absent": absent}.items()
            if names
        }
    print(json.dumps(result, ensure_ascii=False, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
