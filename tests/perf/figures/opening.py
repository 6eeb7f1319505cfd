"""The figures of the start and of the memory, beside a bare Textual app and other programs."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from tests.perf.figures.programs import STILL, bare, on_emulator, peers
from tests.perf.figures.row import Effort, Reading
from tests.perf.figures.starts import Start, starts

MAX_BYTES: Final = 15_000
MAX_CPU_RATIO: Final = 2.0
MAX_PAINT_RATIO: Final = 1.2
MAX_MEMORY_RATIO: Final = 1.8


@cache
def seen(effort: Effort) -> Mapping[str, Start]:
    """Start all programs, in alternating rounds."""
    with on_emulator(*STILL) as monitor:
        return starts((monitor(), bare(), *peers()), int(effort.pick(9, 3)))


def _compared(effort: Effort) -> tuple[Start, Start, dict[str, Start]]:
    others = dict(seen(effort))
    return others.pop("trigger-tui"), others.pop("bare"), others


def bytes_until_rows(effort: Effort) -> Reading:
    ours, bare_app, others = _compared(effort)
    peers_bytes = {name: f"{each.bytes:,.0f} B" for name, each in others.items()}
    return Reading(f"{ours.bytes:,.0f} B", ours.bytes <= MAX_BYTES, f"{bare_app.bytes:,.0f} B", peers_bytes)


def cpu_until_rows(effort: Effort) -> Reading:
    ours, bare_app, others = _compared(effort)
    ratio = ours.cpu_s / bare_app.cpu_s
    peers_cpu = {name: f"{each.cpu_s:.3f} s" for name, each in others.items()}
    return Reading(f"{ours.cpu_s:.2f} s = {ratio:.2f} x", ratio <= MAX_CPU_RATIO, f"{bare_app.cpu_s:.2f} s", peers_cpu)


def first_paint(effort: Effort) -> Reading:
    ours, bare_app, others = _compared(effort)
    ratio = ours.paint_s / bare_app.paint_s
    peers_paint = {name: f"{each.paint_s:.3f} s" for name, each in others.items()}
    measured = f"{ours.paint_s:.2f} s = {ratio:.2f} x (rows {ours.ready_s:.2f} s)"
    return Reading(measured, ratio <= MAX_PAINT_RATIO, f"{bare_app.paint_s:.2f} s", peers_paint)


def memory(effort: Effort) -> Reading:
    ours, bare_app, others = _compared(effort)
    ratio = ours.memory_mb / bare_app.memory_mb
    peers_memory = {name: f"{each.memory_mb:.1f} MB" for name, each in others.items()}
    measured = f"{ours.memory_mb:.1f} MB = {ratio:.2f} x"
    return Reading(measured, ratio <= MAX_MEMORY_RATIO, f"{bare_app.memory_mb:.1f} MB", peers_memory)
