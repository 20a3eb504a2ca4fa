"""What measures speed and memory. ``python -m benchmarks`` runs it all and prints the table of docs/benchmarks.md."""
