"""The embedded store: zvec, in the folder of the library."""

__all__: list[str] = []
