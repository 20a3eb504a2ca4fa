"""Drills: faults that happen to every installation, brought about on purpose, each with an outcome that it must have.

``python -m benchmarks.drills [NAME ...]`` runs them and prints a table; the exit code is 1 if one has another outcome.
``python -m benchmarks.drills.soak`` is the long run under mixed load.
"""
