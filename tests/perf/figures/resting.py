"""Measures programs to which nothing is sent: the bytes that they write, the least for the same, and their CPU time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tests.perf import processes
from tests.perf.figures.screen_changes import frames, minimums
from tests.perf.terminal import Terminal

TURN_S = 0.05


@dataclass(frozen=True, slots=True)
class Rest:
    """A program that was left alone for `seconds`."""

    seconds: float
    bytes: int
    minimum: int
    cpu_s: float

    @property
    def bytes_per_s(self) -> float:
        return self.bytes / self.seconds

    @property
    def ratio(self) -> float:
        """The bytes, as a multiple of the minimum."""
        return self.bytes / max(1, self.minimum)

    @property
    def cpu_share(self) -> float:
        """The share of a core, in percent."""
        return self.cpu_s / self.seconds * 100

    @property
    def minimum_per_s(self) -> float:
        return self.minimum / self.seconds

    @property
    def compared(self) -> str:
        """Bytes, their ratio to the minimum, and CPU in words."""
        return f"{self.bytes_per_s:,.0f} B/s = {self.ratio:.2f} x, {self.cpu_share:.1f} %"

    @property
    def text(self) -> str:
        """Bytes and CPU in words."""
        return f"{self.bytes_per_s:,.0f} B/s, {self.cpu_share:.1f} %"

    @classmethod
    def of(cls, terminal: Terminal, seconds: float) -> Self:
        """Leave one program alone."""
        return cls.of_all([terminal], seconds)[0]

    @classmethod
    def of_all(cls, terminals: Sequence[Terminal], seconds: float) -> list[Self]:
        """Leave several programs alone at the same time, so that the same noise meets them."""
        for terminal in terminals:
            terminal.read_for(TURN_S)  # what was written while nobody read
        began_s = time.monotonic()
        spent_s = [processes.cpu_s(terminal.process.pid) for terminal in terminals]
        since = [len(terminal.received) for terminal in terminals]
        while (time.monotonic() - began_s) < seconds:
            for terminal in terminals:
                terminal.read_for(TURN_S if len(terminals) == 1 else TURN_S / 5)
        took_s = time.monotonic() - began_s
        spent_s = [
            processes.cpu_s(terminal.process.pid) - before for terminal, before in zip(terminals, spent_s, strict=True)
        ]
        return [
            cls(took_s, len(terminal.received) - start, sum(minimums(terminal, frames(terminal, start))), cpu_s)
            for terminal, start, cpu_s in zip(terminals, since, spent_s, strict=True)
        ]
