"""A font that prints Chinese, where the system has one."""

from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from PIL import ImageFont

__all__ = ["Font", "elided", "font"]

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_NOTO: Final = ("/usr/share/fonts/opentype/noto", "/usr/share/fonts/noto-cjk", "/usr/share/fonts/google-noto-cjk")
_NOTO_CHINESE: Final = 2  # in Noto's collections: Japanese, Korean, simplified Chinese, ...
_ELLIPSIS: Final = "…"

# File and face in it; the first that is there is taken. Debian, Fedora and Arch; then macOS.
_REGULAR: Final[tuple[tuple[str, int], ...]] = (
    *((f"{folder}/NotoSansCJK-Regular.ttc", _NOTO_CHINESE) for folder in _NOTO),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
    ("/System/Library/Fonts/Hiragino Sans GB.ttc", 0),
    ("/System/Library/Fonts/STHeiti Light.ttc", 0),
)
_BOLD: Final[tuple[tuple[str, int], ...]] = (
    *((f"{folder}/NotoSansCJK-Bold.ttc", _NOTO_CHINESE) for folder in _NOTO),
    ("/System/Library/Fonts/Hiragino Sans GB.ttc", 2),
    ("/System/Library/Fonts/STHeiti Medium.ttc", 0),
    *_REGULAR,
)


@lru_cache(maxsize=32)
def font(size: int, *, bold: bool = False) -> Font:
    """Return a font of ``size`` pixels; without a Chinese font on the system, Pillow's own, which has Latin only."""
    for path, face in _BOLD if bold else _REGULAR:
        if Path(path).exists():
            try:
                return ImageFont.truetype(path, size, index=face)
            except OSError:  # another version of the file, with fewer faces
                continue
    return ImageFont.load_default(size)


def elided(text: str, font: Font, width: float) -> str:
    """Return ``text`` in one line of at most ``width`` pixels, its middle left out where it is longer.

    Both ends of an id matter: the folder at its head, the number at its tail. Unprintable characters become "?".
    """
    text = "".join(char if char.isprintable() else "?" for char in text)
    if font.getlength(text) <= width:
        return text
    shown, too_many = 0, len(text)
    while too_many - shown > 1:
        tried = (shown + too_many) // 2
        if font.getlength(_with_gap(text, tried)) <= width:
            shown = tried
        else:
            too_many = tried
    return _with_gap(text, shown)


def _with_gap(text: str, shown: int) -> str:
    tail = shown // 2
    return text[: shown - tail] + _ELLIPSIS + text[len(text) - tail :]
