"""Pairs that agree and are no copies, pictures on one layout and of one person, by match, compare and dedupe.

    python -m benchmarks.templates FOLDER [--each 10] [--persons 60] [--copies 250] [--seed 1] [--video FILE]

Of each of 14 layouts ``--each`` pairs are drawn: half of them with other content throughout, half with one entry that
differs, some compressed or scaled anew. ``--persons`` pairs show one person with two faces: scikit-image's astronaut,
warped, and frames of ``--video``, of somebody who talks. ``--copies`` are edited copies (benchmarks.copy_edits) of the
photographs below FOLDER. The first of each pair, and the photographs, are in a library. Each second one is looked for
with match and held against the first with compare; then it is added, and duplicates are looked for. Prints one JSON
object: how many pairs each of the three calls a copy, and which.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from benchmarks.copy_edits import EDITS
from benchmarks.doctored import compressed
from yunmeng.apps.duplicates import Duplicates
from yunmeng.imaging import is_picture
from yunmeng.imaging.fonts import font
from yunmeng.library import Library

__all__ = ["LAYOUTS", "Content", "LikePair", "person", "person_pairs", "template", "template_pairs"]

WORDS: Final = "time year people way day man thing woman life child world school state family student group country "
CHINESE: Final = "办公桌三张打印纸五十箱甲示例公司乙样本商店北京上海广州深圳成都杭州红木茶叶电脑手机图书服装食品"
NAMES: Final = ("A. Example", "Maria Muster", "Li Lei", "J. Sample", "韩梅梅", "Otto Normal", "Wang Wei", "Ana Prova")
INK: Final = (30, 30, 30)
_PAIRS: Final = 24  # in one library
FACE_BOX: Final = (110, 0, 366, 320)  # in scikit-image's astronaut: head and shoulders


class Content:
    """Writes into a layout: drawn by ``seed``, but for the call of number ``other``, which gives another text."""

    def __init__(self, seed: int, other: int | None = None) -> None:
        self._seed, self._other, self.calls = seed, other, 0

    def _random(self) -> np.random.Generator:
        self.calls += 1
        return np.random.default_rng([self._seed, self.calls, int(self.calls - 1 == self._other)])

    def words(self, count: int) -> str:
        return " ".join(self._random().choice(WORDS.split(), count).tolist())

    def chinese(self, count: int) -> str:
        return "".join(self._random().choice(list(CHINESE), count).tolist())

    def name(self) -> str:
        return str(self._random().choice(NAMES))

    def number(self, low: int, high: int) -> int:
        return int(self._random().integers(low, high))

    def digits(self, count: int) -> str:
        return "".join(map(str, self._random().integers(0, 10, count).tolist()))

    def photograph(self, size: tuple[int, int]) -> Image.Image:
        random = self._random()
        source = _shipped(("astronaut", "chelsea", "coffee")[int(random.integers(3))])
        left, top = (int(random.integers(0, side // 3)) for side in source.size)
        return source.crop((left, top, left + 220, top + 270)).resize(size)


def _sheet(width: int, height: int, colour: str = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), colour)
    return image, ImageDraw.Draw(image)


def invoice(of: Content) -> Image.Image:
    image, draw = _sheet(800, 600)
    draw.text((300, 25), "INVOICE", INK, font(36))
    draw.line((40, 98, 760, 98), INK, 3)
    for row, label in enumerate(("Customer", "Date", "Number", "Amount", "Tax", "Total", "Terms", "Bank")):
        y = 120 + 56 * row
        draw.rectangle((40, y, 760, y + 48), None, INK)
        draw.text((55, y + 10), label, INK, font(19))
        said = of.words(2) if row in (0, 6, 7) else of.digits(5)
        draw.text((300, y + 10), said, INK, font(19))
    return image


def chinese_invoice(of: Content) -> Image.Image:
    image, draw = _sheet(1240, 877)
    draw.text((480, 30), "增值税发票", (150, 20, 20), font(52))
    for row, label in enumerate(("购买方", "日期", "货物", "金额", "税额", "合计")):
        y = 140 + 112 * row
        draw.rectangle((60, y, 1180, y + 100), None, (150, 20, 20), 2)
        draw.text((90, y + 30), label, (150, 20, 20), font(30))
        said = of.chinese(6) if row in (0, 2) else f"¥{of.digits(4)}.{of.digits(2)}"
        draw.text((420, y + 30), said, INK, font(30))
    return image


def slide(of: Content) -> Image.Image:
    image, draw = _sheet(1280, 720, "#143c78")
    draw.rectangle((0, 630, 1280, 720), "#f0f0f0")
    draw.text((40, 655), "ACME Quarterly Review", "#143c78", font(26))
    draw.text((80, 60), of.words(3).title(), "white", font(52))
    for row in range(4):
        draw.text((120, 190 + 95 * row), f"- {of.words(5)}", "white", font(34))
    return image


def book_page(of: Content) -> Image.Image:
    image, draw = _sheet(700, 1000, "#fdfbf4")
    for row in range(34):
        draw.text((60, 60 + 26 * row), of.words(11), INK, font(15))
    draw.text((340, 962), str(of.number(10, 99)), INK, font(14))
    return image


def label(of: Content) -> Image.Image:
    image, draw = _sheet(500, 700)
    draw.rectangle((10, 10, 490, 690), None, "black", 6)
    draw.text((40, 30), "EXPRESS", "black", font(58))
    draw.line((10, 130, 490, 130), "black", 4)
    for row in range(5):
        draw.text((40, 145 + 38 * row), of.words(3), "black", font(26))
    draw.line((10, 350, 490, 350), "black", 4)
    x = 40
    for width in of.digits(100):
        draw.rectangle((x, 390, x + int(width) // 3, 560), "black")
        x += 4
    draw.text((120, 585), of.digits(10), "black", font(36))
    return image


def business_card(of: Content) -> Image.Image:
    image, draw = _sheet(900, 540, "#f7f4ec")
    draw.polygon((0, 0, 260, 0, 120, 540, 0, 540), "#8c1d2f")
    draw.ellipse((50, 60, 130, 140), "#f7f4ec")
    draw.text((320, 110), of.name(), INK, font(48))
    draw.text((320, 180), of.words(2), (110, 110, 110), font(26))
    draw.text((320, 330), f"+86 {of.digits(11)}", INK, font(26))
    draw.text((320, 375), f"{of.words(1)}@acme.example", INK, font(26))
    draw.text((320, 440), "ACME 贸易有限公司", "#8c1d2f", font(28))
    return image


def identity_card(of: Content) -> Image.Image:
    image, draw = _sheet(860, 540, "#d9e7f5")
    draw.rectangle((0, 0, 860, 80), "#1e4a8c")
    draw.text((30, 18), "MEMBER CARD / ACME CLUB", "white", font(36))
    image.paste(of.photograph((240, 300)), (40, 120))
    for row, (name, said) in enumerate(
        (("Name", of.name()), ("Number", of.digits(6)), ("Since", str(of.number(1990, 2020))), ("City", of.words(1)))
    ):
        draw.text((330, 140 + 75 * row), name, (90, 90, 110), font(24))
        draw.text((520, 136 + 75 * row), said, "black", font(30))
    return image


def chat(of: Content) -> Image.Image:
    image, draw = _sheet(540, 960, "#ededed")
    draw.rectangle((0, 0, 540, 70), "#f7f7f7")
    draw.text((220, 18), "群聊 (5)", "black", font(28))
    for row in range(9):
        mine, y = row % 3 == 2, 95 + 95 * row
        draw.rectangle(
            (470, y, 525, y + 55) if mine else (15, y, 70, y + 55), ("#7aa5d8", "#d8a27a", "#8ac58e")[row % 3]
        )
        draw.rounded_rectangle(
            (120, y, 455, y + 60) if mine else (85, y, 420, y + 60), 8, "#95ec69" if mine else "white"
        )
        said = of.chinese(9) if row % 2 else of.words(4)
        draw.text((135 if mine else 100, y + 14), said, "black", font(24))
    return image


def calendar(of: Content) -> Image.Image:
    image, draw = _sheet(1050, 800)
    draw.text((420, 20), "2026 年 5 月", "#c0392b", font(44))
    for day in range(35):
        x, y = 35 + 140 * (day % 7), 100 + 135 * (day // 7)
        draw.rectangle((x, y, x + 140, y + 135), None, (190, 190, 190))
        draw.text((x + 8, y + 4), str(day % 31 + 1), (60, 60, 60), font(24))
        if day % 3 == 0:
            draw.text((x + 8, y + 60), of.words(1), "#2c3e90", font(20))
    return image


def table(of: Content) -> Image.Image:
    image, draw = _sheet(1000, 700)
    draw.rectangle((0, 0, 1000, 40), "#217346")
    for row in range(20):
        y = 45 + 32 * row
        draw.line((0, y + 30, 1000, y + 30), (212, 212, 212))
        draw.text((10, y + 3), str(row + 1), (120, 120, 120), font(18))
        for column in range(5):
            draw.text((70 + 190 * column, y + 3), of.words(1) if column == 0 else of.digits(5), INK, font(18))
    for column in range(6):
        draw.line((50 + 190 * column, 40, 50 + 190 * column, 700), (212, 212, 212))
    return image


def price_tag(of: Content) -> Image.Image:
    image, draw = _sheet(720, 420, "#ffe14d")
    draw.rectangle((0, 0, 720, 90), "#d81e06")
    draw.text((30, 18), "今日特价 SALE", "white", font(48))
    draw.text((40, 110), of.chinese(6), "black", font(44))
    draw.text((40, 190), f"¥{of.digits(2)}.{of.digits(1)}", "#d81e06", font(120, bold=True))
    draw.text((480, 350), f"/ {of.number(100, 999)} g", "black", font(32))
    return image


def ticket(of: Content) -> Image.Image:
    image, draw = _sheet(1100, 460, "#eef6ff")
    draw.rectangle((0, 0, 1100, 70), "#0b5cad")
    draw.text((30, 12), "BOARDING PASS 登机牌", "white", font(36))
    draw.line((800, 70, 800, 460), (120, 120, 120), 2)
    for number, name in enumerate(("Name 姓名", "From 自", "To 到", "Flight 航班", "Gate 登机口", "Seat 座位")):
        x, y = 40 + 250 * (number % 3), 95 + 180 * (number // 3)
        draw.text((x, y), name, (90, 110, 140), font(22))
        said = of.name() if number == 0 else of.words(1).upper() if number < 3 else of.digits(3)
        draw.text((x, y + 40), said, "black", font(40))
    code = np.random.default_rng([7, of.number(0, 1 << 30)]).integers(0, 2, (25, 25)).astype(np.uint8) * 255
    image.paste(Image.fromarray(code).resize((225, 225), Image.Resampling.NEAREST), (840, 130))
    return image


def form(of: Content) -> Image.Image:
    image, draw = _sheet(1240, 1754)
    draw.text((380, 60), "Registration 登记表", "black", font(52))
    for row in range(20):
        y = 200 + 72 * row
        draw.text((100, y), ("Name 姓名", "Street 地址", "Phone 电话", "Born 出生")[row % 4], "black", font(26))
        draw.line((420, y + 44, 1140, y + 44), (120, 120, 120), 2)
        draw.text((430, y + 2), of.words(3) if row % 2 else of.digits(8), "#1a3f9c", font(28))
    return image


def chart(of: Content) -> Image.Image:
    image, draw = _sheet(960, 640)
    draw.text((330, 20), "Revenue 收入", "black", font(36))
    for line in range(6):
        draw.line((90, 100 + 90 * line, 920, 100 + 90 * line), (215, 215, 215), 2)
        draw.text((30, 85 + 90 * line), str(100 - 20 * line), (90, 90, 90), font(22))
    for bar in range(8):
        x, height = 120 + 100 * bar, of.number(60, 440)
        draw.rectangle((x, 550 - height, x + 56, 550), ("#3b7dd8", "#e28b2d")[bar % 2])
        draw.text((x, 565), f"Q{bar % 4 + 1}", "black", font(22))
    return image


LAYOUTS: Final[dict[str, Callable[[Content], Image.Image]]] = {
    layout.__name__: layout
    for layout in (
        invoice, chinese_invoice, slide, book_page, label, business_card, identity_card, chat, calendar, table,
        price_tag, ticket, form, chart,
    )
}  # fmt: skip


class LikePair(NamedTuple):
    """Two pictures that are no copies of each other, and what they are."""

    kind: str
    a: Image.Image
    b: Image.Image


def template(layout: str, seed: int, other: int | None = None) -> Image.Image:
    """A picture on a layout, written by ``seed``; with ``other``, the entry of that number is another one."""
    return LAYOUTS[layout](Content(seed, other))


def template_pairs(each: int = 10, seed: int = 1) -> Iterator[LikePair]:
    """Of each layout, half of the pairs with other content throughout, half with one entry that differs; two of five of
    the second pictures are compressed or scaled anew."""
    random = np.random.default_rng(seed)
    for name, layout in LAYOUTS.items():
        for number in range(each):
            one, other = (int(value) for value in random.integers(0, 1 << 31, 2))
            told = Content(one)
            a = layout(told)
            if number % 2:
                b, kind = _one_entry_other(name, a, one, told.calls, random), "one entry"
            else:
                b, kind = template(name, other), "all entries"
            yield LikePair(f"{name}, {kind}", a, _handed_on(b, number, random))


def _one_entry_other(name: str, a: Image.Image, seed: int, calls: int, random: np.random.Generator) -> Image.Image:
    while True:  # chance may draw the same entry twice
        b = template(name, seed, int(random.integers(calls)))
        if b.tobytes() != a.tobytes():
            return b


def _handed_on(image: Image.Image, number: int, random: np.random.Generator) -> Image.Image:
    if number % 5 in (1, 2):
        return compressed(image, int(random.integers(60, 95)))
    if number % 5 == 3:
        scale = random.uniform(0.6, 0.95)
        return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    return image


def person(face: Image.Image, seed: int) -> Image.Image:
    """The same person with another face: eyes, mouth and head moved a little, and lit otherwise."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    random = np.random.default_rng(seed)
    height, width = face.height, face.width
    still = seed % 2 == 0  # all but the face stands still, as before one camera
    grid = np.mgrid[:height, :width].astype(np.float64)
    side = min(height, width)
    shift = np.stack([gaussian_filter(random.normal(size=(height, width)), side / 12) for _ in range(2)])
    shift *= side * random.uniform(0.01, 0.03) / shift.std()
    if still:
        shift *= np.exp(-(((grid[0] / height - 0.4) / 0.16) ** 2 + ((grid[1] / width - 0.45) / 0.18) ** 2))
    turned = 0.0 if still else float(np.deg2rad(random.uniform(-2, 2)))
    y, x = grid[0] - height / 2, grid[1] - width / 2
    places = np.stack([y + turned * x + height / 2, x - turned * y + width / 2]) + shift
    pixels = np.asarray(face.convert("RGB"), np.float64)
    moved = np.stack([map_coordinates(pixels[..., one], places, order=1, mode="nearest") for one in range(3)], axis=-1)
    light = 1 + 0.12 * gaussian_filter(random.normal(size=(height, width)), side / 3) * side
    if not still:
        moved *= light.clip(0.85, 1.15)[..., None]
    return ImageEnhance.Brightness(Image.fromarray(moved.clip(0, 255).astype(np.uint8))).enhance(
        random.uniform(0.9, 1.1)
    )


def person_pairs(count: int = 60, seed: int = 1, video: Path | None = None) -> Iterator[LikePair]:
    """One person with two faces, from scikit-image's astronaut; half of them from a ``video`` of somebody who talks."""
    face = _shipped("astronaut").crop(FACE_BOX)
    random = np.random.default_rng(seed)
    frames = [] if video is None else _frames(video)
    for number in range(count):
        if frames and number % 2:
            first = int(random.integers(0, len(frames) - 40))
            later = first + int(random.integers(15, 40))
            yield LikePair("frames of one person", frames[first], frames[later])
        else:
            one, other = (2 * int(value) + number // 2 % 2 for value in random.integers(0, 1 << 30, 2))
            yield LikePair("faces of one person", person(face, one), person(face, other))


def _shipped(name: str) -> Image.Image:
    """Return one of the photographs that scikit-image ships."""
    import skimage.data

    return Image.fromarray(getattr(skimage.data, name)())


def _frames(video: Path) -> list[Image.Image]:
    import cv2

    capture, frames = cv2.VideoCapture(str(video)), []
    while (read := capture.read())[0]:
        frames.append(Image.fromarray(read[1][..., ::-1]).resize((528, 432), Image.Resampling.BICUBIC))
    return frames


def copies(folder: Path, count: int, seed: int = 1) -> Iterator[LikePair]:
    """Edited copies, after their originals, of the photographs below ``folder``: each kind in turn."""
    random = np.random.default_rng(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))
    chosen = random.choice(len(files), count, replace=count > len(files)).tolist()
    for number, name in zip(chosen, list(EDITS) * (count // len(EDITS) + 1), strict=False):
        original = Image.open(files[number]).convert("RGB")
        yield LikePair(f"copy, {name}", original, compressed(EDITS[name](original, random), 92))


def measure(pairs: Iterator[LikePair], folder: Path) -> dict[str, Any]:
    """Count the pairs, by what they are, that each of the three calls a copy.

    Each library holds some pairs of many kinds: all pictures on one layout against each other would take hours.
    """
    kinds: list[str] = []
    said: dict[str, list[bool]] = {"match": [], "compare": [], "dedupe": []}
    everything = list(pairs)
    count = -(-len(everything) // _PAIRS)
    for number in range(count):
        some = everything[number::count]
        kinds += [pair.kind for pair in some]
        for face, calls in _asked(some, folder / str(number)).items():
            said[face] += calls
        print(f"{len(kinds)} of {len(everything)} pairs", file=sys.stderr, flush=True)
    return {"pairs": dict(Counter(map(_family, kinds)))} | {
        face: dict(Counter(_family(kind) for kind, called in zip(kinds, calls, strict=True) if called))
        | {
            "which": dict(
                Counter(kind for kind, called in zip(kinds, calls, strict=True) if called != kind.startswith("copy"))
            )
        }
        for face, calls in said.items()
    }


def _asked(pairs: Sequence[LikePair], folder: Path) -> dict[str, list[bool]]:
    """Return whether each face calls each pair a copy, in a library of their own."""
    names = []
    for number, pair in enumerate(pairs):
        names.append((folder / "a" / f"{number:04}.png", folder / "b" / f"{number:04}.png"))
        for path, image in zip(names[-1], pair[1:], strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
    said: dict[str, list[bool]] = {"match": [], "compare": [], "dedupe": []}
    with Library.create(folder / "library") as library:
        library.index([folder / "a"])
        for one, other in names:
            found = library.match(other.read_bytes(), k=10)
            said["match"].append(any(hit.score >= 0.5 and hit.uri == str(one) for hit in found))
            said["compare"].append(library.compare(other, one).verdict != "different")
        for _, other in names:
            library.add(str(other), id=f"second/{other.name}")
        report = Duplicates(library).find()
        members = [member.id for group in report.groups for member in group.members]
        uris = {id: record.uri for id, record in library.reader.get_many(members).items()}
        together = [{uris[member.id] for member in group.members} for group in report.groups]
        said["dedupe"] = [any({str(one), str(other)} <= group for group in together) for one, other in names]
    return said


def _family(kind: str) -> str:
    return "copies" if kind.startswith("copy") else "of one person" if kind.endswith("one person") else "on one layout"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--persons", type=int, default=60)
    parser.add_argument("--copies", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--video", type=Path)
    given = parser.parse_args()

    def pairs() -> Iterator[LikePair]:
        yield from template_pairs(given.each, given.seed)
        yield from person_pairs(given.persons, given.seed, given.video)
        yield from copies(given.folder, given.copies, given.seed)

    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(pairs(), Path(scratch)), ensure_ascii=False))


if __name__ == "__main__":
    main()
