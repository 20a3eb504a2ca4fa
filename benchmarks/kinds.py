"""Words that name a whole kind, in small libraries that show one member of it, and in such that show none.

    python -m benchmarks.kinds /usr/share/tuxpaint/stamps [--encoder NAME]

The folder is Debian's ``tuxpaint-stamps-default``, whose folders say what each picture is. For each word, 20 libraries
of 30 pictures that show no such thing, drawn by chance: how many of them are silent, and, with one member added, how
many find it among the first three hits. The base is one direction, the mean over the classes, and the floor under its
best cosine, in the same run. Constants were chosen on the words of the first half; each half is told on its own.
"""

import argparse
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.words import Matrix, best, fits, narrowed
from yunmeng.config import Settings
from yunmeng.encoders import OnnxEncoder, load
from yunmeng.encoders.text import NEIGHBOURS, Words, words_for

_OTHERS: Final = 30
_DRAWN: Final = 20
_FIRST: Final = 3
_LEFT_OUT: Final = re.compile(r"cartoon|^symbols|^space|^town|^military|^people|hanukkah|newyears|thyme")

KINDS: Final = {
    "animal, animals, creature, 动物, 野生动物": r"^animals|bunny|chick|butterfly|bluebird|bat_|blackcat|spider",
    "dog, dogs, puppy, canine, a photo of a dog, 狗, 小狗, 幼犬, 犬, 狗的照片": r"dogs/(dog|dingo)",
    "bird, birds, fowl, 鸟, 小鸟, 鸟类": r"birds/|bluebird|chick|Roast|rubberduck",
    "cat, cats, kitten, kitty, feline, 猫, 小猫, 猫咪": r"mammals/cats/|blackcat",
    "monkey, ape, primate, 猴子, 猿": r"apes/",
    "fish, fishes, 鱼, 鱼类": r"animals/fish|aquatic",
    "insect, insects, 昆虫": r"insects/|butterfly",
    "reptile, lizard, 爬行动物, 蜥蜴": r"lizards/",
    "mammal, mammals, 哺乳动物": r"mammals/|marsupials|bunny|blackcat|bat_",
    "cattle, 牛": r"bovines/",
    "tool, tools, hand tool, 工具": r"tools/|scissors|nutcracker|grinder|pen_|highlighter",
    "kitchenware, cookware, kitchen utensil, 厨具": r"dishes|kettle",
    "vehicle, vehicles, transport, 车辆, 交通工具": r"^vehicles",
    "car, cars, automobile, 汽车, 轿车": r"auto/|police|indycar|firetruck|garbagetruck|dumper",
    "truck, trucks, lorry, 卡车": r"truck|dumper",
    "boat, ship, 船, 帆船": r"ship/",
    "aircraft, plane, 飞机": r"flight/",
    "fruit, fruits, 水果": r"food/fruit|rambutan|food/vegetables|nuts|eggplant|holly|pinecone",
    "vegetable, vegetables, 蔬菜": r"food/|eggplant|lettuce|mushrooms",
    "food, foods, 食物, 食品": r"food/|udding|Pie|Roast|andy|chocolate|egg|mushrooms|lobster|shrimp|shellfish",
    "mushroom, fungus, 蘑菇": r"mushroom",
    "musical instrument, musical instruments, 乐器": r"music/",
    "stringed instrument, guitar, 吉他": r"music/string",
    "clothing, clothes, garment, apparel, 衣服, 服装": r"^clothes|hat|stocking|Santa",
    "hat, hats, headgear, 帽子": r"hat|cap|Santa",
    "ball, balls, 球": r"sports/|lamp|bulb",
    "furniture, piece of furniture, 家具": r"$.",
    "weapon, weapons, gun, 武器, 枪": r"$.",
    "bread, 面包": r"$.",
    "pasta, spaghetti, 意大利面, 意面": r"$.",
    "snake, snakes, 蛇": r"$.",
    "building, buildings, 建筑物": r"$.",
    "turtle, 乌龟": r"$.",
    "computer, 电脑": r"$.",
    "shoe, shoes, footwear, 鞋": r"$.",
}
"""Words, and what of the folder shows such a thing, or might to a strict eye: other pictures surely do not."""


class Library(NamedTuple):
    names: list[str]
    vectors: Matrix


def read_stamps(folder: Path, encoder: OnnxEncoder) -> Library:
    """The stamps on white squares, 15 % wider than they are."""
    names, vectors = [], []
    for file in sorted(folder.rglob("*.png")):
        name = file.relative_to(folder).as_posix()
        if _LEFT_OUT.search(name):
            continue
        stamp = Image.open(file).convert("RGBA")
        side = int(1.15 * max(stamp.size))
        square = Image.new("RGB", (side, side), "white")
        square.paste(stamp, ((side - stamp.width) // 2, (side - stamp.height) // 2), stamp)
        names.append(name)
        vectors.append(encoder.encode([np.asarray(square)])[0])
    return Library(names, np.array(vectors, np.float32))


def first_hits(vectors: Matrix, words: Words, text: str, *, kinds: bool) -> NDArray[np.intp]:
    """The first hits, none where nothing fits."""
    vector = words.encode_texts([text])[0]
    if kinds:
        if not fits(vectors, words, text):
            return np.empty(0, np.intp)
        kind = narrowed(vectors, words, text)
        if kind is not None:
            return best(vectors, kind.vector, _FIRST)
    elif (vectors @ vector).max() < words.cut_off(text).first:
        return np.empty(0, np.intp)
    return best(vectors, words.sharpen(vector, vectors[best(vectors, vector, NEIGHBOURS)]), _FIRST)


def trials(library: Library, words: Words, *, kinds: bool) -> Iterator[tuple[int, str, bool, bool]]:
    """The half that a word is in, the word, whether a member was shown, and whether the answer was right."""
    for number, (texts, pattern) in enumerate(KINDS.items()):
        member = np.array([re.search(pattern, name) is not None for name in library.names])
        for text in texts.split(", "):
            rng = np.random.default_rng(zlib.crc32(text.encode()))
            for _ in range(_DRAWN):
                others = library.vectors[rng.choice(np.flatnonzero(~member), _OTHERS, replace=False)]
                yield number % 2, text, False, not len(first_hits(others, words, text, kinds=kinds))
                if member.any():
                    shown = np.vstack([others, library.vectors[rng.choice(np.flatnonzero(member))]])
                    yield number % 2, text, True, _OTHERS in first_hits(shown, words, text, kinds=kinds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    arguments = parser.parse_args()
    encoder = load(arguments.encoder, Settings())
    words = words_for(encoder.spec)
    if words is None or not isinstance(encoder, OnnxEncoder):
        parser.error(f"{arguments.encoder} has no bridge from words")
    library = read_stamps(arguments.folder, encoder)
    result: dict[str, object] = {"pictures": len(library.names), "encoder": arguments.encoder}
    for way, kinds in {"one direction": False, "kinds": True}.items():
        done = list(trials(library, words, kinds=kinds))
        for half, name in enumerate(("chosen on", "held out")):
            result[f"{way}, {name}"] = {
                side: round(float(np.mean([right for h, _, there, right in done if h == half and there == shows])), 3)
                for side, shows in {"found": True, "silent": False}.items()
            }
        shown = {text: [right for _, of, there, right in done if there and of == text] for _, text, there, _ in done}
        result[f"{way}, words found in half of the libraries or more"] = len(
            [text for text, right in shown.items() if right and np.mean(right) >= 0.5]
        )
        result["words"] = len({text for _, text, there, _ in done if there})
    print(json.dumps(result, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
