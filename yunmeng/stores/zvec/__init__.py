"""The embedded store: zvec, in the library's folder."""

from yunmeng.stores.zvec.store import ZvecStore

__all__ = ["ZvecStore"]
