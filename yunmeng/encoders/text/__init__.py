"""Texts as queries, for encoders that only read pictures."""

from yunmeng.encoders.text.bridge import NEIGHBOURS, NEIGHBOURS_OF_KINDS, CutOff, Narrowed, Words, words_for

__all__ = ["NEIGHBOURS", "NEIGHBOURS_OF_KINDS", "CutOff", "Narrowed", "Words", "words_for"]
