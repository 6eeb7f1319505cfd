"""Remembers which runs replays started: where `v` leads."""

from typing import Final

from tui.domain.ids import RunId
from tui.sources.clock import Clock
from tui.ui.widgets.footer import NOTICE_S

MAX_REPLAYS_KEPT: Final = 1_000
"""Replayed runs of which the new run is remembered."""


class Replays:
    """`v` belongs to the run that was replayed, and for a moment to the notice that announces a new run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._new_runs: dict[RunId, RunId] = {}
        self._newest: RunId | None = None
        self._announced_until_s = 0.0

    def __bool__(self) -> bool:
        """Whether a replay of this session started a run."""
        return bool(self._new_runs)

    @property
    def is_new(self) -> bool:
        """Whether there is a run that was neither announced nor left behind."""
        return self._newest is not None

    def remember(self, run_id: RunId, new_run_id: RunId) -> None:
        """Keep what a replay started; a later one of the same run takes its place."""
        self._new_runs.pop(run_id, None)
        self._new_runs[run_id] = self._newest = new_run_id
        if len(self._new_runs) > MAX_REPLAYS_KEPT:
            del self._new_runs[next(iter(self._new_runs))]

    def announce(self) -> None:
        """A notice about the newest one is shown from now on."""
        self._announced_until_s = self._clock.monotonic_s() + NOTICE_S

    def end_announcement(self) -> None:
        """Another notice is shown, or somebody went there."""
        self._newest, self._announced_until_s = None, 0.0

    def of(self, run_id: RunId | None) -> RunId | None:
        """Where `v` leads with a run under the cursor: the announced run while its notice stands, else its replay."""
        if self._newest is not None and self._clock.monotonic_s() < self._announced_until_s:
            return self._newest
        return None if run_id is None else self._new_runs.get(run_id)
