"""Remembers which runs the replays of this session started: the targets of the key `v`."""

from typing import Final

from tui.domain.ids import RunId
from tui.sources.clock import Clock

MAX_REPLAYS_KEPT: Final = 1_000
"""Replayed runs whose new run is remembered."""


class Replays:
    """The new runs by the run that was replayed, and the one that a notice announces at the moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._new_runs: dict[RunId, RunId] = {}
        self._newest: RunId | None = None
        self._announced_until_s = 0.0

    def __bool__(self) -> bool:
        return bool(self._new_runs)

    @property
    def is_new(self) -> bool:
        """Whether a new run waits to be announced, or is announced."""
        return self._newest is not None

    def record(self, run_id: RunId, new_run_id: RunId) -> None:
        """Record the run that a replay started. A later replay of the same run replaces it."""
        self._new_runs.pop(run_id, None)
        self._new_runs[run_id] = self._newest = new_run_id
        if len(self._new_runs) > MAX_REPLAYS_KEPT:
            del self._new_runs[next(iter(self._new_runs))]

    def announce(self, for_s: float) -> None:
        """Record that a notice about the newest run is shown from now on, for `for_s` seconds."""
        self._announced_until_s = self._clock.monotonic_s() + for_s

    def end_announcement(self) -> None:
        """Record that the notice is gone, or that the user went to the run."""
        self._newest, self._announced_until_s = None, 0.0

    def of(self, run_id: RunId | None) -> RunId | None:
        """Return the target of `v`: the announced run while its notice is shown, else the replay of this run."""
        if self._newest is not None and self._clock.monotonic_s() < self._announced_until_s:
            return self._newest
        return None if run_id is None else self._new_runs.get(run_id)
