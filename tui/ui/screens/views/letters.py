"""The menu behind `'`: a letter opens its view."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.present.dialogs.views import MENU_EDGES, MENU_WIDTH, READING, menu_lines, unknown_letter
from tui.store.addresses.saved_views import LETTERS, ListedView, SavedView, lettered
from tui.ui.base import app_of
from tui.ui.input.keys import bind
from tui.ui.screens.painted import PaintedDialog
from tui.ui.views.view_file import KnownViews
from tui.ui.widgets.dialog import Dialog


class LetterMenu(PaintedDialog[SavedView | None]):
    """Returns the chosen view. A letter that is typed before the views are read waits for them."""

    CSS_PATH = "../../styles/views.tcss"
    AUTO_FOCUS = ""
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Open no view.", id="back"),
        bind("enter", "choose", "open", "Open the view under the cursor.", id="open-chosen"),
        bind("down", "move(1)", "down", "Move one line down.", id="next-view"),
        bind("up", "move(-1)", "up", "Move one line up.", id="previous-view"),
    ]

    def __init__(self, known: KnownViews) -> None:
        super().__init__()
        self._known = known
        self._dialog = Dialog()
        self._is_read = False
        self._typed = ""
        self._note = READING
        self._cursor = self._top = 0

    def compose(self) -> ComposeResult:
        yield self._dialog

    def on_mount(self) -> None:
        app_of(self).session.spawn(self._load(), "read the saved views")
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.is_printable:
            event.stop()
            self._type(event.character)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_move(self, lines: int) -> None:
        self._cursor = max(0, min(self._cursor + lines, len(self._views) - 1))
        self._draw()

    def action_choose(self) -> None:
        if self._views:
            self.dismiss(self._views[self._cursor].view)

    @property
    def _views(self) -> tuple[ListedView, ...]:
        """The views by their letters, those without one last."""
        if not self._is_read:
            return ()
        return tuple(sorted(self._known.listed, key=lambda each: (not each.view.letter, each.view.letter.casefold())))

    def _type(self, character: str) -> None:
        if not self._is_read:
            self._typed = character
            return
        view = lettered(self._known.views, character) if character in LETTERS else None
        if view is not None:
            self.dismiss(view)
            return
        self._note = unknown_letter(character)
        self._draw()

    async def _load(self) -> None:
        problem = await self._known.load()
        self.app.call_later(self._show_read, problem or "")

    def _show_read(self, problem: str) -> None:
        if self.is_attached:
            self._is_read, self._note = True, problem
            self._draw()
            if self._typed:
                self._type(self._typed)

    def _draw(self) -> None:
        width, height = self._dialog.room(MENU_WIDTH)
        views, rows = self._views, max(1, height - MENU_EDGES)
        self._top = max(0, min(self._top, self._cursor), self._cursor - rows + 1)
        self._dialog.show(menu_lines(views, self._cursor, self._top, (width, rows), self._note), width)
