"""The parts of a picture that are encoded: all of it or its main subject, enhanced or not, and a grid of regions."""

from yunmeng.encoders.crops.grid import grid
from yunmeng.encoders.crops.views import WHOLE, Source, View, Views

__all__ = ["WHOLE", "Source", "View", "Views", "grid"]
