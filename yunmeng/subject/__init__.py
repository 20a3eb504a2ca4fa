"""The main subject of a picture: where to look."""
