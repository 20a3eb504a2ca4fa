"""Words for colours, in English and Chinese, and what they look like.

Metals are mapped to how they look in photographs: gold is a dull yellow, silver a light grey.
"""

import re
from functools import cache
from typing import Final, Literal, NamedTuple, TypeAlias

__all__ = ["CHINESE", "DOUBTFUL", "ENGLISH", "TINTS", "Colour", "Tint", "code", "named", "tinted"]

Tint: TypeAlias = Literal["light", "dark", "bright"]


class Colour(NamedTuple):
    """A colour that is asked for: a basic one, perhaps a ``tint`` of it, or one colour, sRGB in 0-255.

    ``exact`` says that ``rgb`` was given as a code, and not by a name, which means a wider range.
    """

    basic: str | None = None
    tint: Tint | None = None
    rgb: tuple[int, int, int] | None = None
    exact: bool = False

    def __str__(self) -> str:
        if self.rgb is None:
            return f"{self.tint} {self.basic}" if self.tint else f"{self.basic}"
        return f"#{bytes(self.rgb).hex()}"


TINTS: Final[dict[str, Tint]] = {
    "light": "light", "pale": "light", "pastel": "light", "soft": "light", "baby": "light",
    "dark": "dark", "deep": "dark", "bright": "bright", "vivid": "bright", "neon": "bright",
    "浅": "light", "淺": "light", "淡": "light", "亮": "bright", "鲜": "bright", "鮮": "bright", "艳": "bright",
    "深": "dark", "暗": "dark",
}  # fmt: skip
"""What stands before a basic colour."""

_BASIC: Final = {
    "black": "black 黑", "white": "white 白", "grey": "grey gray 灰", "red": "red 红 紅",
    "orange": "orange 橙 橘 桔", "yellow": "yellow 黄 黃", "green": "green 绿 綠", "blue": "blue 蓝 藍",
    "purple": "purple 紫", "pink": "pink 粉 粉红 粉紅", "brown": "brown 棕 褐", "beige": "beige 米",
}  # fmt: skip

_ENGLISH: Final = {
    "navy": "1f2a4d", "navy blue": "1f2a4d", "royal blue": "2a4fc0", "sky blue": "7fbfe8", "baby blue": "a8cdea",
    "ice blue": "c9e2ef", "denim blue": "4a6690", "cobalt": "1f47a8", "cobalt blue": "1f47a8", "indigo": "3b2f7e",
    "teal": "12767a", "turquoise": "35bfb8", "cyan": "20c4d8", "aqua": "49cfd4", "aquamarine": "7fe0c8",
    "maroon": "6e1a23", "burgundy": "6d1a2d", "wine": "6d1a2d", "wine red": "6d1a2d", "crimson": "b3152f",
    "scarlet": "d21f1a", "ruby": "9d1338", "cherry": "a51230", "brick red": "a0402c", "rust": "a14a22",
    "coral": "f37a62", "salmon": "f09079", "peach": "f8c09c", "apricot": "f0bd8a", "rose": "d9627c",
    "dusty rose": "c48f93", "blush": "eac4bf", "hot pink": "ef4f9c", "fuchsia": "d5268f", "magenta": "d42aa8",
    "violet": "7d4bb5", "lavender": "b9a8d8", "lilac": "c3a6d2", "mauve": "a98298", "plum": "5f2a56",
    "aubergine": "42233f", "mustard": "c99a2e", "ochre": "bb8030", "lemon": "f3e35a", "gold": "c6a04e",
    "golden": "cfa548", "silver": "b9bcc0", "bronze": "8a683f", "copper": "ae6a48", "rose gold": "cba091",
    "champagne": "e8d5b2", "ivory": "f3eddc", "cream": "f2e8cf", "off white": "efece4", "eggshell": "ece5d3",
    "sand": "d3bf98", "tan": "c6a077", "camel": "b98a58", "caramel": "a9693a", "khaki": "b3a27b", "taupe": "8d7f75",
    "nude": "e0b99d", "chocolate": "4d2f22", "coffee": "56402f", "olive": "6b6a35", "olive green": "6b6a35",
    "army green": "565c3e", "forest green": "245238", "emerald": "178a58", "jade": "3f9f77", "mint": "a5dcc4",
    "mint green": "a5dcc4", "lime": "a4d42e", "lime green": "8fce33", "sage": "9caf88", "charcoal": "3d4045",
}  # fmt: skip

_CHINESE: Final = {
    "大红": "d01f22", "酒红": "6d1a2d", "枣红": "7b2630", "砖红": "a0402c", "玫红": "d42a74", "玫瑰": "d42a74",
    "玫瑰红": "d42a74", "桃红": "ee5a8e", "橘红": "ea5a2a", "橙红": "ea5a2a", "珊瑚": "f37a62", "紫红": "97215f",
    "橘黄": "f0962e", "杏": "eacba4", "肉": "e0b99d", "肤": "e0b99d", "裸": "e0b99d", "驼": "b98a58",
    "卡其": "b3a27b", "咖啡": "56402f", "咖": "56402f", "巧克力": "4d2f22", "焦糖": "a9693a", "香槟": "e8d5b2",
    "象牙": "f3eddc", "象牙白": "f3eddc", "米白": "f1ead9", "奶白": "f4efe2", "乳白": "f4efe2", "奶油": "f2e8cf",
    "米黄": "ecdcb4", "金": "c6a04e", "金黄": "e0ae3c", "银": "b9bcc0", "银灰": "b9bcc0", "古铜": "8a683f",
    "铜": "ae6a48", "藏青": "202c4a", "藏蓝": "202c4a", "海军蓝": "1f2a4d", "天蓝": "7fbfe8", "湖蓝": "3ba3c2",
    "宝蓝": "2449b3", "宝石蓝": "2449b3", "孔雀蓝": "12767a", "青": "2aa5a0", "蓝绿": "12767a", "湖绿": "4cc0a8",
    "墨绿": "204a38", "军绿": "565c3e", "草绿": "7aa641", "橄榄": "6b6a35", "橄榄绿": "6b6a35", "薄荷": "a5dcc4",
    "薄荷绿": "a5dcc4", "果绿": "a9d06c", "翠绿": "178a58", "豆绿": "9caf88", "荧光绿": "a8ee3a",
    "紫罗兰": "7d4bb5", "薰衣草": "b9a8d8", "薰衣草紫": "b9a8d8", "藕": "d8b6b2", "藕粉": "e2bfbe",
    "豆沙": "b5736c", "姜黄": "c99a2e", "土黄": "b3904f", "柠檬黄": "f3e35a", "鹅黄": "f5e28b", "明黄": "f8d51f",
    "炭灰": "3d4045", "茶": "7b4f2e",
}  # fmt: skip
"""Words that are colours where 色 follows; those that end like a basic colour, without it too."""

DOUBTFUL: Final = frozenset(
    """
    orange wine ruby cherry rust coral salmon peach apricot rose blush violet lavender lilac mauve plum aubergine
    mustard ochre lemon gold golden silver bronze copper champagne ivory cream eggshell sand tan camel caramel khaki
    nude chocolate coffee olive emerald jade mint lime sage charcoal turquoise aqua cobalt indigo aquamarine tomato
    snow linen wheat orchid thistle sienna seashell azure gainsboro peru honeydew cornsilk chartreuse bisque
    moccasin
    """.split()  # noqa: SIM905  as a list it is ten times as long
)
"""English words for colours that are first of all words for things, or may be: what stands around them decides."""

_CODE: Final = re.compile(r"#([0-9a-f]{3})|#?([0-9a-f]{6})", re.IGNORECASE)


def code(text: str) -> Colour | None:
    """Return the colour of a code such as ``#c0392b``, ``c0392b`` or ``#f80``; None for other text."""
    found = _CODE.fullmatch(text)
    if found is None:
        return None
    digits = found[2] or "".join(2 * digit for digit in found[1])
    return Colour(rgb=_rgb(digits), exact=True)


def named(text: str) -> Colour | None:
    """Return the colour of a name in either language, also with a tint, with 色 or of CSS; None for other text."""
    name = " ".join(text.casefold().replace("-", " ").split())
    bare = name.removesuffix("色")
    for table in (ENGLISH, CHINESE):
        if (found := table.get(name) or table.get(bare)) is not None:
            return found
    tint, _, basic = name.partition(" ")
    return tinted(tint, basic) or tinted(bare[:1], bare[1:]) or _css().get(name.replace(" ", ""))


def tinted(tint: str, basic: str) -> Colour | None:
    """Return the tint of a basic colour, by the words for both; None where they are no such words."""
    found = ENGLISH.get(basic) or CHINESE.get(basic)
    if tint not in TINTS or found is None or found.basic is None:
        return None
    return Colour(found.basic, TINTS[tint])


def _rgb(digits: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def _table(points: dict[str, str], *, chinese: bool) -> dict[str, Colour]:
    basic = {word: Colour(name) for name, words in _BASIC.items() for word in words.split()}
    mine = {word: colour for word, colour in basic.items() if word.isascii() != chinese}
    return {**mine, **{word: Colour(rgb=_rgb(digits)) for word, digits in points.items()}}


ENGLISH: Final = _table(_ENGLISH, chinese=False)
CHINESE: Final = _table(_CHINESE, chinese=True)
"""Without 色 at their ends."""


@cache
def _css() -> dict[str, Colour]:
    """Return the named colours of CSS, which Pillow knows."""
    from PIL import ImageColor

    codes = {name: value for name, value in ImageColor.colormap.items() if isinstance(value, str)}
    return {name: Colour(rgb=_rgb(value.removeprefix("#"))) for name, value in codes.items()}
