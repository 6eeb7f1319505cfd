"""The page of keys: those that work in the pane behind it are bright, the other keys of the screen are faint."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from tui.present.frame.help import HelpKey, help_lines, legend_lines
from tui.present.styled import Line, Piece, Token
from tui.ui.base import app_of
from tui.ui.data.action_controller import ACTION_NAMES
from tui.ui.data.live_model import LiveModel
from tui.ui.input.bindings import live_keys
from tui.ui.input.keys import bind, key_label
from tui.ui.model.page_rows import PageRow
from tui.ui.panes.run_list import MARK_ACTIONS
from tui.ui.screens.page_screen import PageScreen
from tui.ui.widgets.lines import EDGE

_FIRST_KEY: Final = 2
"""The row of the first key: an empty row and the title of the first group stand above it."""


def help_keys(screen: Screen[Any], unmade: Iterable[type[DOMNode]] = (), *, may_write: bool) -> dict[str, HelpKey]:
    """Return every binding of a screen by its id: the live ones, then those of its other widgets, which do not work.

    `unmade` are widgets that the screen makes later.
    The keys of actions and of marks are left out where nothing may be written.
    """
    own = app_of(screen).keys
    found = {
        key.id: HelpKey(key.keys, f"{key.word}: {key.denial}" if key.denial else key.word, key.works_now)
        for key in live_keys(screen)
    }
    for kind in (*(type(node) for node in (screen, *screen.walk_children())), *unmade):
        for binding in _declared(kind):
            if not may_write and parse(binding.action)[1] in ACTION_NAMES | MARK_ACTIONS:
                continue
            if keys := own.get(binding.id or "", binding.key.split(",")):
                names = tuple(map(key_label, keys))
                found.setdefault(binding.id or "", HelpKey(names, binding.description, works_here=False))
    return found


def _declared(kind: type[DOMNode]) -> Iterator[Binding]:
    """Yield the bindings that the class of a widget declares, and those of its bases."""
    for base in kind.__mro__:
        for binding in vars(base).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id is not None:
                yield binding


class HelpScreen(PageScreen):
    """Shows the keys of the screen behind it. `pane` is the title of the pane that had the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("question_mark,f1", "close", "back", "Ends this page.", id="help"),
    ]
    title_word: ClassVar[str] = "keys"

    def __init__(self, live: LiveModel, keys: Mapping[str, HelpKey], pane: str) -> None:
        self._help_keys = keys
        self._pane = pane
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        limit = width - EDGE
        legend = legend_lines(limit, is_colorless=self.app_base.painter.is_colorless)
        lines = (*help_lines(self._help_keys, limit), *legend)
        return [PageRow(line, number) for number, line in enumerate(lines)]

    def begin(self) -> None:
        self.call_after_refresh(self.page.go_to, _FIRST_KEY)

    def left(self) -> Line:
        return (Piece(f" · {self._pane}", Token.MUTED),)

    def right(self) -> Line:
        is_scrolled = len(self.page.rows) > self.page.size.height
        return (Piece("bright works here · ↓ shows more" if is_scrolled else "bright works here", Token.MUTED),)


def open_help(screen: Screen[Any], live: LiveModel, title: str, unmade: Iterable[type[Widget]] = ()) -> None:
    """Show the keys of this screen, and of widgets that it has not made yet. `title` is that of the focused pane."""
    keys = help_keys(screen, unmade, may_write=not live.session.is_read_only)
    screen.app.push_screen(HelpScreen(live, keys, title))
