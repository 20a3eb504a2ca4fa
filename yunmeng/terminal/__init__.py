"""What commands share: options, output, progress, and stopping on a signal."""

__all__: list[str] = []
