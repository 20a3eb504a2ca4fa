"""How long a user waits: ``yunmeng --help``, and ``yunmeng search`` from a cold start.

``python -m benchmarks.starting LIBRARY PICTURE`` prints one JSON object.
"""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 7


def median_seconds(*arguments: str) -> float:
    """Median wall time of the command in a process of its own."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "yunmeng", *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times), 3)


def main() -> None:
    library, picture = sys.argv[1:]
    searched = median_seconds("search", picture, "--db", library, "--json")
    print(json.dumps({"help_seconds": median_seconds("--help"), "search_seconds": searched}))


if __name__ == "__main__":
    main()
