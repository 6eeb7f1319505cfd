"""The figures of the start and of the memory, beside a bare Textual app and other programs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from statistics import median
from typing import Final

from tests.perf.figures.programs import bare, on_emulator, peers
from tests.perf.figures.row import Effort, Reading
from tests.perf.figures.starts import Start, starts

MAX_BYTES: Final = 15_000
MAX_CPU_RATIO: Final = 2.8
MAX_PAINT_RATIO: Final = 1.0


RESTING: Final = ("--seed", "0", "--time-scale", "0", "--rate", "0", "--history", "1000")
"""A world that begins now: with two days between its clock and ours, the list is first read for the wrong days."""


@cache
def seen(effort: Effort) -> Mapping[str, Sequence[Start]]:
    """Start all programs, in alternating rounds."""
    with on_emulator(*RESTING) as monitor:
        return starts((monitor(), bare(), *peers()), int(effort.pick(11, 3)))


def _compare(effort: Effort, name: str, unit: str, digits: int, max_ratio: float) -> Reading:
    """Compare a value of the starts with that of the bare app: the ratio is the median of the rounds' ratios."""
    values = {program: [float(getattr(start, name)) for start in of_one] for program, of_one in seen(effort).items()}
    texts = {program: f"{median(of_one):.{digits}f} {unit}" for program, of_one in values.items()}
    ratio = median(ours / bare_app for ours, bare_app in zip(values["trigger-tui"], values["bare"], strict=True))
    ours, bare_text = texts.pop("trigger-tui"), texts.pop("bare")
    return Reading(f"{ours} = {ratio:.2f} x", ratio <= max_ratio, bare_text, texts)


def bytes_until_rows(effort: Effort) -> Reading:
    counts = {program: median(start.bytes for start in of_one) for program, of_one in seen(effort).items()}
    texts = {program: f"{count:,.0f} B" for program, count in counts.items()}
    ours, bare_text = texts.pop("trigger-tui"), texts.pop("bare")
    return Reading(ours, counts["trigger-tui"] <= MAX_BYTES, bare_text, texts)


def cpu_until_rows(effort: Effort) -> Reading:
    return _compare(effort, "cpu_s", "s", 3, MAX_CPU_RATIO)


def first_paint(effort: Effort) -> Reading:
    return _compare(effort, "paint_s", "s", 3, MAX_PAINT_RATIO)


def first_rows(effort: Effort) -> Reading:
    """The time until the first rows has no goal of its own."""
    return replace(_compare(effort, "ready_s", "s", 3, 0.0), is_met=None)
