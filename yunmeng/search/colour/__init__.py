"""Search by colour: words and codes of colours, their place in OKLab, and palettes scored by them."""
