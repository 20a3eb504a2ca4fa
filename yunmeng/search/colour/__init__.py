"""Search by colour: words and codes of colours, their place in OKLab, and palettes scored by them."""

from yunmeng.search.colour.question import ColourQuestion, read_color
from yunmeng.search.colour.reading import Coloured, read_text

__all__ = ["ColourQuestion", "Coloured", "read_color", "read_text"]
