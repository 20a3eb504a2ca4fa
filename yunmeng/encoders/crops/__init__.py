"""What of a picture is encoded: all of it or its main subject, enhanced or not, and its parts."""

from yunmeng.encoders.crops.grid import grid
from yunmeng.encoders.crops.views import WHOLE, Source, View, Views

__all__ = ["WHOLE", "Source", "View", "Views", "grid"]
