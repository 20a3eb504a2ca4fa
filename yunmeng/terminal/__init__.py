"""What commands share: options, output, progress, and stopping on a signal."""
