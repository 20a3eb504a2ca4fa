"""Lines of text files as programs write them: UTF-8, UTF-16, and what spreadsheets save in China and elsewhere."""

import codecs
import re
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Final

from yunmeng.errors import SourceError

__all__ = ["is_decoded", "read_lines"]

SAMPLE: Final = 65_536
"""Bytes from which an encoding is guessed."""
MOST_WORDS: Final = 1000
"""Different words that are enough to tell UTF-8."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED: Final = ["gb18030", "big5", "cp932", "euc_kr", "cp1252", "cp1251"]
_PLAINLY_CHINESE: Final = 0.9
_WORD: Final = re.compile(rb"[\x80-\xff]+")


def read_lines(file: Path) -> Generator[str]:
    """Yield the lines of a text file, with their ends: LF, CRLF or CR.

    Text that is not UTF-8 is read in its most probable encoding. A line that cannot be decoded holds lone surrogates,
    see `is_decoded`. Raises `SourceError`.
    """
    try:
        encoding = _encoding(file)
        with file.open(encoding=encoding, errors="surrogateescape", newline="") as stream:
            yield from stream
    except OSError as exc:
        raise SourceError(f"cannot read {file}: {exc.strerror}") from exc
    except UnicodeError as exc:  # UTF-16 cannot be picked up again behind an error
        raise SourceError(f"{file} is broken {encoding.upper()} text: save it as UTF-8 and try again") from exc


def is_decoded(line: str) -> bool:
    """Return whether all of a line could be decoded."""
    return line.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in line)


def _encoding(file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(SAMPLE)
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                return encoding
        if found := _unmarked_utf16(head):
            return found
        stream.seek(0)
        if all(map(_is_utf8, stream)):
            return "utf-8"
        stream.seek(0)
        return _guessed(stream)


def _guessed(stream: Iterable[bytes]) -> str:
    """The encoding of text that is not all UTF-8: that with a few broken words, or another."""
    words: dict[bool, set[bytes]] = {True: set(), False: set()}  # by whether they are UTF-8
    others = bytearray()
    for line in stream:
        before = len(words[False])
        for word in _WORD.findall(line):
            same = words[_is_utf8(word)]
            if len(same) < MOST_WORDS:
                same.add(word)
        if len(words[False]) > before:
            others += line[: SAMPLE - len(others)]
    # Two bytes may be a letter of UTF-8 by chance, three hardly: 裙 in GBK is one, 红色 is none.
    weight = 1 if any(max(word) >= 0xE0 for word in words[True]) else 4
    return "utf-8" if len(words[True]) >= weight * len(words[False]) else _guess(bytes(others))


def _unmarked_utf16(head: bytes) -> str | None:
    """The order of bytes where every other one is mostly zero, as in columns' names, separators and paths."""
    zeros = head[::2].count(0), head[1::2].count(0)
    if max(zeros) * 8 < len(head) or min(zeros) * 8 > max(zeros):
        return None
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_GUESSED).best()
    likely = "gb18030" if best is None else best.encoding
    # A few characters tell a guesser little. Those of GB 2312, each of two high bytes, are hardly anything else.
    return "gb18030" if likely != "euc_kr" and _share_of_gb2312(sample) >= _PLAINLY_CHINESE else likely


def _share_of_gb2312(sample: bytes) -> float:
    wide = [letter for letter in sample.decode("gb18030", "replace") if not letter.isascii()]
    plain = 0
    for letter in wide:
        code = letter.encode("gb18030")
        plain += len(code) == 2 and min(code) >= 0xA1
    return plain / len(wide) if wide else 0.0
