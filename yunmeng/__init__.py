"""云梦: find pictures by picture."""
