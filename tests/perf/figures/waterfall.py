"""The figures of the waterfall: a trace of 5,000 spans, from its bytes to the screen, and its memory."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from tests.perf import processes
from tests.perf.figures.programs import monitor
from tests.perf.figures.row import Effort, Reading
from tests.perf.figures.traces import TraceServer, serving_traces
from tests.perf.terminal import Terminal
from tui.emulator.environment import DEVELOPMENT

LONG: Final = 5_000
SHORT: Final = 100
MAX_OPEN_MS: Final = 300.0
SETTLED_S: Final = 1.0
MAX_KEPT_MB: Final = 2.0


def open_waterfall(terminal: Terminal, server: TraceServer, spans: int) -> float:
    """Show the waterfall of the next run, whose trace has this many spans. Return the ms from its bytes to its rows."""
    server.span_count = spans
    terminal.send("]")
    terminal.wait_until(lambda: f"{spans:,} spans" in terminal.lines[1] and "span 9 " in terminal.text, "the spans")
    shown_s = time.monotonic()
    terminal.read_for(SETTLED_S)
    return (shown_s - server.answered_s) * 1000


def begin(terminal: Terminal) -> None:
    """Zoom the waterfall of a run of the list."""
    for key in ("j", "4", "z", "t"):
        terminal.wait_quiet(SETTLED_S)
        terminal.send(key)
    terminal.wait_until(lambda: "waterfall" in terminal.lines[1], "the waterfall")


@contextmanager
def _on_traces() -> Iterator[tuple[Terminal, TraceServer]]:
    """Zoom the waterfall of a run in a monitor whose traces have any length."""
    with tempfile.TemporaryDirectory() as state, serving_traces() as (url, server):
        server.span_count = SHORT
        program = monitor(url, Path(state))
        with replace(program, env={**program.env, "TRIGGER_SECRET_KEY": DEVELOPMENT.key}).ready_on() as terminal:
            begin(terminal)
            yield terminal, server


def opening(effort: Effort) -> Reading:
    """Measure from the last byte of the trace to its rows on the screen."""
    with _on_traces() as (terminal, server):
        opened_ms = []
        for _ in range(int(effort.pick(5, 3))):
            open_waterfall(terminal, server, SHORT)
            opened_ms.append(open_waterfall(terminal, server, LONG))
    took_ms = median(opened_ms)
    return Reading(f"{took_ms:.0f} ms", took_ms <= MAX_OPEN_MS)


def memory(_effort: Effort) -> Reading:
    """Measure what stays after another run was selected: after the first long trace, and after three more."""
    kept_mb = []
    with _on_traces() as (terminal, server):
        open_waterfall(terminal, server, SHORT)
        before = processes.rss_bytes(terminal.process.pid)
        for _ in range(4):
            open_waterfall(terminal, server, LONG)
            open_waterfall(terminal, server, SHORT)
            kept_mb.append((processes.rss_bytes(terminal.process.pid) - before) / 1e6)
    grown_mb = kept_mb[-1] - kept_mb[0]
    return Reading(f"+{kept_mb[0]:.1f} MB, then {grown_mb:+.1f} MB", grown_mb <= MAX_KEPT_MB)
