"""Words as queries, for encoders that read pictures only."""

from yunmeng.words.bridge import NEIGHBOURS, CutOff, Words, words_for

__all__ = ["NEIGHBOURS", "CutOff", "Words", "words_for"]
