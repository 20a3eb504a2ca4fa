"""Evidence that a picture was made from a registered work, for people: HTML and PDF, English and Chinese."""

__all__: list[str] = []
