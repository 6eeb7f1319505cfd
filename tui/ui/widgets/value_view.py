"""One JSON value over a whole page: folding, searched, however large it is.

What lives here: the keys, and a search that lets others have their turn. Only the rows that are seen are ever made,
since a value may have millions; so a place in it is a path, not a number. Which those are is `present.json_window`'s.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from tui.domain.run import Json
from tui.present.json.fold import ALL, FoldedJson, JsonFolds, Path, around
from tui.present.json.window import Shown, moved, visible, window
from tui.present.styled import Piece, Token, mark_hits
from tui.ui.input.keys import bind
from tui.ui.look.painting import Ground
from tui.ui.widgets.lines import GUTTER
from tui.ui.widgets.page import Page

_TEXT_OPEN: Final = JsonFolds(exceptions=frozenset({()}))


class ValueView(Page):
    """A page whose rows are not counted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "turn_fold", "fold, unfold", "Fold or unfold what the cursor is on.", rank=5),
        bind("h,left", "fold", "fold", "Fold what the cursor is in."),
        bind("l,right", "unfold", "unfold", "Unfold what the cursor is on, or go into it."),
        bind("e", "fold_all(False)", "unfold all", "Unfold everything.", rank=30, shown="e E"),
        bind("E", "fold_all(True)", "fold all", "Fold everything."),
        bind("w", "wrap", "wrap", "Wrap what is longer than the screen is wide, or cut it.", rank=35),
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
        self._places: list[Path] = []
        self._looking: Iterator[Path | None] | None = None
        self._is_placed = False

    @property
    def hits(self) -> tuple[int, int] | None:
        """Which match the cursor is on or behind, of how many so far; None: nothing is searched."""
        if not self._needle:
            return None
        return bisect_right(self._places, self._end), len(self._places)

    @property
    def is_looking(self) -> bool:
        """Whether the search goes on."""
        return self._looking is not None

    @property
    def _end(self) -> Path:
        """The end of the row under the cursor: what it says of a value that is folded, or fits, is in it."""
        return self._at if self._folded.step(self._at).is_open else (*self._at, ALL)

    def rebuild(self) -> None:
        """For another width, other folds or other wrapping; the cursor stays, or goes to what it is folded into."""
        width = self.size.width
        if width <= GUTTER:
            return
        folds = replace(self._folds, found=around([self._at]) & self._folds.found) if not self._needle else self._folds
        self._folds = folds
        self._folded = FoldedJson(self._value, folds, width - GUTTER, is_wrapped=self._is_wrapped)
        self._at = visible(self._folded, self._at)
        self._from = visible(self._folded, self._from)
        self._draw()

    def search(self, needle: str) -> None:
        """Look for a text everywhere in the value, a part at a time, and go to the first place from here on."""
        self._needle = needle.casefold()
        self._places = []
        self._is_placed = False
        self._looking = self._folded.find(self._needle) if needle else None
        self._look(self._looking)
        if not needle:
            self.rebuild()
        self.refresh()

    def next_hit(self, step: int) -> None:
        """The next match below (1) or above (-1), around the end."""
        if not self._places:
            return
        index = bisect_right(self._places, self._end) if step > 0 else bisect_left(self._places, self._at) - 1
        self._go_to(self._places[index % len(self._places)])

    def strip_at(self, y: int) -> Strip:
        """The strip of a visible line."""
        if y >= len(self._shown):
            return self.painter.blank(self.size.width)
        path, line = self._shown[y]
        ground, edge = Ground.PAGE, Piece("  ")
        if path == self._at and self.has_focus:
            ground, edge = Ground.CURSOR, Piece("▌ ", Token.ACCENT)
        line = mark_hits(line, self._needle) if self._needle else line
        return self.painter.strip((edge, *line), self.size.width, ground)

    def on_focus(self) -> None:
        """The cursor shows."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor goes."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """To the line under the pointer; a second click folds or unfolds it."""
        if event.y < len(self._shown):
            self._move_to(self._shown[event.y][0])
            if event.chain == 2:
                self.action_turn_fold()

    def action_top(self) -> None:
        """To the first line."""
        self._move_to(visible(self._folded, ()))

    def action_bottom(self) -> None:
        """To the last line."""
        self._move_to(self._folded.last())

    def action_turn_fold(self) -> None:
        """Fold or unfold."""
        step = self._folded.step(self._at)
        if step.is_foldable:
            self._turn(step.path, is_text=step.is_text, is_open=not step.is_open)

    def action_fold(self) -> None:
        """Fold what is open here, else go to what it is in."""
        step = self._folded.step(self._at)
        if step.is_open and step.path:
            self._turn(step.path, is_text=step.is_text, is_open=False)
        elif len(self._at) > 1:
            self._move_to(self._at[:-1])

    def action_unfold(self) -> None:
        """Unfold what is folded here, else go into it."""
        step = self._folded.step(self._at)
        if step.is_open:
            self.action_move(1)
        elif step.is_foldable:
            self._turn(step.path, is_text=step.is_text, is_open=True)

    def action_fold_all(self, closes: bool) -> None:  # noqa: FBT001  Textual hands actions their values by position
        """Fold or unfold everything; long texts stay as they are folded at first."""
        exceptions = _TEXT_OPEN.exceptions if isinstance(self._value, str) else frozenset()
        self._folds = JsonFolds(1 if closes else ALL, exceptions, frozenset())
        self.rebuild()

    def action_wrap(self) -> None:
        """Wrap or cut."""
        self._is_wrapped = not self._is_wrapped
        self.rebuild()
        if self._needle:
            # The lines of a text are others now, and what was found is said by them.
            self.search(self._needle)

    def _turn(self, path: Path, *, is_text: bool, is_open: bool) -> None:
        self._folds = self._folds.turned(path, is_text=is_text, is_open=is_open)
        self.rebuild()

    def _go(self, index: int) -> None:
        """So many rows further, for the wheel and for keys: from the cursor, which is the base's row number 0."""
        self._move_to(moved(self._folded, self._at, index))

    def _move_to(self, path: Path) -> None:
        if path != self._at:
            self._at = path
            self._draw()
            self.post_message(self.Moved())

    def _go_to(self, place: Path) -> None:
        """To a place that may be folded away."""
        self._folds = replace(self._folds, found=self._folds.found | around([place]))
        self._at = place
        self.rebuild()
        self.post_message(self.Moved())

    def _look(self, looking: Iterator[Path | None] | None) -> None:
        """Search on until the next pause; keys that came meanwhile have their turn before it goes on."""
        if looking is not self._looking:
            return
        if looking is not None:
            for place in looking:
                if place is None:
                    self.call_later(self._look, looking)
                    break
                self._places.append(place)
            else:
                self._looking = None
            self._place()
        self.post_message(self.Moved())

    def _place(self) -> None:
        """Go to the first match from where the search began; around the end once there is no other."""
        if self._is_placed or not self._places:
            return
        index = bisect_left(self._places, self._at)
        if index < len(self._places) or not self.is_looking:
            self._is_placed = True
            self._go_to(self._places[index % len(self._places)])

    def _draw(self) -> None:
        """Make the rows that are seen, and paint those that differ."""
        height = max(self.size.height, 1)
        before = [(path == self._shown_at, line) for path, line in self._shown]
        self._from, self._shown = window(self._folded, self._from, self._at, height)
        self._shown_at = self._at
        after = [(path == self._at, line) for path, line in self._shown]
        for y in range(height):
            if before[y : y + 1] != after[y : y + 1]:
                self.refresh_line(y)
