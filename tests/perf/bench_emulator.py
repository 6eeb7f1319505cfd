"""What the emulator costs, as a process of its own, asked over HTTP.

One with a history of 100,000 runs: how long until it answers, how much memory, a page, a query. One that makes 100
runs a second: how much of a core it takes while somebody polls it, and while five follow it, some 280 changed rows a
second each; and what a changed row is on the wire.
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

import httpx
import psutil

from tests.perf.figure import Figure

KEY = {"authorization": "Bearer tr_dev_emulator"}
QUERY = {"query": "SELECT status, count() AS n FROM runs GROUP BY status"}
ROUNDS = 31
BUSY_S = 20.0
FEEDS = 5
LIGHT = "payload,payloadType,output,outputType,metadata,metadataType"
"""What a list has no use for."""

FEED_KINDS = {
    "all columns": ("", "identity"),
    "all columns, gzip": ("", "gzip"),
    "without the heavy ones": (LIGHT, "identity"),
    "without the heavy ones, gzip": (LIGHT, "gzip"),
}


@contextmanager
def emulator(*arguments: str) -> Iterator[tuple[httpx.Client, psutil.Process, float]]:
    """A client of a new emulator, its process, and the seconds until it said that it is there."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tui", "emulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            line = program.stdout.readline()
            ready_s = time.monotonic() - began
            url = next(word for word in line.split() if word.startswith("http://"))
            with httpx.Client(base_url=url, headers=KEY, timeout=60) as client:
                yield client, psutil.Process(program.pid), ready_s
        finally:
            program.terminate()


def spent_s(process: psutil.Process) -> float:
    """CPU seconds so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def answered_ms(client: httpx.Client, method: str, path: str, **asked: Any) -> float:
    """The median time of one request, connection kept."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.request(method, path, **asked).raise_for_status()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


@dataclass
class Feed:
    """What one client that follows the environment has been told."""

    skipped: str
    encoding: str
    rows: int = 0
    received_bytes: int = 0

    def follow(self, url: httpx.URL, until_s: float) -> None:
        """Poll without a pause until that moment."""
        headers = KEY | {"x-trigger-electric-version": "1", "accept-encoding": self.encoding}
        shape = {"createdAt": "1h", "skipColumns": self.skipped}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            answer = client.get("/realtime/v1/runs", params=shape | {"offset": "-1"})
            while time.monotonic() < until_s:
                place = {name: answer.headers[f"electric-{name}"] for name in ("offset", "handle")}
                answer = client.get("/realtime/v1/runs", params={**shape, **place, "live": "true"}).raise_for_status()
                self.rows += len(answer.json()) - 1
                self.received_bytes += answer.num_bytes_downloaded


def followed(client: httpx.Client, feeds: list[Feed]) -> None:
    """Let all of them follow for a while."""
    until_s = time.monotonic() + BUSY_S
    with ThreadPoolExecutor(len(feeds)) as threads:
        for done in [threads.submit(feed.follow, client.base_url, until_s) for feed in feeds]:
            done.result()


def measure_feeds(client: httpx.Client, process: psutil.Process) -> Iterator[Figure]:
    """What it costs to be followed, beside what the world itself costs."""
    spent, began = spent_s(process), time.monotonic()
    time.sleep(BUSY_S)
    alone = (spent_s(process) - spent) / (time.monotonic() - began)
    feeds = [Feed(LIGHT, "gzip") for _ in range(FEEDS)]
    spent, began = spent_s(process), time.monotonic()
    followed(client, feeds)
    seconds = time.monotonic() - began
    more = (spent_s(process) - spent) / seconds - alone
    told = sum(feed.rows for feed in feeds)
    yield Figure(f"changed rows a second in each of {FEEDS} feeds", told / seconds / FEEDS, "rows/s")
    yield Figure("of a core more for them", more * 100, "%", 50)
    yield Figure("CPU of a changed row in one feed", more * seconds / told * 1e6, "µs")
    kinds = [Feed(*kind) for kind in FEED_KINDS.values()]
    followed(client, kinds)
    for name, feed in zip(FEED_KINDS, kinds, strict=True):
        yield Figure(f"a changed row, {name}", feed.received_bytes / feed.rows, "bytes")


def measure() -> Iterator[Figure]:
    """The figures of the emulator."""
    with emulator("--history", "100000", "--rate", "5") as (client, process, ready_s):
        began = time.monotonic()
        client.get("/api/v1/runs").raise_for_status()
        yield Figure(
            "100,000 runs of history, until the first page is there", ready_s + time.monotonic() - began, "s", 10
        )
        yield Figure("the first query after that", answered_once_ms(client), "ms")
        page = {"page[size]": "100"}
        yield Figure("a page of 100 of 100,000", answered_ms(client, "GET", "/api/v1/runs", params=page), "ms", 10)
        failed = page | {"filter[status]": "FAILED,CRASHED"}
        yield Figure("a page of those that failed", answered_ms(client, "GET", "/api/v1/runs", params=failed), "ms", 10)
        none = page | {"filter[tag]": "no-such-tag"}
        yield Figure("a page of none", answered_ms(client, "GET", "/api/v1/runs", params=none), "ms", 10)
        yield Figure("a count by status", answered_ms(client, "POST", "/api/v1/query", json=QUERY), "ms", 50)
        yield Figure("memory with 100,000 runs", process.memory_info().rss / 1e6, "MB", 400)
    with emulator("--history", "20000", "--rate", "100") as (client, process, _):
        before = client.get("/emulator/world", params={"limit": "0"}).json()
        spent, began = spent_s(process), time.monotonic()
        while time.monotonic() - began < BUSY_S:
            client.get("/api/v1/runs", params=page)
            client.post("/api/v1/query", json=QUERY)
            time.sleep(1)
        seconds = time.monotonic() - began
        after = client.get("/emulator/world", params={"limit": "0"}).json()
        yield Figure("runs a second, asked for 100", (after["count"] - before["count"]) / seconds, "runs/s")
        yield Figure("of a core for that, polled once a second", (spent_s(process) - spent) / seconds * 100, "%", 100)
        yield from measure_feeds(client, process)


def answered_once_ms(client: httpx.Client) -> float:
    """The time of one query."""
    began = time.perf_counter()
    client.post("/api/v1/query", json=QUERY).raise_for_status()
    return (time.perf_counter() - began) * 1000
