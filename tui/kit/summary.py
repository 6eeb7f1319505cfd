"""The base of the lines above the footer that summarise what the other panes of a view would show."""

from typing import Any, ClassVar, Final

from textual import events
from textual.reactive import reactive

from tui.kit.app import is_covered
from tui.kit.colors import Background
from tui.kit.layout import SUMMARY_HEIGHT
from tui.kit.lines import Lines
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.kit.selection import Need, Selection
from tui.store.changes import Changes, Topic
from tui.text.styled import Line, Piece, Token


def summary_height(painter: Painter) -> int:
    """Return the height: two lines, and a rule above them if there are no background colours."""
    return SUMMARY_HEIGHT + painter.needs_rules


class Summary(Lines):
    """Two lines, made again when `selection` changes, which is that of the screen."""

    ID: Final = "summary"
    needs: ClassVar[tuple[Need[Any], ...]] = ()

    selection: reactive[Selection] = reactive(Selection(), init=False, always_update=False)

    def __init__(self, live: LiveModel) -> None:
        super().__init__(Background.SURFACE, id=self.ID)
        self.live = live

    def content(self, width: int) -> tuple[Line, ...]:
        """Return the two lines in at most `width` cells."""
        raise NotImplementedError

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
        width = self.size.width
        if not self.display or not width or is_covered(self):
            return
        rule: tuple[Line, ...] = ((Piece("─" * width, Token.LINE),),) if self.painter.needs_rules else ()
        self.show((*rule, *self.content(width)), is_stale=self.live.now.frozen_at is not None)
