"""The pane `runs`: all runs of the group under the cursor, newest first. The keys of actions work on them."""

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, overload

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present import formatting
from tui.present.actions.overlays import Overlay
from tui.present.actions.row_actions import GoToRun
from tui.present.columns import Now, SizedColumn, columns_for, row
from tui.present.errors.groups.summary import NOTHING_SELECTED
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes, Topic
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import KeyedRows, PageRow
from tui.ui.panes.list_panes import RowPagePane
from tui.ui.widgets.lines import GUTTER


class GroupRunsPane(RowPagePane):
    """The runs of a group as rows of the list of runs."""

    title: ClassVar[str] = "runs"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, has_summary=True)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, id="runs")
        self._groups = groups
        self.overlay: Overlay = lambda _: None
        self._run_ids: Sequence[RunId] = ()
        self._indexes: dict[RunId, int] = {}

    @property
    def target(self) -> RunId | None:
        found = self.page.row
        return found.key if found is not None and isinstance(found.action, GoToRun) else None  # type: ignore[return-value]

    def rows(self, width: int) -> Sequence[PageRow]:
        run_ids = self._groups.run_ids
        if not run_ids:
            text = formatting.LOADING if self._groups.read.known_count is None else NOTHING_SELECTED
            return [PageRow(()), PageRow((Piece(text, Token.MUTED),), "none")]
        if run_ids is not self._run_ids:
            self._run_ids, self._indexes = run_ids, {}
        slots = columns_for(width + GUTTER)
        return RunRows(run_ids, self.live.get, self.overlay, slots, self.live.now, self._indexes)

    def right(self) -> Line:
        count = len(self._groups.run_ids)
        return (Piece(formatting.plural(count, "run"), Token.MUTED),) if count else ()

    def word_for(self, action: str, usual: str) -> str:
        return "open" if action == "enter" else super().word_for(action, usual)

    def concerns(self, changes: Changes) -> bool:
        return Topic.ACTIONS in changes.topics or bool(changes.changed)


class RunRows(KeyedRows):
    """The rows of runs, made on access: a group may have 10,000 of them."""

    def __init__(
        self,
        run_ids: Sequence[RunId],
        get: Callable[[RunId], Run | None],
        overlay: Overlay,
        slots: Sequence[SizedColumn],
        now: Now,
        indexes: dict[RunId, int],
    ) -> None:
        """`indexes` are filled when a run is searched for; they may be kept as long as the ids are the same."""
        self._run_ids = run_ids
        self._get = get
        self._overlay = overlay
        self._slots = slots
        self._now = now
        self._indexes = indexes

    def __len__(self) -> int:
        return len(self._run_ids)

    @overload
    def __getitem__(self, index: int) -> PageRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PageRow]: ...
    def __getitem__(self, index: int | slice) -> PageRow | Sequence[PageRow]:
        if isinstance(index, slice):
            return [self._row(run_id) for run_id in self._run_ids[index]]
        return self._row(self._run_ids[index])

    def index_of(self, key: Hashable) -> int | None:
        if not self._indexes:
            self._indexes.update((run_id, index) for index, run_id in enumerate(self._run_ids))
        return self._indexes.get(RunId(str(key)))

    def _row(self, run_id: RunId) -> PageRow:
        run = self._get(run_id)
        if run is None:
            return PageRow((Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT)), run_id, GoToRun(run_id))
        return PageRow(row(run, self._slots, self._now, status=self._overlay(run_id)), run_id, GoToRun(run_id))
