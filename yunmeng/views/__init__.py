"""What of a picture is encoded: all of it or its main subject, enhanced or not, and its parts."""

from yunmeng.views.grid import grid
from yunmeng.views.views import WHOLE, Source, View, Views

__all__ = ["WHOLE", "Source", "View", "Views", "grid"]
