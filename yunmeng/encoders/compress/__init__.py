"""Smaller encoders from larger ones: training a network's graph on the vectors of another encoder."""

__all__: list[str] = []
