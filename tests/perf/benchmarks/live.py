"""Measures the realtime feed on an emulator: `python -m tests.perf.benchmarks.live [MINUTES]`.

It measures how late a change appears on the screen, a load of 300 changed runs a second for some minutes, the bytes of
one changed run on the wire, and the requests of a quiet hour. The emulator runs in its own process, except for the
quiet hour, which passes in two minutes of scaled time. The load takes one minute by default. Use twenty minutes to see
whether memory grows.
"""

import asyncio
import json
import os
import random
import re
import signal
import statistics
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2
import psutil

from tests.perf.benchmarks.emulator import KEY, emulator, spent_s
from tests.perf.benchmarks.screen import percentile, press
from tests.perf.counting_proxy import CountingProxy
from tests.perf.figure import Figure
from tests.perf.followed import INTO
from tests.perf.scaled_clock import ScaledClock
from tests.perf.terminal import Terminal
from tui.api.client import DEFAULT_TIMEOUTS, ELECTRIC_VERSION, FEED_TIMEOUTS
from tui.api.feed import FeedTarget
from tui.domain.run import RunStatus, parse_status
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.settings.settings import read_settings
from tui.sync.session import Session

FEED = "/realtime/v1/runs"
CHANGES = 60
"""Changes of each kind: a new run, and a run that ends."""

PAUSE_S = (0.4, 1.6)
"""Between two changes: random, so that they are not in step with the server's windows of 250 ms."""

BUSY_MINUTES = 1.0
BUSY_RATE_PER_S = 75.0
"""New runs a second. Each changes about four times."""

KEPT_PER_MINUTE = 2_000
MAX_KEPT = 20_000
"""The store's room for runs. New runs fill it before half of the time is over."""

COMPARED_SHARE = 0.9
"""The compared part of the room. Runs known only as a parent, and selected runs, take some of the rest."""

KEYS_BEFORE_TOP = 100
SETTLING_S = 20.0
EQUAL_WITHIN_S = 40.0
PATIENCE_S = 180.0

ROW_COUNTS = (1, 10, 75)
QUIET_SCALE = 30.0
QUIET_S = 3600.0


def measure(minutes: float = BUSY_MINUTES) -> Iterator[Figure]:
    """Yield the figures of the feed."""
    yield from latency()
    yield from busy(minutes)
    yield from row_bytes()
    yield from quiet_hour()


# --- how late a change appears on the screen


class BareClient:
    """Follows the same feed with httpx2 only, and records when it received each status of each run."""

    def __init__(self, url: str) -> None:
        self.received: dict[tuple[str, str], tuple[float, float]] = {}
        """For each run and status: the time of the response, and the time of the change, both by the wall clock."""
        self._url = url
        self._thread = threading.Thread(target=self._follow, name="bare client", daemon=True)
        self._is_stopped = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_stopped = True

    def _follow(self) -> None:
        position = {"offset": "-1"}
        with (
            suppress(httpx2.TransportError),  # the server has ended
            httpx2.Client(headers=KEY | {"x-trigger-electric-version": ELECTRIC_VERSION}, timeout=60) as client,
        ):
            while not self._is_stopped:
                response = client.get(self._url + FEED, params=FeedTarget().params() | position)
                read_s = time.time()
                for message in response.json():
                    if row := message.get("value"):
                        changed_s = datetime.fromisoformat(row["updatedAt"]).replace(tzinfo=UTC).timestamp()
                        self.received.setdefault((row["friendlyId"], row["status"]), (read_s, changed_s))
                headers = response.headers
                position = {"offset": headers["electric-offset"], "handle": headers["electric-handle"], "live": "true"}


def latency() -> Iterator[Figure]:
    """Measure the time from the server's response to the cell, and from the change to both, without other load."""
    random_numbers = random.Random(1)
    seen: list[tuple[tuple[str, str], float]] = []
    with ExitStack() as stack:
        client, _, _ = stack.enter_context(emulator("--rate", "0", "--history", "200"))
        url = str(client.base_url)
        proxy = stack.enter_context(CountingProxy(url))
        bare = stack.enter_context(BareClient(url))
        terminal = stack.enter_context(monitor(stack, proxy.url))
        terminal.wait_for("● live")
        terminal.wait_quiet(1.0)
        wall_s = time.time() - time.monotonic()
        for _ in range(CHANGES):
            run_id = ""
            for word, status in (("Delayed", "DELAYED"), ("Canceled", "CANCELED")):
                terminal.read_for(random_numbers.uniform(*PAUSE_S))
                before = len(terminal.received)
                if not run_id:
                    options: dict[str, Any] = {"payload": {}, "options": {"delay": "1h"}}
                    run_id = client.post("/api/v1/tasks/send-email/trigger", json=options).json()["id"]
                else:
                    client.post(f"/api/v2/runs/{run_id}/cancel", json={}).raise_for_status()
                # Search for the word and the run's id in one row, since other rows are repainted every second.
                pattern = re.compile(rf"{word}(?:(?!;1H).)+?{run_id[-4:]}".encode(), re.DOTALL)
                painted_s = terminal.wait_until(
                    lambda start=before, pattern=pattern: pattern.search(terminal.received, start) is not None,  # type: ignore[misc]
                    word,
                )
                seen.append(((run_id, status), wall_s + painted_s))
        terminal.read_for(1)
        bare_ms = [(bare.received[which][0] - bare.received[which][1]) * 1000 for which, _ in seen]
        cell_ms = [(painted_s - bare.received[which][1]) * 1000 for which, painted_s in seen]
        answered_s = sorted(wall_s + each.answered_s for each in proxy.of(FEED))
        # The feed reports a change in its first response after it. If a list was sooner, the difference is negative.
        reported_s = [answered_s[bisect_left(answered_s, bare.received[which][1])] for which, _ in seen]
        own_ms = [(painted_s - each) * 1000 for (_, painted_s), each in zip(seen, reported_s, strict=True)]
        own_ms = [each for each in own_ms if each >= 0]
    sooner_count = len(seen) - len(own_ms)
    yield Figure(f"of {len(seen)} changes, shown by a list before the feed reported them", sooner_count, "changes")
    for name, share, limit in (("p50", 0.5, 30.0), ("p95", 0.95, 110.0)):
        yield Figure(f"from the server's response to the cell, {name}", percentile(own_ms, share), "ms", limit)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        yield Figure(f"from the change to a bare client, {name}", percentile(bare_ms, share), "ms")
        yield Figure(f"from the change to the cell, {name}", percentile(cell_ms, share), "ms")
    for name, share, limit in (("p50", 0.5, 30.0), ("p95", 0.95, 110.0)):
        more_ms = percentile(cell_ms, share) - percentile(bare_ms, share)
        yield Figure(f"difference of these two, {name}", more_ms, "ms", limit)


@contextmanager
def monitor(stack: ExitStack, url: str, *command: str, **more: str) -> Iterator[Terminal]:
    """Start the monitor, or another `command`, on the server at `url`."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    state = stack.enter_context(tempfile.TemporaryDirectory())
    environ |= {"TRIGGER_SECRET_KEY": DEVELOPMENT.key, "TRIGGER_API_URL": url, "XDG_STATE_HOME": state, **more}
    with Terminal([sys.executable, "-m", *(command or ("tui",))], env=environ) as terminal:
        yield terminal


# --- 300 changed runs a second


def busy(minutes: float) -> Iterator[Figure]:
    """Measure a load of some minutes with a full store while keys are typed. Then stop the world and compare."""
    with ExitStack() as stack:
        client, server, _ = stack.enter_context(emulator("--rate", str(BUSY_RATE_PER_S), "--history", "0"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        into = folder / "known.json"
        kept = min(int(KEPT_PER_MINUTE * minutes), MAX_KEPT)
        command = ("tests.perf.followed", str(kept))
        terminal = stack.enter_context(monitor(stack, str(client.base_url), *command, **{INTO: str(into)}))
        terminal.wait_for("● live")
        terminal.press("j", lambda: terminal.cursor_row is not None)
        terminal.read_for(SETTLING_S)
        process = psutil.Process(terminal.process.pid)
        changed = _known(terminal, into)["changed"]
        started_s, spent, served, painted = time.monotonic(), spent_s(process), spent_s(server), len(terminal.received)
        memory_mb = [process.memory_info().rss / 1e6]
        answers: list[float] = []
        while (now_s := time.monotonic()) - started_s < minutes * 60:
            if len(answers) % KEYS_BEFORE_TOP == 0:
                # The run under the cursor ages and moves down. At the bottom, no key would move the cursor further.
                terminal.send("g")
                terminal.press("j", lambda: terminal.cursor_row is not None)
            answers.append(press(terminal, len(answers))[0])
            memory_mb.append(process.memory_info().rss / 1e6)
            terminal.read_for(max(0.0, 0.25 - (time.monotonic() - now_s)))
        seconds = time.monotonic() - started_s
        spent, served = spent_s(process) - spent, spent_s(server) - served
        painted = len(terminal.received) - painted
        known = _known(terminal, into)
        changed_count, failures = known["changed"] - changed, known["failures"]
        client.post("/emulator/faults", json={"faults": [{"kind": "halt"}]}).raise_for_status()
        ages_s = _ages_s(client, terminal, into)
        equal_s, wrong, count = _until_equal(client, terminal, into, kept)
    yield Figure("changed runs a second", changed_count / seconds, "runs/s")
    yield Figure(f"runs after {seconds / 60:.1f} minutes", count, "runs")
    for failure in failures:
        print(failure, file=sys.stderr)
    yield Figure("runs that differ from the world", wrong, "runs", 0)
    yield Figure("runs with an older state at the end", len(ages_s), "runs")
    yield Figure("age of these older states, p95", percentile(ages_s, 0.95) if ages_s else 0.0, "s")
    yield Figure("failures of sources", len(failures), "failures", 0)
    yield Figure("time until all runs were equal", equal_s, "s", EQUAL_WITHIN_S)
    yield Figure("share of a core of the monitor", spent / seconds * 100, "%", 100)
    yield Figure("share of a core of the emulator", served / seconds * 100, "%")
    yield Figure("a key under load, p95", percentile(answers, 0.95) * 1000, "ms", 100)
    yield Figure("the slowest key", max(answers) * 1000, "ms")
    print("memory every 15 s, MB:", *(f"{each:.0f}" for each in memory_mb[::60]), file=sys.stderr)
    quarter = max(1, len(memory_mb) // 4)
    grown_mb = statistics.median(memory_mb[-quarter:]) - statistics.median(memory_mb[-2 * quarter : -quarter])
    yield Figure("growth of the median memory from the third to the last quarter", grown_mb, "MB", 3)
    yield Figure("memory at the end", memory_mb[-1], "MB")
    yield Figure("bytes to the terminal", painted / seconds / 1000, "KB/s")


def _known(terminal: Terminal, into: Path) -> Any:
    """Return the runs, changes and failures that the monitor knows."""
    return facts(terminal, into, signal.SIGUSR1)


def facts(terminal: Terminal, into: Path, question: signal.Signals) -> Any:
    """Return what `tests.perf.followed` writes at this signal."""
    into.unlink(missing_ok=True)
    terminal.process.send_signal(question)
    while not into.exists():
        terminal.read_for(0.02)
        terminal.check_running()
    return json.loads(into.read_text(encoding="utf-8"))


def _ages_s(client: httpx2.Client, terminal: Terminal, into: Path) -> list[float]:
    """Return how long ago each run changed whose change the monitor does not have yet."""
    known = _known(terminal, into)["runs"]
    world = client.get("/emulator/world", params={"limit": "all"}).json()
    now = datetime.fromisoformat(world["now"])
    late = [run for run in world["runs"] if run["id"] in known and _differs(run, known[run["id"]])]
    return [(now - datetime.fromisoformat(run["updatedAt"])).total_seconds() for run in late]


def _until_equal(client: httpx2.Client, terminal: Terminal, into: Path, kept: int) -> tuple[float, int, int]:
    """Wait until the monitor's runs equal the world. Return the seconds, the number of different runs, and of all runs.

    Every live run is compared, and as many of the newest runs as the store has room for.
    """
    started_s = time.monotonic()
    world = client.get("/emulator/world", params={"limit": "all"}).json()["runs"]
    live = sum(run["finishedAt"] is None for run in world)
    compared = int(COMPARED_SHARE * kept) - live
    truth = [run for index, run in enumerate(world) if index < compared or run["finishedAt"] is None]
    while True:
        known = _known(terminal, into)["runs"]
        wrong = [run for run in truth if _differs(run, known.get(run["id"]))]
        waited_s = time.monotonic() - started_s
        if not wrong or waited_s > PATIENCE_S:
            for run in wrong[:10]:
                index = world.index(run)
                print(f"run {index} of {len(world)}: {run}, known as {known.get(run['id'])}", file=sys.stderr)
            return waited_s, len(wrong), len(world)
        terminal.read_for(0.5)


def _differs(true: dict[str, Any], known: list[str] | None) -> bool:
    if known is None:
        return True
    status, updated_at = known
    is_same = status in {parse_status(true["status"]).canonical.value, RunStatus.REATTEMPTING.value}
    return not is_same or datetime.fromisoformat(updated_at) != datetime.fromisoformat(true["updatedAt"])


# --- bytes on the wire


def row_bytes() -> Iterator[Figure]:
    """Measure the bytes of one changed run in responses with several, in both directions and with headers."""
    skipping = FeedTarget().params()
    plain = {name: value for name, value in skipping.items() if name != "skipColumns"}
    headers = KEY | {"x-trigger-electric-version": ELECTRIC_VERSION}
    with emulator("--rate", "0", "--history", "0") as (client, _, _), CountingProxy(str(client.base_url)) as proxy:
        for count in ROW_COUNTS:
            tag = f"rows-{count}"
            items = [{"payload": _payload(number), "options": {"tags": [tag]}} for number in range(count)]
            for item in items:
                client.post("/api/v1/tasks/send-email/trigger", json=item).raise_for_status()
            _wait_until_ended(client, tag)
            for columns, params in (("all columns", plain), ("ours", skipping)):
                for packed in ("identity", "gzip"):
                    # A live poll with an unknown handle gets all rows at once (recording 740).
                    options = params | {
                        "tags": tag,
                        "live": "true",
                        "offset": "0_0",
                        "handle": f"{tag}-{columns}-{packed}",
                    }
                    with httpx2.Client(headers=headers | {"accept-encoding": packed}) as bare:
                        rows = bare.get(proxy.url + FEED, params=options).json()
                    assert len(rows) == count + 1, f"{len(rows)} messages for {count} runs"
                    size = proxy.exchanges[-1].total_bytes / count
                    yield Figure(f"one of {count} changed runs in a response, {columns}, {packed}", size, "bytes")


def _payload(number: int) -> dict[str, Any]:
    """Return a payload of realistic size."""
    return {
        "to": f"customer-{number * 7919}@example.com",
        "template": "invoice-paid",
        "variables": {
            "name": f"Customer {number}",
            "invoice": f"INV-{number * 104_729:08}",
            "amount_cents": 1900 + number,
        },
        "attachments": [
            {"name": "invoice.pdf", "url": f"https://files.example.com/{number * 15_485_863:x}/invoice.pdf"}
        ],
    }


def _wait_until_ended(client: httpx2.Client, tag: str) -> None:
    ends_s = time.monotonic() + 60
    while time.monotonic() < ends_s:
        runs = client.get("/emulator/world").json()["runs"]
        if all(run["finishedAt"] for run in runs if tag in run["tags"]):
            return
        time.sleep(0.2)
    raise AssertionError("the runs did not end within a minute")


# --- a quiet hour


def quiet_hour() -> Iterator[Figure]:
    """Measure an hour without changes, followed once by the feed with polling beside it, and once by polling alone."""
    clock = ScaledClock(QUIET_SCALE)
    state = Emulator(COMPANY, Options(environments=(DEVELOPMENT,), rate_per_s=0, history=500), clock.epoch_ms)
    state.make(DEVELOPMENT.slug)
    with serve_in_thread(application(state), state) as url, CountingProxy(url) as live, CountingProxy(url) as polled:
        asyncio.run(_follow_both(live.url, polled.url, clock))
        for name, proxy in (("the feed and polling beside it", live), ("polling alone", polled)):
            for part, prefix in (
                ("", "/"),
                (", the feed itself", "/realtime"),
                (", the list", "/api/v1/runs"),
                (", the counts", "/api/v1/query"),
            ):
                exchanges = proxy.of(prefix)
                if exchanges:
                    total = sum(each.total_bytes for each in exchanges) / 1000
                    yield Figure(f"a quiet hour, {name}{part}: requests", len(exchanges), "requests")
                    yield Figure(f"a quiet hour, {name}{part}: bytes", total, "KB")


async def _follow_both(live_url: str, polled_url: str, clock: ScaledClock) -> None:
    async with asyncio.TaskGroup() as tasks:
        for url, realtime in ((live_url, True), (polled_url, False)):
            tasks.create_task(_follow(url, clock, realtime=realtime))


async def _follow(url: str, clock: ScaledClock, *, realtime: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environ = {"TRIGGER_SECRET_KEY": DEVELOPMENT.key, "TRIGGER_API_URL": url, "XDG_STATE_HOME": folder}
        session = Session(
            read_settings(environ, no_realtime=not realtime),
            clock=clock,
            timeouts=clock.scaled(DEFAULT_TIMEOUTS),
            feed_timeouts=clock.scaled(FEED_TIMEOUTS),
        )
        async with session:
            await session.start()
            session.sources.follow_runs()
            await clock.sleep(QUIET_S)


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    for figure in measure(*given):
        print(f"{figure.name:75} {figure.value:10.2f} {figure.unit}", flush=True)
