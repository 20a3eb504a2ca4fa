"""Fetching a URL safely: addresses, redirects, limits."""

__all__: list[str] = []
