"""The figures of the pane of logs: a log of 25,000 lines.

The emulator runs in this process, and its answers about logs are replaced. The log of a live run changes at each read.
"""

import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from tests.perf import processes
from tests.perf.figures.presses import press_each
from tests.perf.figures.programs import XTERM, environment
from tests.perf.figures.row import Effort, Reading
from tests.perf.terminal import Terminal
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread

LONG: Final = 24_990
"""Lines of the long log, which the server just does not cut."""

MAX_OPENING_MS: Final = 500.0
MAX_HELD_MS: Final = 15.0
MAX_KEPT_MB: Final = 2.0
LOGS: Final = 3

LAST: Final = "newest-line"
"""The begin of the last line."""

_START_NS: Final = int(datetime(2026, 11, 24, 13, 0, tzinfo=UTC).timestamp()) * 10**9


@dataclass
class LogAnswers:
    """The answers about logs, and when each was sent."""

    lines: int
    sent_s: list[float] = field(default_factory=list)

    def body(self) -> bytes:
        """Return a log whose last line is new each time."""
        rows = [_row(number) for number in range(self.lines - 1)]
        rows.append(_row(self.lines - 1, message=f"{LAST} {len(self.sent_s):05}"))
        return json.dumps({"events": rows}, separators=(",", ":")).encode()


def _row(number: int, **more: Any) -> dict[str, Any]:
    """Return one row of `/events`: a line of a log."""
    return {
        "spanId": f"{number:016x}",
        "parentId": f"{2:016x}",
        "runId": "run_cmwwvwwyg02e5en7d9b3ipmae",
        "message": f"synthetic line {number:05} of a log that is as wide as most of them are",
        "style": {"icon": "info"},
        "events": [],
        "startTime": str(_START_NS + number * 1_000_000),
        "duration": 0,
        "isError": False,
        "isPartial": False,
        "isCancelled": False,
        "kind": "UNSPECIFIED",
        "attemptNumber": 1,
        "level": "INFO",
    } | more


@contextmanager
def on_log(lines: int, chosen: str) -> Iterator[tuple[Terminal, LogAnswers]]:
    """Run the monitor with the cursor on a run that a filter finds. The log of each run has so many lines."""
    began_s, answers = time.monotonic(), LogAnswers(lines)
    start = datetime(2026, 11, 24, 13, 49, tzinfo=UTC)
    emulator = Emulator(
        COMPANY,
        Options(environments=(DEVELOPMENT,), rate_per_s=0, history=300, lag_ms=(0, 0)),
        lambda: int((start.timestamp() + time.monotonic() - began_s) * 1000),
    )
    emulator.make(DEVELOPMENT.slug)
    serve = application(emulator)

    async def replaced(scope: Scope, receive: Receive, send: Send) -> None:
        if not str(scope.get("path")).endswith("/events"):
            await serve(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answers.body()})
        answers.sent_s.append(time.monotonic())

    with tempfile.TemporaryDirectory() as state, serve_in_thread(replaced, emulator) as url:
        _trigger(url)
        env = environment() | {"TRIGGER_API_URL": url, "TRIGGER_SECRET_KEY": DEVELOPMENT.key, "XDG_STATE_HOME": state}
        command = [sys.executable, "-m", "tui"]
        with Terminal(command, env=env, name=XTERM, is_controlling=True) as terminal:
            terminal.wait_for("Completed")
            terminal.send(f"/{chosen}\r")
            terminal.wait_quiet(0.5)
            terminal.send("j")
            terminal.wait_quiet(1.0)
            yield terminal, answers


def _trigger(url: str) -> None:
    """Trigger a run that starts in an hour: its log is followed until then."""
    body = json.dumps({"payload": {}, "options": {"delay": "1h"}}).encode()
    headers = {"authorization": f"Bearer {DEVELOPMENT.key}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/tasks/send-email/trigger", body, headers)):
        pass


def _open(terminal: Terminal) -> None:
    terminal.send("5")
    terminal.wait_for(LAST)
    terminal.wait_quiet(1.0)


def opening(effort: Effort) -> Reading:
    """From the end of the answer to the last line on the screen."""
    taken_ms = []
    for _ in range(int(effort.pick(5, 2))):
        with on_log(LONG, "status:completed") as (terminal, answers):
            terminal.send("5")
            shown_s = terminal.wait_for(LAST)
            taken_ms.append((shown_s - answers.sent_s[0]) * 1000)
    worst = max(taken_ms)
    return Reading(f"{min(taken_ms):.0f} to {worst:.0f} ms", worst <= MAX_OPENING_MS)


def held(effort: Effort) -> Reading:
    """The slowest key while a live log is read and decoded, beside as many keys of the same monitor before the read.

    Both are the best of several reads, since the machine has other work.
    """
    pairs = list(_slowest_keys(int(effort.pick(6, 4))))
    without_ms, during_ms = (min(each) for each in zip(*pairs, strict=True))
    return Reading(f"{during_ms:.1f} ms, {without_ms:.1f} ms without a read", during_ms <= without_ms + MAX_HELD_MS)


def _slowest_keys(reads: int) -> Iterator[tuple[float, float]]:
    """Press keys around each of so many reads of a live log. Yield the slowest key before each, and during it."""
    with on_log(LONG, "status:delayed") as (terminal, answers):
        _open(terminal)
        for _ in range(reads):
            sent, before_ms = len(answers.sent_s), list[float]()
            while len(answers.sent_s) == sent:
                before_ms += press_each(terminal, ["k", "j"] * 2, 0.02).first_ms
            during_ms = [*before_ms[-4:], *press_each(terminal, ["k", "j"] * 4, 0.02).first_ms]
            yield max(before_ms[:-4][-len(during_ms) :], default=0.0), max(during_ms)


def memory(_effort: Effort) -> Reading:
    """What stays after the pane has left its run: after the first log, and after three more."""
    kept = []
    with on_log(LONG, "status:completed") as (terminal, _):
        before = processes.rss_bytes(terminal.process.pid)
        for _ in range(1 + LOGS):
            _open(terminal)
            terminal.send("31j")
            terminal.wait_quiet(1.5)
            kept.append((processes.rss_bytes(terminal.process.pid) - before) / 1e6)
    return Reading(f"+{kept[0]:.1f} MB, then {kept[-1] - kept[0]:+.1f} MB", max(kept) <= MAX_KEPT_MB)
