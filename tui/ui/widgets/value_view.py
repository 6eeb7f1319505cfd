"""Shows one JSON value of any size on a whole page, with folding and search.

A value may have millions of rows. Only the visible rows are made (`present.json.window`), and a position is a path in
the value, not a row number. The search runs in slices, so that keys are handled meanwhile.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from tui.domain.run import Json
from tui.present.json.fold import ALL, FoldedJson, JsonFolds, Path, containers_of
from tui.present.json.window import Shown, moved, visible, window
from tui.present.styled import Piece, Token, mark_hits
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.widgets.lines import GUTTER
from tui.ui.widgets.page import Page

_TEXT_OPEN: Final = JsonFolds(exceptions=frozenset({()}))


class ValueView(Page):
    """A page for one JSON value."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "turn_fold", "fold, unfold", "Fold or unfold the value under the cursor.", rank=5),
        bind("h,left", "fold", "fold", "Fold the value around the cursor."),
        bind("l,right", "unfold", "unfold", "Unfold the value under the cursor, or go into it."),
        bind(
            "e",
            "fold_all(False)",
            "unfold all",
            "Unfold everything.",
            id="unfold-all",
            rank=30,
            pair=("unfold-all", "fold-all"),
        ),
        bind("E", "fold_all(True)", "fold all", "Fold everything.", id="fold-all"),
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=35),
    ]

    def __init__(self, value: Json) -> None:
        super().__init__(lambda _: ())
        self._value = value
        self._folds = _TEXT_OPEN if isinstance(value, str) else JsonFolds()
        self._is_wrapped = isinstance(value, str)
        self._folded = FoldedJson(value, self._folds, 1)
        self._at: Path = ()
        self._from: Path = ()
        self._shown: Shown = []
        self._shown_at: Path = ()
        self._matches: list[Path] = []
        self._running_search: Iterator[Path | None] | None = None
        self._has_gone_to_match = False

    @property
    def hits(self) -> tuple[int, int] | None:
        """The number of matches up to the cursor, and of all found so far; None without a search."""
        if not self._needle:
            return None
        return bisect_right(self._matches, self._end), len(self._matches)

    @property
    def is_searching(self) -> bool:
        """Whether the search is still running."""
        return self._running_search is not None

    @property
    def _end(self) -> Path:
        """The last position in the row under the cursor. The row of a closed value includes all positions in it."""
        return self._at if self._folded.step(self._at).is_open else (*self._at, ALL)

    def rebuild(self) -> None:
        """Make the rows again. If the cursor's row is folded away, the cursor moves to the value around it."""
        width = self.size.width
        if width <= GUTTER:
            return
        folds = (
            replace(self._folds, found=containers_of([self._at]) & self._folds.found)
            if not self._needle
            else self._folds
        )
        self._folds = folds
        self._folded = FoldedJson(self._value, folds, width - GUTTER, is_wrapped=self._is_wrapped)
        self._at = visible(self._folded, self._at)
        self._from = visible(self._folded, self._from)
        self._draw()

    def search(self, needle: str) -> None:
        """Search the whole value for a text, in slices, and go to the first match from the cursor on."""
        self._needle = needle.casefold()
        self._matches = []
        self._has_gone_to_match = False
        self._running_search = self._folded.find(self._needle) if needle else None
        self._continue_search(self._running_search)
        if not needle:
            self.rebuild()
        self.refresh()

    def next_hit(self, step: int) -> None:
        """Go to the next match below (1) or above (-1), wrapping around."""
        if not self._matches:
            return
        index = bisect_right(self._matches, self._end) if step > 0 else bisect_left(self._matches, self._at) - 1
        self._go_to(self._matches[index % len(self._matches)])

    def strip_at(self, y: int) -> Strip:
        if y >= len(self._shown):
            return self.painter.blank(self.size.width)
        path, line = self._shown[y]
        background, edge = Background.PAGE, Piece("  ")
        if path == self._at and self.has_focus:
            background, edge = Background.CURSOR, Piece("▌ ", Token.ACCENT)
        line = mark_hits(line, self._needle) if self._needle else line
        return self.painter.strip((edge, *line), self.size.width, background)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._shown):
            self._move_to(self._shown[event.y][0])
            if event.chain == 2:
                self.action_turn_fold()

    def action_top(self) -> None:
        self._move_to(visible(self._folded, ()))

    def action_bottom(self) -> None:
        self._move_to(self._folded.last())

    def action_turn_fold(self) -> None:
        step = self._folded.step(self._at)
        if step.is_foldable:
            self._turn(step.path, is_text=step.is_text, is_open=not step.is_open)

    def action_fold(self) -> None:
        step = self._folded.step(self._at)
        if step.is_open and step.path:
            self._turn(step.path, is_text=step.is_text, is_open=False)
        elif len(self._at) > 1:
            self._move_to(self._at[:-1])

    def action_unfold(self) -> None:
        step = self._folded.step(self._at)
        if step.is_open:
            self.action_move(1)
        elif step.is_foldable:
            self._turn(step.path, is_text=step.is_text, is_open=True)

    def action_fold_all(self, closes: bool) -> None:  # noqa: FBT001  Textual hands actions their values by position
        exceptions = _TEXT_OPEN.exceptions if isinstance(self._value, str) else frozenset()
        self._folds = JsonFolds(1 if closes else ALL, exceptions, frozenset())
        self.rebuild()

    def action_wrap(self) -> None:
        self._is_wrapped = not self._is_wrapped
        self.rebuild()
        if self._needle:
            # The positions of matches inside a text depend on its lines.
            self.search(self._needle)

    def _turn(self, path: Path, *, is_text: bool, is_open: bool) -> None:
        self._folds = self._folds.with_fold(path, is_text=is_text, is_open=is_open)
        self.rebuild()

    def _go(self, index: int) -> None:
        """Move by `index` rows. Here the base class always sees the cursor on row 0, so that an index is a distance."""
        self._move_to(moved(self._folded, self._at, index))

    def _move_to(self, path: Path) -> None:
        if path != self._at:
            self._at = path
            self._draw()
            self.post_message(self.Moved())

    def _go_to(self, place: Path) -> None:
        """Go to a position, and unfold the values around it."""
        self._folds = replace(self._folds, found=self._folds.found | containers_of([place]))
        self._at = place
        self.rebuild()
        self.post_message(self.Moved())

    def _continue_search(self, search: Iterator[Path | None] | None) -> None:
        """Run the search until its next pause. Keys that came meanwhile are handled before it continues."""
        if search is not self._running_search:
            return
        if search is not None:
            for place in search:
                if place is None:
                    self.call_later(self._continue_search, search)
                    break
                self._matches.append(place)
            else:
                self._running_search = None
            self._go_to_first_match()
        self.post_message(self.Moved())

    def _go_to_first_match(self) -> None:
        """Go to the first match after the cursor, or to the first of all once the search has ended."""
        if self._has_gone_to_match or not self._matches:
            return
        index = bisect_left(self._matches, self._at)
        if index < len(self._matches) or not self.is_searching:
            self._has_gone_to_match = True
            self._go_to(self._matches[index % len(self._matches)])

    def _draw(self) -> None:
        """Make the visible rows, and repaint those that differ."""
        height = max(self.size.height, 1)
        before = [(path == self._shown_at, line) for path, line in self._shown]
        self._from, self._shown = window(self._folded, self._from, self._at, height)
        self._shown_at = self._at
        after = [(path == self._at, line) for path, line in self._shown]
        for y in range(height):
            if before[y : y + 1] != after[y : y + 1]:
                self.refresh_line(y)
