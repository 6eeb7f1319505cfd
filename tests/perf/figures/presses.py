"""Presses keys one after the other on a terminal, and measures what each costs."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.perf import processes
from tests.perf.figures.screen_changes import frames, minimums
from tests.perf.terminal import Terminal

QUIET_S: Final = 0.15
"""A key has been answered when nothing was written for this long."""

JITTER_S: Final = 0.1
"""Keys are not in step with the timers of the program."""


@dataclass(frozen=True, slots=True)
class Presses:
    """The keys that were pressed: times until the first and the last byte, the bytes, the least for the same change."""

    first_ms: Sequence[float]
    last_ms: Sequence[float]
    bytes: Sequence[int]
    minimum: Sequence[int]
    minimum_of_frames: int
    """The least for all frames, those included that were shown only until the next one."""

    cpu_ms: float
    """The CPU time of the program for one key and what follows from it."""

    @property
    def ratio(self) -> float:
        """All bytes, as a multiple of the minimum of all."""
        return sum(self.bytes) / max(1, sum(self.minimum))

    @property
    def ratio_of_frames(self) -> float:
        """All bytes, as a multiple of the minimum of all frames."""
        return sum(self.bytes) / max(1, self.minimum_of_frames)

    @property
    def counted(self) -> str:
        """The bytes of a key, with their ratio to the minimum."""
        return f"{median(self.bytes):,.0f} B = {self.ratio:.2f} x"

    @property
    def latency(self) -> str:
        """The time until the first byte."""
        return f"p50 {percentile(self.first_ms, 0.5):.1f}, p95 {percentile(self.first_ms, 0.95):.1f} ms"


def press_each(terminal: Terminal, keys: Sequence[str], quiet_s: float = QUIET_S) -> Presses:
    """Press keys one after the other, each once nothing was written for `quiet_s`. A key without an answer raises."""
    noise = random.Random(1)
    began_s = processes.cpu_s(terminal.process.pid)
    first_ms, last_ms, spans = [], [], []
    for key in keys:
        terminal.read_for(noise.uniform(0.0, JITTER_S))
        since, sent_s = len(terminal.received), time.monotonic()
        terminal.send(key)
        first_s = terminal.wait_until(lambda since=since: len(terminal.received) > since, "an answer")  # type: ignore[misc]
        terminal.wait_quiet(quiet_s)
        first_ms.append((first_s - sent_s) * 1000)
        last_ms.append((terminal.read_s - sent_s) * 1000)
        spans.append((since, len(terminal.received)))
    cpu_ms = (processes.cpu_s(terminal.process.pid) - began_s) * 1000 / len(keys)
    # Costs are computed at the end. Meanwhile the program would wait for the processor.
    of_frames = sum(minimums(terminal, frames(terminal, spans[0][0])))
    counts = [end - start for start, end in spans]
    return Presses(first_ms, last_ms, counts, minimums(terminal, spans), of_frames, cpu_ms)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the quantile of the values."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
