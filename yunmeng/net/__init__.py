"""URL -> bytes, safely: addresses, redirects, limits."""
