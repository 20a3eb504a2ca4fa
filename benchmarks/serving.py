"""What HTTP adds: sixteen clients that search by picture against the encoder alone, search by id against the library.

The encoder alone is measured as in `benchmarks.indexing`, before and after. The clients are threads of one process
beside the server, on the same cores; they send files as people have them and wait for each answer.

``python -m benchmarks.serving PICTURES LIBRARY [--seconds 30] [--clients 16]`` prints one JSON object.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.indexing import raw_rate
from yunmeng.config import Settings, cores
from yunmeng.encoders import Encoder, load
from yunmeng.imaging import decode
from yunmeng.library import Library

QUERIES = 64  # different pictures that the clients send
LOOKUPS = 500
BOUNDARY = "----yunmeng-benchmark"


class Caller(threading.Thread):
    """One client: asks, waits for the answer, asks again."""

    def __init__(self, address: str, bodies: list[bytes], until: float) -> None:
        super().__init__()
        self._address = urlsplit(address).netloc
        self._bodies = bodies
        self._until = until
        self.seconds: list[float] = []
        self.errors = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        number = 0
        while time.monotonic() < self._until:
            began = time.perf_counter()
            status, _ = ask(connection, self._bodies[number % len(self._bodies)])
            self.seconds.append(time.perf_counter() - began)
            self.errors += status != 200
            number += 1
        connection.close()


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """One search by picture."""
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    connection.request("POST", "/v1/search/upload", body, {"Content-Type": kind})
    response = connection.getresponse()
    return response.status, response.read()


def form(picture: bytes) -> bytes:
    """The body of a form with one file."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="q.jpg"\r\n\r\n'
    return head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()


def by_id_over_http(address: str, ids: list[str]) -> float:
    """Median milliseconds of a search by id, over one connection."""
    host = urlsplit(address)
    times = []
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for id in ids:
            body = json.dumps({"id": id}).encode()
            head = f"POST /v1/search HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\n"
            began = time.perf_counter()
            # In one piece, as curl sends it; http.client would send head and body apart.
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            response = http.client.HTTPResponse(connection)
            response.begin()
            response.read()
            times.append(time.perf_counter() - began)
            assert response.status == 200
    return statistics.median(times) * 1000


def by_id_in_the_library(library: Library, ids: list[str]) -> float:
    """The same without HTTP."""
    times = []
    for id in ids:
        began = time.perf_counter()
        library.search(id=id)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=16)
    arguments = parser.parse_args()
    os.environ["YUNMENG_CACHE_ENTRIES"] = "0"  # here, and to the server: searches are measured, not the cache
    settings = Settings.load()
    pictures = [file.read_bytes() for file in sorted(arguments.pictures.rglob("*.jpg"))[:QUERIES]]
    with Library.open(arguments.library) as library:
        name = library.config.encoder.name
        ids = [record.id for record in library.reader.page(LOOKUPS)]
        by_id_in_the_library(library, ids)
        library_ms = by_id_in_the_library(library, ids)
    before = alone(load(name, settings), pictures)
    command = [sys.executable, "-m", "yunmeng", "serve", "--db", str(arguments.library), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1]
        load_figures = under_load(address, server.pid, [form(picture) for picture in pictures], arguments)
        by_id_over_http(address, ids)
        http_ms = by_id_over_http(address, ids)
        server.terminate()
    after = alone(load(name, settings), pictures)
    from_pictures, network = ((first + second) / 2 for first, second in zip(before, after, strict=True))
    print(
        json.dumps(
            {
                "clients": arguments.clients,
                "seconds": arguments.seconds,
                "threads": settings.threads or cores(),
                **load_figures,
                "encode_rate": round(from_pictures, 1),
                "network_rate": round(network, 1),
                "ratio_to_encode": round(load_figures["rate"] / from_pictures, 3),
                "ratio_to_network": round(load_figures["rate"] / network, 3),
                "by_id_library_ms": round(library_ms, 3),
                "by_id_http_ms": round(http_ms, 3),
                "by_id_ratio": round(http_ms / library_ms, 2),
            }
        )
    )


def alone(encoder: Encoder, pictures: list[bytes]) -> tuple[float, float]:
    """Pictures a second of the encoder on decoded pictures, and on prepared ones."""
    decoded = [decode(picture).pixels for picture in pictures[:32]]
    prepared = [encoder.prepare(pixels) for pixels in decoded]
    encoder.encode(prepared)
    return raw_rate(encoder, decoded), raw_rate(encoder, prepared)


def under_load(address: str, pid: int, bodies: list[bytes], arguments: argparse.Namespace) -> dict[str, float]:
    """Rate, latency, errors, and the server's memory, while the clients ask."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    for body in bodies:
        status, answer = ask(connection, body)
        assert status == 200, answer
    process = psutil.Process(pid)
    began = time.monotonic()
    callers = [
        Caller(address, bodies[first:] + bodies[:first], began + arguments.seconds)
        for first in range(arguments.clients)
    ]
    for caller in callers:
        caller.start()
    memory = []
    while any(caller.is_alive() for caller in callers):
        memory.append(process.memory_info().rss / 1e6)
        time.sleep(0.25)
    took = time.monotonic() - began
    times = sorted(seconds for caller in callers for seconds in caller.seconds)
    quarter = len(memory) // 4
    return {
        "rate": round(len(times) / took, 1),
        "errors": sum(caller.errors for caller in callers),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
        "rss_first_quarter": round(max(memory[:quarter], default=0)),
        "rss_last_quarter": round(max(memory[-quarter:], default=0)),
    }


if __name__ == "__main__":
    main()
