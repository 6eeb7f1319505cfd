"""The queues view: the keys that the list of queues has beside those of every list."""

from typing import ClassVar

from textual.binding import BindingType

from tui.domain.run import RunId
from tui.features.queues.model import HOLDERS, QUEUES
from tui.kit.keys import Help, bind
from tui.kit.list_panes import ListEntrance, ListScreen
from tui.store.findings.board import QueueRow
from tui.text.blocks import ListRuns


class QueuesEntrance(ListEntrance):
    """The way to the queues and back."""

    def make(self) -> "QueuesScreen":
        return QueuesScreen(self)


class QueuesScreen(ListScreen):
    """The list of queues, and the selected one: since when and why it is blocked, whether it drains, its last hour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("Q", "leave_view", "back to the runs", "Leave the queues.", id="queues"),
        bind("v", "oldest_run", "oldest run", "Open the run that waits longest in the queue.", rank=45, need=30,
             help=Help("move", 130, "the oldest run of a queue")),
        bind("h", "holders", "holders", "List the runs that execute and hold the places of the queue.", rank=46,
             need=32, help=Help("move", 140, "the runs that hold its places")),
    ]  # fmt: skip

    @property
    def _queue(self) -> QueueRow | None:
        row = self.rows.list.current
        return row if isinstance(row, QueueRow) else None

    @property
    def _oldest_run(self) -> RunId | None:
        return None if self._queue is None else self._queue.oldest_run

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action == "oldest_run":
            return self._oldest_run is not None
        if action == "holders":
            return self._queue is not None and bool(self._queue.running or self._queue.holders)
        return super().has_use_for(action, parameters)

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of queues, the one that waits longest in the queue."""
        return self.pane.target or self._oldest_run

    def action_holders(self) -> None:
        runs = None if self._queue is None else QUEUES.opens(self._queue)
        if runs is not None and self.has_use_for("holders", ()):
            self.entrance.list_runs(ListRuns(f"{runs.filter_text} {HOLDERS}", queue=runs.queue))
        else:
            self.say("no run is known to hold a place of this queue")

    def action_oldest_run(self) -> None:
        if self._queue is not None and self._oldest_run is not None:
            self.entrance.list_runs(QUEUES.opens(self._queue), self._oldest_run)
        else:
            self.say("no run is known to wait in this queue")
