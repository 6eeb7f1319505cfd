"""The keys of the pane that was left, and those that work everywhere.

What lives here: sorting live bindings into groups. How they stand on the page is `present.help`'s.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual.binding import BindingType

from tui.present.frame.help import HelpGroup, HelpKey, header_signs, help_lines, sign_lines
from tui.present.styled import Line, Piece, Token
from tui.ui.data.live_model import LiveModel
from tui.ui.input.bindings import LiveKey
from tui.ui.input.keys import bind
from tui.ui.screens.page_screen import PageScreen
from tui.ui.widgets.lines import EDGE
from tui.ui.widgets.page import PageRow

_FIRST_KEY: Final = 2
"""Its row: above it are an empty one and the title of the first group."""


def help_groups(keys: Sequence[LiveKey]) -> tuple[HelpGroup, ...]:
    """The groups of the page, those with a place in the footer first in each."""
    ranked = sorted(keys, key=lambda key: (key.place is None, 0 if key.place is None else key.place.rank))
    return (
        HelpGroup("this pane", _of(key for key in ranked if not key.is_everywhere and not key.is_motion)),
        HelpGroup("everywhere", _of(key for key in ranked if key.is_everywhere)),
        HelpGroup("moving", _of(key for key in keys if key.is_motion)),
    )


def _of(keys: Iterable[LiveKey]) -> tuple[HelpKey, ...]:
    return tuple(HelpKey(key.shown, key.word, key.sentence, key.works_now) for key in keys)


class HelpScreen(PageScreen):
    """Shows the keys that worked where it was opened: in the pane of that name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("question_mark,f1", "close", "back", "Ends this page.", shown="?"),
    ]
    title_word: ClassVar[str] = "keys"

    def __init__(self, live: LiveModel, keys: Sequence[LiveKey], pane: str) -> None:
        self._groups = help_groups(keys)
        self._pane = pane
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        """The groups, then the signs."""
        signs = header_signs(is_colorless=self.app_base.painter.is_colorless)
        lines = (*help_lines(self._groups, width - EDGE), *sign_lines("signs in the header", signs, width - EDGE))
        return [PageRow(line, number) for number, line in enumerate(lines)]

    def on_mount(self) -> None:
        """Begin at the first key."""
        super().on_mount()
        self.call_after_refresh(self.page.go_to, _FIRST_KEY)

    def left(self) -> Line:
        """Whose keys they are."""
        return (Piece(f" · {self._pane}", Token.MUTED),)
