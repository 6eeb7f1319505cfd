"""`NewestFailure`: the newest failed run with its error, for a wide wall."""

from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.store.changes import Changes
from tui.store.findings.board import Board
from tui.store.findings.failing import FailingNow
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.data.selection_loader import SelectionLoader

EVERY_S: Final = 10.0
"""A storm of failures is followed at most this often: each new one is read."""


class NewestFailure:
    """Follows the newest failed run, and reads it."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._run_id: RunId | None = None
        self._followed_s = float("-inf")
        self._loader = SelectionLoader(live.session, lambda _: None)
        self._loader.require((RUN,))

    @property
    def run(self) -> Run | None:
        """The run, None if none is known to have failed."""
        return None if self._run_id is None else self._live.session.store.get(self._run_id)

    def follow(self, board: Board, failing: FailingNow) -> None:
        """Follow the newest failed run of a board."""
        newest = self._newest(board, failing)
        now_s = self._live.session.clock.monotonic_s()
        if newest == self._run_id or (self._run_id is not None and now_s - self._followed_s < EVERY_S):
            return
        self._run_id, self._followed_s = newest, now_s
        self._loader.select(newest, at_once=True)

    def on_changes(self, changes: Changes) -> None:
        """Read the run again if it changed."""
        self._loader.on_changes(changes)

    def tick(self) -> None:
        """Show which reads are late. Called once a second."""
        self._loader.tick()

    def rest(self) -> None:
        """Read nothing until `resume`."""
        self._loader.require(())

    def resume(self) -> None:
        """Read what changed meanwhile."""
        self._loader.require((RUN,))

    def close(self) -> None:
        """Stop reading."""
        self._loader.close()

    def _newest(self, board: Board, failing: FailingNow) -> RunId | None:
        ended = next((each.run_id for each in board.just_now if each.is_failed), None)
        if ended is not None:
            return ended
        runs = [self._live.session.store.get(each.newest) for each in failing.groups if each.newest is not None]
        known = [(run.state.updated_at, run.id) for run in runs if run is not None and run.state is not None]
        return max(known)[1] if known else None
