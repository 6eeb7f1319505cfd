"""A value of a run: fetched if it is stored apart, opened in the pager or the editor, or shown on a page of its own."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import PurePath
from typing import Any, ClassVar, Final

from textual.binding import BindingType
from textual.screen import Screen

from tui.api.errors import ApiError
from tui.domain.run import ABSENT, Absent, Json, Run, RunId
from tui.features.copying.words import block_text, file_name, value_text
from tui.features.detail.words import value_of
from tui.features.runs.columns import short_id
from tui.kit.app import AppBase, app_of, call_soon
from tui.kit.keys import READING_BINDINGS, Help, bind
from tui.kit.lines import GUTTER
from tui.kit.live_model import LiveModel
from tui.kit.page import BLANK_LINE, Page, PageLine
from tui.kit.page_screen import PageScreen
from tui.kit.programs import outcome_words, path_of, text_file
from tui.kit.words import without_request
from tui.settings.settings import Settings
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text.json import ALL, FoldedJson, JsonFolds, JsonPath, Shown, containers_of, moved, note_of, visible, window
from tui.text.styled import Line, Piece, Token

# Fetches a payload or an output that the server stores outside the run, when the user opens it.
#
# Its download address is a secret while it is valid, so errors are shown without it.


MAX_BYTES: Final = 20_000_000
"""Twice what Trigger.dev accepts. Decoding more would block the screen."""

_ADDRESS_LIFETIME: Final = timedelta(seconds=240)
"""The server's addresses are valid for 300 s. An older one is requested again."""


async def fetch_value(session: Session, run: Run, label: str) -> tuple[Json | Absent, str]:
    """Return the payload or the output of a run, or `ABSENT` and the reason."""
    try:
        if run.body is None or session.now() - run.body[0].read_at > _ADDRESS_LIFETIME:
            await session.fetcher.fetch_run(run.id, Priority.SELECTED)
            await session.settle()
            run = session.store.get(run.id) or run
        value, _ = value_of(await session.fetcher.fetch_bodies(run, [label], max_bytes=MAX_BYTES), label)
    except ApiError as error:
        return ABSENT, without_request(str(error))
    return value, "" if value is not ABSENT else "no longer on the server"


# The pager and the editor: which program it is, and a text in it while the screen is suspended.


class Reader(Enum):
    """A kind of program that shows a text. The value is its name in sentences."""

    PAGER = "pager"
    EDITOR = "editor"


def command_of(reader: Reader, settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command of the config file, otherwise that of the variables, otherwise the usual one.

    A config file that is not trusted has none. Raises `OSError` where the quotes of a variable do not end.
    """
    is_pager = reader is Reader.PAGER
    command = settings.programs.pager if is_pager else settings.programs.editor
    if not command:
        usual, variables = ("less", ("PAGER",)) if is_pager else ("vi", ("VISUAL", "EDITOR"))
        name = next((each for each in variables if environ.get(each, "").strip()), None)
        try:
            command = (usual,) if name is None else tuple(shlex.split(environ[name]))
        except ValueError as error:
            raise OSError(f"${name} cannot be read ({error})") from None
    if PurePath(command[0]).name == "less":
        # `-+F` undoes the -F of $LESS, with which a short text would be gone at once.
        command = (*command, "-+F")
    return command


async def read_outside(app: AppBase, reader: Reader, name: str, make: Callable[[], str]) -> None:
    """Show the text that `make` returns in the pager or the editor. `name` is that of its file.

    How it failed is said in the messages and the footer.
    """
    try:
        command = command_of(reader, app.session.settings, app.environ)
        path_of(command, app.environ)
        async with text_file(name, make) as path:
            code = await app.run_in_foreground((*command, str(path)))
        if code:
            report(app, f"The {reader.value} failed: {PurePath(command[0]).name}, {outcome_words(code)}")
    except OSError as error:
        report(app, f"The {reader.value} failed: {error.strerror or error}")


def report(app: AppBase, sentence: str) -> None:
    """Put a sentence, without its full stop, into the messages and the footer of the view. Callable in any task."""
    app.messages.add(app.session.now(), f"{sentence}.")

    def notify() -> None:
        from tui.kit.painted import PaintedScreen  # noqa: PLC0415  it imports the clipboard

        if isinstance(app.screen, PaintedScreen):
            app.screen.notice((Piece(sentence, Token.AMBER),))

    call_soon(app, notify)


_BLOCKS: Final = frozenset({"error", "message", "stack"})


def read_value(screen: Screen[Any], run_id: RunId, label: str, value: Json, reader: Reader) -> None:
    """Open one value: an error or a message as it was written, anything else as JSON."""
    is_block = label in _BLOCKS and isinstance(value, str)
    make = partial(block_text, str(value)) if is_block else partial(value_text, value)
    name = file_name(run_id, label, "txt" if is_block else "json")
    app = app_of(screen)
    app.session.spawn(read_outside(app, reader, name, make), f"read the {label} of {run_id}")


# Shows one JSON value of any size on a whole page, with folding and search.
#
# A value may have millions of rows. Only the visible rows are made (`text.json`), and a position is a path in
# the value, not a row number. The search runs in slices, so that keys are handled meanwhile.


_TEXT_OPEN: Final = JsonFolds(exceptions=frozenset({()}))


class ValueView(Page):
    """A page for one JSON value. Its places are paths in the value."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "turn_fold", "fold, unfold", "Fold or unfold the value under the cursor.", rank=5,
             help=Help("move", 160, "fold or unfold")),
        bind("h,left", "fold", "fold", "Fold the value around the cursor."),
        bind("l,right", "unfold", "unfold", "Unfold the value under the cursor, or go into it."),
        bind("e", "fold_all(False)", "unfold all", "Unfold everything.", id="unfold-all", rank=30,
             pair=("unfold-all", "fold-all")),
        bind("E", "fold_all(True)", "fold all", "Fold everything.", id="fold-all"),
        bind("w", "wrap", "wrap", "Wrap long lines, or cut them.", rank=35),
    ]  # fmt: skip

    def __init__(self, value: Json) -> None:
        super().__init__()
        self._value = value
        self._folds = _TEXT_OPEN if isinstance(value, str) else JsonFolds()
        self._is_wrapped = isinstance(value, str)
        self._folded = FoldedJson(value, self._folds, 1)
        self._at: JsonPath = ()
        self._from: JsonPath = ()
        self._shown: Shown = []

    @property
    def place(self) -> JsonPath:
        return self._at

    @property
    def end_place(self) -> JsonPath:
        """The row of a closed value includes all places in it."""
        return self._at if self._folded.step(self._at).is_open else (*self._at, ALL)

    def rebuild(self) -> None:
        """Make the rows again. If the cursor's row is folded away, the cursor moves to the value around it."""
        if (width := self.size.width) <= GUTTER:
            return
        if not self._needle:
            self._folds = replace(self._folds, found=containers_of([self._at]) & self._folds.found)
        self._folded = FoldedJson(self._value, self._folds, width - GUTTER, is_wrapped=self._is_wrapped)
        self._at = visible(self._folded, self._at)
        self._from = visible(self._folded, self._from)
        self._draw()

    def find(self, needle: str) -> Iterator[None]:
        self._matches = []
        if not needle:
            self.rebuild()
            return
        for place in self._folded.find(needle):
            if place is None:
                yield
            else:
                self._matches.append(place)

    def go_to_place(self, place: JsonPath) -> None:
        """Go to a place, and unfold the values around it."""
        self._folds = replace(self._folds, found=self._folds.found | containers_of([place]))
        self._at = place
        self.rebuild()
        self.post_message(self.Moved())

    def _line_at(self, y: int) -> PageLine:
        if y >= len(self._shown):
            return BLANK_LINE
        path, line = self._shown[y]
        return PageLine(line, is_under_cursor=path == self._at)

    def click(self, y: int) -> bool:
        if y < len(self._shown):
            self._move_to(self._shown[y][0])
        return y < len(self._shown)

    def enter(self) -> None:
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

    def _turn(self, path: JsonPath, *, is_text: bool, is_open: bool) -> None:
        self._folds = self._folds.with_fold(path, is_text=is_text, is_open=is_open)
        self.rebuild()

    def _go(self, index: int) -> None:
        """Move by `index` rows. Here the base class always sees the cursor on row 0, so that an index is a distance."""
        self._move_to(moved(self._folded, self._at, index))

    def _move_to(self, path: JsonPath) -> None:
        if path != self._at:
            self._at = path
            self._draw()
            self.post_message(self.Moved())

    def _draw(self) -> None:
        """Make the visible rows, and repaint those that differ."""
        self._from, self._shown = window(self._folded, self._from, self._at, max(self.size.height, 1))
        self._refresh_changed()


# The page that shows one value of a run in full: its payload, its output, or the text of an error.


class ValueScreen(PageScreen):
    """Shows a value. `label` is its name in the detail pane."""

    title_word: ClassVar[str] = "value"
    BINDINGS: ClassVar[list[BindingType]] = [*READING_BINDINGS]

    def __init__(self, live: LiveModel, label: str, run: Run, value: Json) -> None:
        super().__init__(live)
        self._label = label
        self._run = run
        self._value = value
        self._note = note_of(value) if isinstance(value, dict | list | str) else ""
        self.view = ValueView(value)
        self.page = self.view

    def action_read_outside(self, reader: str) -> None:

        read_value(self, self._run.id, self._label, self._value, Reader(reader))

    def left(self) -> Line:
        task = Piece(self._run.fixed.task or "", Token.MUTED)
        return (Piece(f" · {self._label} of ", Token.MUTED), task, Piece("  "), *short_id(self._run.id, Token.FAINT))

    def right(self) -> Line:
        return (Piece(self._note, Token.MUTED),)
