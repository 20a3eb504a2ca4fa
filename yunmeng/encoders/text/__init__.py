"""Words as queries, for encoders that read pictures only."""

from yunmeng.encoders.text.bridge import NEIGHBOURS, NEIGHBOURS_OF_KINDS, CutOff, Narrowed, Words, words_for

__all__ = ["NEIGHBOURS", "NEIGHBOURS_OF_KINDS", "CutOff", "Narrowed", "Words", "words_for"]
