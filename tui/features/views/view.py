"""Saved views: their file, the dialog that saves one, the menu of their letters, and the page that lists them."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePath
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input

from tui.features.actions.words import SILENT_TERMINAL
from tui.features.runs.filters import ValueField, ValueInput
from tui.features.runs.words import band_line, filters_end_line, sentence_line
from tui.kit.app import AppBase, app_of
from tui.kit.colors import Background
from tui.kit.keys import Help, bind
from tui.kit.lines import DialogBorder, Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import PageRow
from tui.kit.page_screen import PageScreen
from tui.kit.painted import LineDialog, PaintedDialog, PaintedScreen, YesNoDialog, question_lines
from tui.kit.state_files import DISK_TIMEOUT_S, VERSION, problem_sentence, read_own, replace_file
from tui.kit.state_files import locked_file as locked
from tui.settings.schema import ViewEntry
from tui.store.addresses import (
    LETTERS,
    AddressError,
    ListedView,
    SavedView,
    TooManyViews,
    is_valid,
    lettered,
    listed_views,
    name_problem,
    named,
    parse_address,
    read_address,
    with_view,
    without_view,
)
from tui.text import formatting
from tui.text.blocks import INDENT
from tui.text.redaction import HOLDS_KEY
from tui.text.styled import Line, Piece, Token, cut, fit, line_width, pad, wrap

# The lines of saved views: the dialog that saves one, the menu of their letters, and the page that lists them.


FROM_FILE: Final = "from the config file"
NO_VIEWS: Final = "No view is saved yet. S saves what a view shows."
READING: Final = "reading the saved views…"

WIDTH: Final = 68
"""Cells of the dialog that saves a view."""

MAX_ADDRESS_LINES: Final = 3
MENU_WIDTH: Final = 76
MENU_EDGES: Final = 6
"""Lines of the menu around the views."""

_MAX_NAME: Final = 28
_MIN_WORDS: Final = 16


# The dialog that saves a view.


def address_lines(words: str, width: int) -> list[Line]:
    """Return the address that is saved, in words and in at most `MAX_ADDRESS_LINES` lines."""
    label = "   opens  "
    room = width - len(label) - INDENT
    rows = wrap(words, room)
    if len(rows) > MAX_ADDRESS_LINES:
        rows = [*rows[: MAX_ADDRESS_LINES - 1], " ".join(rows[MAX_ADDRESS_LINES - 1 :])]
    return [
        (Piece(" " * len(label) if number else label, Token.FAINT), *cut((Piece(row),), room))
        for number, row in enumerate(rows)
    ]


def letter_remark(letter: str, name: str, views: Sequence[SavedView], before: SavedView | None) -> tuple[str, bool]:
    """Return a sentence about the letter and the name that were typed, and whether nothing can be saved so."""
    if problem := collision_with_file(letter, name, views):
        return problem, True
    if taken := collisions(letter, name, views, before):
        return taken[0].remark, False
    if letter:
        return f"' and {letter} will open it.", False
    return "' and its letter open it, :views lists all.", False


def collision_with_file(letter: str, name: str, views: Sequence[SavedView]) -> str:
    """Return why the config file prevents this letter or name, as a sentence; empty if it does not."""
    configured = [view for view in views if view.is_configured]
    if letter and (other := lettered(configured, letter)) is not None:
        return f"{letter} opens “{other.name}” of the config file: choose another letter."
    if name and (other := named(configured, name)) is not None:
        return f"The config file has a view “{other.name}”: choose another name."
    return ""


class Collision(NamedTuple):
    """What another view would lose: a remark while it is typed, then a question and what follows from `y`."""

    remark: str
    question: str
    consequence: str
    answer: str


def collisions(letter: str, name: str, views: Sequence[SavedView], before: SavedView | None) -> list[Collision]:
    """Return what other own views would lose by this letter and name: their place, their letter."""
    own = [view for view in views if not view.is_configured and (before is None or view.name != before.name)]
    found = []
    if name and (other := named(own, name)) is not None:
        remark = f"There is a view “{other.name}” already."
        gone = "What it opens now is then saved nowhere."
        if other.letter and other.letter != letter:
            gone += f" Its letter {other.letter} then opens nothing."
        found.append(Collision(remark, f"Replace the view “{other.name}”?", gone, "replace"))
    if letter and (other := lettered(own, letter)) is not None and other.name.casefold() != name.casefold():
        remark = f"{letter} opens “{other.name}” now."
        stays = f"“{other.name}” stays, without a letter."
        found.append(Collision(remark, f"Take the letter {letter} from “{other.name}”?", stays, "take it"))
    return found


# The menu of letters.


def menu_lines(views: Sequence[ListedView], cursor: int, top: int, size: tuple[int, int], note: str) -> list[Line]:
    """Return the menu: the views from `top` on, with their letters. `size` is that of the menu in cells and lines."""
    width, rows = size
    names = name_width(views, width)
    lines: list[Line] = [(), (Piece("   Open a view", Token.BRIGHT, is_bold=True),), ()]
    for number, listed in enumerate(views[top : top + rows], top):
        is_here = number == cursor
        edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
        lines.append(cut((edge, *_columns(listed, names, is_here=is_here)), width))
    below = len(views) - top - rows
    usual = f"a letter opens its view   ↑ ↓ Enter{f'   {below} below' if below > 0 else ''}" if views else NO_VIEWS
    return [*lines, (), cut((Piece(f"   {note or usual}", Token.TEXT if note else Token.MUTED),), width), ()]


def unknown_letter(letter: str) -> str:
    """Return the sentence about a letter that no view has."""
    return f"No view has the letter {letter}. :views shows all, Esc closes."


# The page of all views.


def view_lines(listed: ListedView, names: int, width: int) -> list[Line]:
    """Return a view in one line of at most `width` cells, and below it what is wrong about it."""
    source: Line = (Piece(f"  {FROM_FILE}", Token.FAINT),) if listed.view.is_configured else ()
    room = width - line_width(source)
    line = (*fit(_columns(listed, names), room), *source) if source else cut(_columns(listed, names), room)
    remarks = wrap(f"{listed.remark}.", max(20, width - 3)) if listed.remark else []
    return [line, *((Piece("   "), Piece(row, Token.AMBER)) for row in remarks)]


def _columns(listed: ListedView, names: int, *, is_here: bool = False) -> Line:
    view = listed.view
    letter = Piece(f"{view.letter or ' '}  ", Token.ACCENT, is_bold=True)
    name = fit((Piece(view.name, Token.BRIGHT if is_here else Token.TEXT, is_bold=is_here),), names)
    return (letter, *name, Piece("  "), Piece(listed.words, Token.MUTED))


def name_width(views: Sequence[ListedView], width: int) -> int:
    """Return the cells for the names of all views."""
    longest = max((line_width((Piece(each.view.name),)) for each in views), default=0)
    return max(1, min(longest, _MAX_NAME, width - _MIN_WORDS))


# Saved views: their file, the dialog that saves one, the menu of their letters, and the page that lists them.


# Keeps the user's own views in one file of the state directory, and lists them together with those of the config file.
#
# Each change reads the file again under a lock, so that two programs do not lose each other's views. What cannot be
# decoded is reported and left alone; the next change first moves the file aside.


MAX_BYTES: Final = 2 * 1024 * 1024
"""All views with the longest addresses need less."""

MAX_ASIDE: Final = 100
"""Damaged files that are kept. With more of them, nothing is saved."""

T = TypeVar("T")
ViewChange = Callable[[Sequence[SavedView]], tuple[SavedView, ...]]


class ReadViews(NamedTuple):
    """The own views of the file.

    * `problem`: why not all of it was read, or why nothing was changed, as a sentence; None if all is well
    * `remark`: what else has happened, as a sentence
    """

    views: tuple[SavedView, ...]
    problem: str | None = None
    remark: str = ""


class ViewFile:
    """The file with the own views of one user."""

    def __init__(self, state_dir: PurePath) -> None:
        self.path = Path(state_dir) / "views.json"

    async def read(self) -> ReadViews:
        """Return the views, as many as can be read."""
        return await self._in_thread(self._read, "The saved views cannot be read")

    async def change(self, change: ViewChange) -> ReadViews:
        """Change the views in the file, and return them. A `problem` says that they are as before."""
        return await self._in_thread(lambda: self._change(change), "The views cannot be saved")

    async def _in_thread(self, work: Callable[[], ReadViews], what: str) -> ReadViews:
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                return await asyncio.to_thread(work)
        except TimeoutError:
            return ReadViews((), f"{what} in {self.path}: the disk does not answer.")
        except TooManyViews:
            return ReadViews((), f"{what}: there are as many as fit. :views deletes some.")
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            return ReadViews((), problem_sentence(self.path, f"{what} in {self.path}", reason))

    def _read(self) -> ReadViews:
        content = read_own(self.path, MAX_BYTES)
        if content is None:
            return ReadViews(())
        views, is_whole = _decode(content)
        problem = f"The saved views in {self.path} are ignored in part: this version did not write all of it."
        if not views and not is_whole:
            problem = f"The saved views in {self.path} are ignored: this version did not write them."
        return ReadViews(views, None if is_whole else problem)

    def _change(self, change: ViewChange) -> ReadViews:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.path.with_suffix(".lock")):
            content = read_own(self.path, MAX_BYTES)
            views, is_whole = ((), True) if content is None else _decode(content)
            changed = change(views)
            aside = None if is_whole else self._move_aside()
            replace_file(self.path, _encode(changed))
        remark = "" if aside is None else f"What could not be read of the saved views is kept in {aside}."
        return ReadViews(changed, remark=remark)

    def _move_aside(self) -> Path:
        for number in range(1, MAX_ASIDE + 1):
            aside = self.path.with_name(f"views.damaged-{number}.json")
            if not aside.exists():
                self.path.rename(aside)
                return aside
        raise OSError(None, f"there are {MAX_ASIDE} damaged files beside it")


class KnownViews:
    """The own views and those of the config file, as they were read last. Another program may change the own ones."""

    def __init__(self, state_dir: PurePath, configured: Callable[[], Sequence[ViewEntry]]) -> None:
        self.file = ViewFile(state_dir)
        self.on_remark: Callable[[str], None] = lambda _: None
        """Called with a sentence about the file."""
        self._configured = configured
        self.listed: tuple[ListedView, ...] = ()
        """All views by their names."""

    @property
    def views(self) -> tuple[SavedView, ...]:
        """All views."""
        return tuple(each.view for each in self.listed)

    async def load(self) -> str | None:
        """Read the views. Return a sentence if not all of them could be read."""
        read = await self.file.read()
        await self._list(read.views)
        return read.problem

    async def problems_of_file(self) -> list[str]:
        """Return what is wrong about the views of the config file, as sentences."""
        await self.load()
        wrong = [each for each in self.listed if each.view.is_configured and each.remark]
        return [f"The view “{each.view.name}” of the config file: {each.remark}." for each in wrong]

    async def change(self, change: ViewChange) -> str | None:
        """Change the own views. Return a sentence if that failed."""
        changed = await self.file.change(change)
        if changed.problem is None:
            await self._list(changed.views)
        if changed.remark:
            self.on_remark(changed.remark)
        return changed.problem

    async def _list(self, own: Sequence[SavedView]) -> None:
        entries = self._configured()
        configured = [SavedView(each.name, each.address, each.letter, is_configured=True) for each in entries]
        # In a thread: the addresses of 200 views take 20 ms to parse.
        self.listed = await asyncio.to_thread(listed_views, (*configured, *own))


def _encode(views: Sequence[SavedView]) -> bytes:
    saved = [{"name": view.name, "address": view.address, "letter": view.letter} for view in views]
    return (json.dumps({"version": VERSION, "views": saved}, indent=1) + "\n").encode("ascii")


def _decode(content: bytes) -> tuple[tuple[SavedView, ...], bool]:
    """Return the views that can be decoded, and whether that is the whole content."""
    try:
        saved = json.loads(content)
    except (ValueError, RecursionError):
        return (), False
    if not isinstance(saved, dict) or saved.get("version") != VERSION or not isinstance(saved.get("views"), list):
        return (), False
    views = tuple(view for each in saved["views"] if (view := _view(each)) is not None)
    return views, len(views) == len(saved["views"])


def _view(saved: Any) -> SavedView | None:
    """Decode one view; None if it is none."""
    if not isinstance(saved, dict) or set(saved) != {"name", "address", "letter"}:
        return None
    if not all(isinstance(value, str) for value in saved.values()):
        return None
    view = SavedView(**saved)
    return view if is_valid(view) else None


def known_views_of(app: AppBase) -> KnownViews:
    """Return the views that are saved under names."""

    def make() -> KnownViews:
        session = app.session
        views = KnownViews(session.settings.state_dir, lambda: session.settings.views)
        views.on_remark = lambda text: app.messages.add(session.now(), text)
        return views

    return app.part(KnownViews, make)


# Saved views: the dialog that saves one, the menu of their letters, and the page that lists them.


# The menu behind `'`: a letter opens its view.


class LetterMenu(LineDialog[SavedView]):
    """Returns the chosen view. A letter that is typed before the views are read waits for them."""

    CSS_PATH = "views.tcss"
    cells = MENU_WIDTH
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
        self._is_read = False
        self._typed = ""
        self._note = READING
        self._cursor = self._top = 0

    def on_mount(self) -> None:
        app_of(self).session.spawn(self._load(), "read the saved views")

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.is_printable:
            event.stop()
            self._type(event.character)

    def action_move(self, lines: int) -> None:
        self._cursor = max(0, min(self._cursor + lines, len(self._views) - 1))
        self.draw()

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
        self.draw()

    async def _load(self) -> None:
        self.app.call_later(self._show_read, await self._known.load())

    def _show_read(self, problem: str | None) -> None:
        if self.is_attached:
            self._is_read, self._note = True, problem or ""
            self.draw()
            if self._typed:
                self._type(self._typed)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        views, rows = self._views, max(1, height - MENU_EDGES)
        self._top = max(0, min(self._top, self._cursor), self._cursor - rows + 1)
        return menu_lines(views, self._cursor, self._top, (width, rows), self._note)


# A question about saved views.


class ViewQuestion(YesNoDialog):
    """Asks whether a saved view may be replaced or deleted. `sentences` say what follows from it."""

    CSS_PATH = "views.tcss"
    word = "yes"
    cells = 60
    keep = "Keep"

    def __init__(self, question: str, sentences: Sequence[str], agreement: str) -> None:
        super().__init__()
        self._question = question
        self._sentences = sentences
        self.agreement = agreement

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  it is low
        limit = width - 2 * INDENT
        said = (*self._sentences, *([SILENT_TERMINAL] if self.is_silent else []))
        return question_lines(self._question, said, self.answers(limit), limit)


# The dialog that saves a view under a name and a letter, or changes the name and the letter of one.


READ_TIMEOUT_S: Final = 1.0
"""Enter waits this long for the saved views, to say which of them would be replaced."""


class SaveView(PaintedDialog[SavedView]):
    """Returns the view to save. `shown` is its address in words, `before` the own view that is changed."""

    CSS_PATH = "views.tcss"
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [bind("escape", "leave", "back", "Close without saving.", id="back")]

    def __init__(self, known: KnownViews, address: str, shown: str, before: SavedView | None = None) -> None:
        super().__init__()
        self._known = known
        self._address = address
        self._shown = shown
        self._before = before
        self._is_read = asyncio.Event()
        self._wrong = ""
        name = ValueInput("" if before is None else before.name, placeholder="a name for the view")
        letter = ValueInput("" if before is None else before.letter, placeholder="none")
        letter.restrict, letter.max_length = r"[A-Za-z0-9]*", 2  # a second one replaces the first
        self._name_field, self._letter_field = ValueField("name", name), ValueField("letter", letter)
        self._band = Lines(Background.BAND, classes="band")
        self._rest = Lines(Background.DIALOG, id="rest")

    def compose(self) -> ComposeResult:
        with Vertical(id="save-view", classes="ruled" if self._band.painter.needs_rules else ""):
            yield DialogBorder(classes="left")
            yield DialogBorder(classes="right")
            yield self._band
            yield Lines(Background.DIALOG, classes="gap")
            yield self._name_field
            yield self._letter_field
            yield self._rest

    def on_mount(self) -> None:
        self._name_field.input.focus()
        self._name_field.input.cursor_position = len(self._name_field.input.value)
        app_of(self).session.spawn(self._load(), "read the saved views")

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._wrong = ""
        if len(self._letter_field.input.value) > 1:
            self._letter_field.input.put(self._letter_field.input.value[-1])
        self._show()

    async def action_apply(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_TIMEOUT_S):
                await self._is_read.wait()
        view, views = self._typed, self._known.views
        collision = collision_with_file(view.letter, view.name, views)
        self._wrong = name_problem(view.name) or self._key_problem(view) or collision
        if view.letter and view.letter not in LETTERS:
            self._wrong = self._wrong or "A letter is one of a to z, A to Z and 0 to 9."
        if self._wrong:
            self._show()
        elif taken := collisions(view.letter, view.name, views, self._before):
            first, *others = taken
            said = (first.consequence, *(f"{each.remark} {each.consequence}" for each in others))
            question = ViewQuestion(first.question, said, first.answer)
            _ask(self, question, lambda _: self.dismiss(view))
        else:
            self.dismiss(view)

    def _key_problem(self, view: SavedView) -> str:
        found = app_of(self).session.secrets.finds
        where = "name" if found(view.name) else "address" if found(view.address) else ""
        return where and f"This {where} is not saved: {HOLDS_KEY}."

    def action_leave(self) -> None:
        self.dismiss(None)

    @property
    def _typed(self) -> SavedView:
        return SavedView(self._name_field.input.value.strip(), self._address, self._letter_field.input.value.strip())

    async def _load(self) -> None:
        await self._known.load()
        self._is_read.set()
        self.app.call_later(self._show)

    def _show(self) -> None:
        width = self._band.size.width
        if not width or not self.is_attached:
            return
        needs_rules = self._band.painter.needs_rules
        title = "save this view" if self._before is None else "rename the view"
        remark = "yours, in every environment"
        self._band.show([band_line(width, needs_rules=needs_rules, title=title, remark=remark)])
        view = self._typed
        text, is_wrong = letter_remark(view.letter, view.name, self._known.views, self._before)
        save: Line = (Piece("   "), Piece(" Save ", Token.BUTTON), Piece("  Enter", is_bold=True))
        back = (Piece("Esc", is_bold=True), Piece(" back", Token.FAINT), Piece("   "))
        lines = [
            (),
            *address_lines(self._shown, width),
            sentence_line(self._wrong or text, is_wrong=is_wrong or bool(self._wrong)),
            (),
            (*save, *pad(back, width - line_width(save), "right")),
            filters_end_line(width, needs_rules=needs_rules),
        ]
        self._rest.styles.height = len(lines)
        self._rest.show(lines)


# The page `:views`: all saved views, to open, rename and delete.


class ViewsScreen(PageScreen):
    """Lists the views. `open_view` opens one, after the page is closed."""

    title_word: ClassVar[str] = "views"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open", "Open the view under the cursor.", id="open", rank=5),
        bind("R", "rename_view", "rename", "Change the name or the letter of the view.", rank=6,
             help=Help("find", 90, "rename, delete a view", ("rename-view", "delete-view"))),
        bind("D", "delete_view", "delete", "Delete the view, after a question.", rank=7),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, known: KnownViews, open_view: Callable[[SavedView], None]) -> None:
        self._known = known
        self._open_view = open_view
        self._is_read = False
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        views = self._known.listed
        if not self._is_read:
            return [PageRow(()), PageRow((Piece(READING, Token.MUTED),))]
        if not views:
            return [PageRow(()), PageRow((Piece(NO_VIEWS, Token.MUTED),))]
        names = name_width(views, width)
        return [
            PageRow(line, key=(each.view.name, each.view.is_configured, number), action=each)
            for each in views
            for number, line in enumerate(view_lines(each, names, width))
        ]

    def left(self) -> Line:
        return (Piece(" · yours, in every environment", Token.MUTED),)

    def right(self) -> Line:
        return (Piece(formatting.plural(len(self._known.listed), "view"), Token.TEXT),) if self._is_read else ()

    def begin(self) -> None:
        self.live.session.spawn(self._load(), "read the saved views")

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:  # noqa: ARG002  as of its base
        view = self._view
        if action in {"rename_view", "delete_view"}:
            return view is not None and not view.is_configured
        return action != "enter" or view is not None

    def on_page_moved(self) -> None:
        self.refresh_bindings()

    def on_page_entered(self) -> None:
        self.action_enter()

    @property
    def _view(self) -> SavedView | None:
        """The view under the cursor."""
        row = self.page.row
        return row.action.view if row is not None and isinstance(row.action, ListedView) else None

    def action_enter(self) -> None:
        if (view := self._view) is not None:
            self.dismiss(None)
            self._open_view(view)

    def action_rename_view(self) -> None:
        if (view := self._own_view("renamed")) is None:
            return
        shown = next(each.words for each in self._known.listed if each.view == view)
        dialog = SaveView(self._known, view.address, shown, view)
        _ask(self, dialog, lambda new: self._change(lambda own: with_view(own, new, instead_of=view.name)))

    def action_delete_view(self) -> None:
        if (view := self._own_view("deleted")) is None:
            return
        letter = (f"The letter {view.letter} is then free.",) if view.letter else ()
        question = ViewQuestion(f"Delete the view “{view.name}”?", letter, "delete")
        _ask(self, question, lambda _: self._change(lambda own: without_view(own, view.name)))

    def _own_view(self, verb: str) -> SavedView | None:
        view = self._view
        if view is not None and view.is_configured:
            self._say(f"“{view.name}” is {verb} in the config file alone")
            return None
        return view

    def _change(self, change: ViewChange) -> None:
        async def run() -> None:
            self.app.call_later(self._show_read, await self._known.change(change))

        self.live.session.spawn(run(), "save the views")

    async def _load(self) -> None:
        self.app.call_later(self._show_read, await self._known.load())

    def _show_read(self, problem: str | None) -> None:
        if problem is not None:
            self.app_base.messages.add(self.live.session.now(), problem)
        if self.is_attached:
            if not self._is_read:
                self.page.start_over()
            self._is_read = True
            self.page.rebuild()
            self.show_rule()
            self.refresh_bindings()
            if problem is not None:
                self._say(problem)

    def _say(self, text: str) -> None:
        self.footer.notice((Piece(text, Token.BRIGHT),))


# What the keys and commands of saved views do: save what is shown, open one by its letter, list all.


def _ask(screen: Screen[Any], dialog: PaintedDialog[T], then: Callable[[T], object]) -> None:
    """Open a dialog, and use what it returns unless the user left it."""

    def use(result: T | None) -> None:
        if result:
            then(result)

    screen.app.push_screen(dialog, use)


def ask_to_save(screen: Screen[Any]) -> None:
    """Ask for a name and a letter, and save what the screen shows."""
    app = app_of(screen)
    address = app.address_of(screen)
    try:
        parse_address(str(address))
    except AddressError as error:
        _notice(screen, f"this view cannot be saved: {error}")
        return
    if app.session.secrets.finds(str(address)):
        _notice(screen, f"this view cannot be saved: {HOLDS_KEY}")
        return
    dialog = SaveView(known_views_of(app), str(address), address.words)
    _ask(screen, dialog, lambda view: app.session.spawn(_save(screen, view), "save a view"))


def ask_for_letter(app: AppBase) -> None:
    """Open the menu of letters, and the view that is chosen there."""
    _ask(app.screen, LetterMenu(known_views_of(app)), partial(open_saved, app))


def show_views(screen: Screen[Any]) -> None:
    """Show the page of all views."""
    app = app_of(screen)
    app.push_screen(ViewsScreen(app.live, known_views_of(app), partial(open_saved, app)))


def open_saved(app: AppBase, view: SavedView) -> None:
    """Open a saved view, and say which, or what of it does not fit."""
    read = read_address(view.address)
    problems = list(read.problems)
    said = f"view “{view.name}”"  # a notice about the view before would seem to be about this one
    if read.address is not None and (problem := app.show_address(read.address)) is not None:
        problems.append(problem)
    if problems:
        how = "cannot be shown" if read.address is None else "shown in part"
        text = "; ".join(problems)
        app.messages.add(app.session.now(), f"The view “{view.name}” {'is ' if read.address else ''}{how}: {text}.")
        said = f"{how}: {text}"
    _notice(app.screen, said)


async def _save(screen: Screen[Any], view: SavedView) -> None:
    app = app_of(screen)
    problem = await known_views_of(app).change(lambda own: with_view(own, view))
    if problem is not None:
        app.messages.add(app.session.now(), problem)
    opens = f"' {view.letter} opens it" if view.letter else ":views opens it"
    app.call_later(_notice, screen, problem or f"saved “{view.name}”: {opens}")


def _notice(screen: Screen[Any], text: str) -> None:
    if isinstance(screen, PaintedScreen) and screen.is_attached:
        screen.notice((Piece(text, Token.BRIGHT),))
