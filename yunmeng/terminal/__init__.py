"""Shared parts of commands: options, output, progress, and stopping on a signal."""

__all__: list[str] = []
