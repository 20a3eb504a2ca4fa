"""HTTP API and console of one library. Needs the extra ``server``."""

from yunmeng.server.app import create_app
from yunmeng.server.run import listen, serve

__all__ = ["create_app", "listen", "serve"]
