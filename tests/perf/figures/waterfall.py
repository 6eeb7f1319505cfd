"""The figures of the waterfall: a trace of 5,000 spans, from its bytes to the screen, and its keys."""

import gc
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.perf import processes
from tests.perf.figures.presses import Presses, percentile, press_each
from tests.perf.figures.programs import DOWN, PAGE_DOWN, monitor
from tests.perf.figures.row import Effort, Reading
from tests.perf.figures.traces import TraceServer, serving_traces, trace_body
from tests.perf.terminal import Terminal
from tests.support.slices import result_of
from tui.api.traces import trace_slices
from tui.domain.trace import RowTree, Waterfall, extents_of, longest_path
from tui.emulator.environment import DEVELOPMENT

LONG: Final = 5_000
SHORT: Final = 100
MAX_OPEN_MS: Final = 300.0
MAX_TURN_MS: Final = 15.0
MAX_SLICE_MS: Final = 4.0
MAX_BYTES_RATIO: Final = 1.1
MAX_TIME_RATIO: Final = 1.25
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


@cache
def _measured(effort: Effort) -> dict[str, Any]:
    presses: dict[int, list[Presses]] = {SHORT: [], LONG: []}
    opened_ms = []
    with _on_traces() as (terminal, server):
        for _ in range(int(effort.pick(5, 3))):
            for spans in (SHORT, LONG):
                took_ms = open_waterfall(terminal, server, spans)
                opened_ms += [took_ms] if spans == LONG else []
                presses[spans].append(press_each(terminal, [DOWN] * 10 + [PAGE_DOWN]))
    return {"opened": opened_ms, "presses": presses}


def opening(effort: Effort) -> Reading:
    """Measure from the last byte of the trace to its rows on the screen."""
    took_ms = median(_measured(effort)["opened"])
    return Reading(f"{took_ms:.0f} ms", took_ms <= MAX_OPEN_MS)


def scrolling(effort: Effort) -> Reading:
    """Compare Down and PageDown in a long and in a short trace."""
    presses = _measured(effort)["presses"]
    bytes_ratio = sum(sum(each.bytes) for each in presses[LONG]) / sum(sum(each.bytes) for each in presses[SHORT])
    late = {spans: median(percentile(each.first_ms, 0.95) for each in presses[spans]) for spans in presses}
    time_ratio = late[LONG] / late[SHORT]
    is_met = bytes_ratio <= MAX_BYTES_RATIO and time_ratio <= MAX_TIME_RATIO
    return Reading(f"{bytes_ratio:.2f} x bytes, {time_ratio:.2f} x time", is_met)


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


def turns(effort: Effort) -> Reading:
    """Measure the longest slice of decoding, and the longest of everything until the rows, in CPU time."""
    body = trace_body("run_1", LONG)
    gc.collect()
    gc.freeze()  # as the monitor does
    slices_ms, turns_ms = [], []
    for _ in range(int(effort.pick(9, 5))):
        slices_ms.append(_longest_ms(trace_slices(body)))
        waterfall = Waterfall(result_of(trace_slices(body)))
        longest_ms = [slices_ms[-1], _longest_ms(waterfall.slices())]
        longest_ms.append(_longest_ms(RowTree().slices(waterfall)))
        began_s = time.thread_time()
        extents = extents_of(waterfall)
        placed_s = time.thread_time()
        longest_path(waterfall, extents)
        longest_ms += [(placed_s - began_s) * 1000, (time.thread_time() - placed_s) * 1000]
        turns_ms.append(max(longest_ms))
    slice_ms, turn_ms = median(slices_ms), median(turns_ms)
    return Reading(f"{slice_ms:.1f} ms, {turn_ms:.1f} ms", slice_ms <= MAX_SLICE_MS and turn_ms <= MAX_TURN_MS)


def _longest_ms(slices: Any) -> float:
    longest_s, began_s = 0.0, time.thread_time()
    for _ in slices:
        now_s = time.thread_time()
        longest_s, began_s = max(longest_s, now_s - began_s), now_s
    return max(longest_s, time.thread_time() - began_s) * 1000
