"""The options of a new run, and the parsing of durations.

`rest.triggering` reads them from the body of a request; `lifecycle` creates the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tui.emulator.simulation.error_states import ErrorState
from tui.emulator.simulation.runs import ABSENT, Run
from tui.emulator.simulation.script import Json, Script


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """The options of a new run. `delay_ms` counts from now. At `starts_ms` a worker takes it, whatever its queue's
    limit.

    `id` and `script` are for tests that control every moment. `schedule_id` is the schedule that starts the run.
    It waits until `due_ms`, which is its `createdAt`.
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
    due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that was triggered `age_ms` before the world's start. With `cancel_after_ms` a user canceled it.

    One that `is_live` at the start belongs only to a world in which runs start by themselves. `error_state` returns
    what people did about its error before a time in epoch milliseconds, the end of the history. One that `is_extra`
    comes on top of the history.
    """

    age_ms: int
    new: NewRun
    cancel_after_ms: int | None = None
    is_live: bool = False
    error_state: Callable[[int], ErrorState] | None = None
    is_extra: bool = False


_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MAX_DIGITS = 12


@lru_cache(maxsize=256)
def duration_ms(text: str) -> int | None:
    """Parse a duration like `10m`, `1h30m` or `5s`; None for any other text."""
    total, number = 0, ""
    for letter in text:
        if letter.isascii() and letter.isdigit():
            number += letter
        elif letter in _UNITS_MS and 0 < len(number) <= _MAX_DIGITS:
            total, number = total + int(number) * _UNITS_MS[letter], ""
        else:
            return None
    return None if number or not total else total
