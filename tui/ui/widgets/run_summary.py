"""The two lines about the selected run, visible where the detail is not."""

from typing import Any, ClassVar, Final

from textual import events
from textual.reactive import reactive

from tui.present.actions.overlays import Overlay
from tui.present.frame.run_summary import summary_lines
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes, Topic
from tui.ui.base import is_covered
from tui.ui.data.live_model import LiveModel
from tui.ui.data.needs import RUN
from tui.ui.look.painting import Painter
from tui.ui.look.styles import Background
from tui.ui.model.layout import SUMMARY_HEIGHT
from tui.ui.model.selection import Need, Selection
from tui.ui.widgets.lines import Lines


def summary_height(painter: Painter) -> int:
    """Return the height: two lines, and a rule above them if there are no background colours."""
    return SUMMARY_HEIGHT + painter.needs_rules


class RunSummary(Lines):
    """Summarises `selection`, which is bound to the selection of the screen."""

    ID: Final = "run-summary"
    needs: ClassVar[tuple[Need[Any], ...]] = (RUN,)

    selection: reactive[Selection] = reactive(Selection(), init=False, always_update=False)

    def __init__(self, live: LiveModel) -> None:
        super().__init__(Background.SURFACE, id=self.ID)
        self._live = live
        self.overlay: Overlay = lambda _: None

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.rebuild()

    def watch_selection(self) -> None:
        self.rebuild()

    def on_changes(self, changes: Changes) -> None:
        if changes.changed or changes.added or Topic.ACTIONS in changes.topics:
            self.rebuild()

    def tick(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """Update the lines if they are visible."""
        if not self.display or not self.size.width or is_covered(self):
            return
        run_id = self.selection.run_id
        run = None if run_id is None else self._live.get(run_id)
        children = () if run is None else self._live.session.store.children_of(run.id)
        overlay = None if run is None else self.overlay(run.id)
        now = self._live.now
        is_list_end = self.selection.is_list_end
        lines = summary_lines(run, children, now, self.size.width, overlay=overlay, is_list_end=is_list_end)
        rule: tuple[Line, ...] = ((Piece("─" * self.size.width, Token.LINE),),) if self.painter.needs_rules else ()
        self.show((*rule, *lines), is_stale=now.frozen_at is not None)
