"""Plots of how latency, memory and building grow with the number of vectors."""

from pathlib import Path
from typing import Any, Final

__all__ = ["draw"]

PANELS: Final = (
    ("p50_ms", "median of a search, ms"),
    ("memory_mb", "memory of the process, MB"),
    ("build_seconds", "insert and index, s"),
    ("disk_mb", "on disk, MB"),
)


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write ``scale.png``: four panels, both axes logarithmic, one line an engine."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    names = dict.fromkeys(name for engines in results["counts"].values() for name in engines)
    for panel, (key, title) in zip(panels.flat, PANELS, strict=True):
        for name in names:
            points = [
                (int(count), engines[name][key]) for count, engines in results["counts"].items() if name in engines
            ]
            points.sort()
            panel.plot(*zip(*points, strict=True), marker="o", linewidth=2.5 if name == "yunmeng" else 1.2, label=name)
        panel.set(xscale="log", yscale="log", title=title, xlabel="vectors of 512 numbers")
        panel.grid(alpha=0.3)
    panels[1, 1].legend(loc="lower right")
    figure.suptitle(f"{results['machine']}, {results['date']}", fontsize=9)
    figure.savefig(folder / "scale.png", dpi=110)
