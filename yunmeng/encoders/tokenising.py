"""Texts to token ids with a ``tokenizer.json``: the only module that imports ``tokenizers``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import EncoderError, MissingExtra

if TYPE_CHECKING:
    from yunmeng.encoders.description import TextTower

__all__ = ["Tokeniser"]


class Tokeniser:
    """The tokeniser of one text tower. Safe to call from several threads.

    Raises MissingExtra without the library, and EncoderError when ``file`` is no ``tokenizer.json``.
    """

    def __init__(self, file: Path, tower: "TextTower") -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtra("reading words", "words") from error
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing narrower
            raise EncoderError(f"{file} is not a tokenizer.json: {' '.join(str(error).split())}") from error
        length = tower.context_length
        self._tokenizer.enable_truncation(max_length=length)
        padded = length if tower.fixed_length else None  # None fills up to the longest of a batch
        self._tokenizer.enable_padding(direction=tower.padding_side, pad_id=tower.padding_id, length=padded)
        self._lower_case = tower.lower_case

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Int64 (n, context_length), or (n, longest) where the length is not fixed.

        What is no character, such as half of a surrogate pair, becomes U+FFFD."""
        clean = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
        if self._lower_case:
            clean = [text.lower() for text in clean]
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(clean)]
        return np.array(ids, np.int64).reshape(len(texts), -1)
