"""Words as queries, for encoders that read pictures only."""

from yunmeng.words.bridge import Words, words_for

__all__ = ["Words", "words_for"]
