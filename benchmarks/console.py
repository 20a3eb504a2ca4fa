"""How long the console takes to show something on a slow line: 50 kB/s, and 800 ms until each answer begins.

The figures are read from Chromium's own trace, in a browser with nothing in its cache; the second visit has what the
first has left there. "Pictures" is the moment at which the grid's first thumbnail is there.

``python -m benchmarks.console LIBRARY`` prints one JSON object.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, expect

from tests.console.browsing import PATIENCE, chromium

BYTES_A_SECOND = 50_000
LATENCY = 800
"""Milliseconds."""
ROUNDS = 3
CATEGORIES = "blink.user_timing,loading,devtools.timeline"


def visit(browser: Browser, context: BrowserContext, address: str) -> dict[str, float]:
    """Open the search page; return what it took, in seconds, requests and bytes."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"latency": LATENCY, "downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
    session.send("Network.emulateNetworkConditions", {"offline": False, **limits})
    sizes: dict[str, float] = {}
    addresses: dict[str, str] = {}
    session.on(
        "Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]})
    )
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    browser.start_tracing(page=page, categories=CATEGORIES.split(","))
    page.goto(f"{address}/", timeout=PATIENCE)
    expect(page.locator(".tile img").first).not_to_have_js_property("naturalWidth", 0, timeout=PATIENCE)
    pictures = page.evaluate("performance.now()") / 1000
    page.wait_for_load_state("networkidle")
    trace = json.loads(browser.stop_tracing())["traceEvents"]
    fetched = {name: size for name, size in sizes.items() if size > 0}
    shell = [name for name in fetched if not re.search(r"/v1/pictures/.*thumbnail|/thumbnail", addresses.get(name, ""))]
    page.close()
    return {
        **paints(trace, address),
        "pictures": pictures,
        "requests": len(shell),
        "kilobytes": sum(fetched[name] for name in shell) / 1000,
    }


def paints(trace: list[dict[str, Any]], address: str) -> dict[str, float]:
    """Return the seconds from the start of the navigation to the first paint, and to the first of text or a picture."""
    starts = [
        event
        for event in trace
        if event["name"] == "navigationStart"
        and str(event["args"].get("data", {}).get("documentLoaderURL", "")).startswith(address)
    ]
    start = starts[-1]
    of_frame = [event for event in trace if event.get("args", {}).get("frame") == start["args"]["frame"]]
    moments = {
        name: min(event["ts"] for event in of_frame if event["name"] == name)
        for name in ("firstPaint", "firstContentfulPaint")
    }
    return {
        "first_paint": (moments["firstPaint"] - start["ts"]) / 1e6,
        "first_contentful_paint": (moments["firstContentfulPaint"] - start["ts"]) / 1e6,
    }


@contextmanager
def serving(library: Path) -> Iterator[str]:
    """Run ``yunmeng serve`` on a free port; give its address."""
    command = [sys.executable, "-m", "yunmeng", "serve", "--db", str(library), "--port", "0"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdout
        try:
            yield server.stdout.readline().split()[1].rstrip("/")
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    arguments = parser.parse_args()
    visits: dict[str, list[dict[str, float]]] = {"first": [], "second": []}
    with serving(arguments.library) as address, chromium() as browser:
        for _ in range(ROUNDS):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            for found in visits.values():
                found.append(visit(browser, context, address))
            context.close()
    medians = {
        name: {key: round(statistics.median(one[key] for one in found), 2) for key in found[0]}
        for name, found in visits.items()
    }
    print(json.dumps(medians))


if __name__ == "__main__":
    main()
