"""What a trigger asks for, as the world understands it, and how durations are spelled.

What lives here: values. How a request's body becomes one is `triggering`'s matter, what becomes of it `lifecycle`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tui.emulator.simulation.runs import ABSENT, Run
from tui.emulator.simulation.script import Json, Script


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a trigger asks for. `delay_ms` is from now; `starts_ms`: a worker takes it then, whatever the queue says.

    `id` and `script` are for fleets whose every moment is set; `schedule_id`: of the schedule that asks.
    """

    task_id: str
    payload: Json = ABSENT
    tags: tuple[str, ...] = ()
    queue: str = ""
    delay_ms: int = 0
    ttl: str | None = None
    idempotency_key: str = ""
    key_name: str = ""
    batch_id: str = ""
    machine: str = ""
    concurrency_key: str = ""
    metadata: Mapping[str, Json] | None = None
    is_test: bool = False
    max_attempts: int | None = None
    function: str = "trigger"
    parent: Run | None = None
    id: str = ""
    script: Script | None = None
    starts_ms: int | None = None
    schedule_id: str = ""


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that was triggered `age_ms` before the world is handed over, long before its history begins."""

    age_ms: int
    new: NewRun


_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MAX_DIGITS = 12


def duration_ms(text: str) -> int | None:
    """The time of `10m`, `1h30m`, `5s` …; None where it is none."""
    total, number = 0, ""
    for letter in text:
        if letter.isascii() and letter.isdigit():
            number += letter
        elif letter in _UNITS_MS and 0 < len(number) <= _MAX_DIGITS:
            total, number = total + int(number) * _UNITS_MS[letter], ""
        else:
            return None
    return None if number or not total else total
