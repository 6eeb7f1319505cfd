"""Measures the emulator over HTTP, in a process of its own.

An emulator with a history of 100,000 runs: its start, its memory, a page, a query. An emulator that creates 100 runs a
second: its CPU time while a client polls and while five clients follow the feed, each with about 280 changed rows a
second, and the bytes of a changed row.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psutil

from tests.perf.figure import Figure

KEY = {"authorization": "Bearer tr_dev_emulator"}
QUERY = {"query": "SELECT status, count() AS n FROM runs GROUP BY status"}
ROUNDS = 31
BUSY_S = 20.0
FEEDS = 5
LIGHT = "payload,payloadType,output,outputType,metadata,metadataType"
"""Columns that a list does not show."""

FEED_KINDS = {
    "all columns": ("", "identity"),
    "all columns, gzip": ("", "gzip"),
    "without the heavy ones": (LIGHT, "identity"),
    "without the heavy ones, gzip": (LIGHT, "gzip"),
}


@contextmanager
def emulator(*arguments: str) -> Iterator[tuple[httpx2.Client, psutil.Process, float]]:
    """Start an emulator. Yield a client of it, its process, and the seconds until it printed its address."""
    started_s = time.monotonic()
    command = [sys.executable, "-m", "tui", "emulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            line = program.stdout.readline()
            ready_s = time.monotonic() - started_s
            url = next(word for word in line.split() if word.startswith("http://"))
            with httpx2.Client(base_url=url, headers=KEY, timeout=60) as client:
                yield client, psutil.Process(program.pid), ready_s
        finally:
            program.terminate()


def spent_s(process: psutil.Process) -> float:
    """Return the CPU seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def request_ms(client: httpx2.Client, method: str, path: str, **options: Any) -> float:
    """Return the median time of a request over a kept connection."""
    durations_s = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        client.request(method, path, **options).raise_for_status()
        durations_s.append(time.perf_counter() - started_s)
    return statistics.median(durations_s) * 1000


@dataclass
class Feed:
    """A client of the environment's feed, with counts of the rows and bytes that it received."""

    skipped: str
    encoding: str
    rows: int = 0
    received_bytes: int = 0

    def follow(self, url: httpx2.URL, until_s: float) -> None:
        """Poll without a pause until the monotonic time `until_s`."""
        headers = KEY | {"x-trigger-electric-version": "1", "accept-encoding": self.encoding}
        params = {"createdAt": "1h", "skipColumns": self.skipped}
        with httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
            response = client.get("/realtime/v1/runs", params=params | {"offset": "-1"})
            while time.monotonic() < until_s:
                position = {name: response.headers[f"electric-{name}"] for name in ("offset", "handle")}
                response = client.get(
                    "/realtime/v1/runs", params={**params, **position, "live": "true"}
                ).raise_for_status()
                self.rows += len(response.json()) - 1
                self.received_bytes += response.num_bytes_downloaded


def follow_all(client: httpx2.Client, feeds: list[Feed]) -> None:
    """Run all feeds at once for `BUSY_S`."""
    until_s = time.monotonic() + BUSY_S
    with ThreadPoolExecutor(len(feeds)) as threads:
        for done in [threads.submit(feed.follow, client.base_url, until_s) for feed in feeds]:
            done.result()


def measure_feeds(client: httpx2.Client, process: psutil.Process) -> Iterator[Figure]:
    """Measure the cost of feeds on top of that of the simulation."""
    spent, started_s = spent_s(process), time.monotonic()
    time.sleep(BUSY_S)
    alone = (spent_s(process) - spent) / (time.monotonic() - started_s)
    feeds = [Feed(LIGHT, "gzip") for _ in range(FEEDS)]
    spent, started_s = spent_s(process), time.monotonic()
    follow_all(client, feeds)
    seconds = time.monotonic() - started_s
    more = (spent_s(process) - spent) / seconds - alone
    row_count = sum(feed.rows for feed in feeds)
    yield Figure(f"changed rows a second in each of {FEEDS} feeds", row_count / seconds / FEEDS, "rows/s")
    yield Figure("the feeds: added share of a core", more * 100, "%", 50)
    yield Figure("CPU time of a changed row in one feed", more * seconds / row_count * 1e6, "µs")
    kinds = [Feed(*kind) for kind in FEED_KINDS.values()]
    follow_all(client, kinds)
    for name, feed in zip(FEED_KINDS, kinds, strict=True):
        yield Figure(f"a changed row, {name}", feed.received_bytes / feed.rows, "bytes")


def measure() -> Iterator[Figure]:
    """Yield the figures of the emulator."""
    with emulator("--history", "100000", "--rate", "5") as (client, process, ready_s):
        started_s = time.monotonic()
        client.get("/api/v1/runs").raise_for_status()
        yield Figure(
            "100,000 runs of history, from the start to the first page", ready_s + time.monotonic() - started_s, "s", 10
        )
        yield Figure("the first query after the start", first_query_ms(client), "ms")
        page = {"page[size]": "100"}
        yield Figure("a page of 100 of 100,000", request_ms(client, "GET", "/api/v1/runs", params=page), "ms", 10)
        failed = page | {"filter[status]": "FAILED,CRASHED"}
        yield Figure("a page of failed runs", request_ms(client, "GET", "/api/v1/runs", params=failed), "ms", 10)
        none = page | {"filter[tag]": "no-such-tag"}
        yield Figure("an empty page", request_ms(client, "GET", "/api/v1/runs", params=none), "ms", 10)
        yield Figure("a count by status", request_ms(client, "POST", "/api/v1/query", json=QUERY), "ms", 50)
        yield Figure("memory with 100,000 runs", process.memory_info().rss / 1e6, "MB", 400)
    with emulator("--history", "20000", "--rate", "100") as (client, process, _):
        before = client.get("/emulator/world", params={"limit": "0"}).json()
        spent, started_s = spent_s(process), time.monotonic()
        while time.monotonic() - started_s < BUSY_S:
            client.get("/api/v1/runs", params=page)
            client.post("/api/v1/query", json=QUERY)
            time.sleep(1)
        seconds = time.monotonic() - started_s
        after = client.get("/emulator/world", params={"limit": "0"}).json()
        yield Figure("created runs a second, of 100 requested", (after["count"] - before["count"]) / seconds, "runs/s")
        yield Figure(
            "share of a core at this rate, polled once a second", (spent_s(process) - spent) / seconds * 100, "%", 100
        )
        yield from measure_feeds(client, process)


def first_query_ms(client: httpx2.Client) -> float:
    """Return the time of a single query."""
    started_s = time.perf_counter()
    client.post("/api/v1/query", json=QUERY).raise_for_status()
    return (time.perf_counter() - started_s) * 1000
