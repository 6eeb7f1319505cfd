"""Saved views: their file, the dialog that saves one, the menu of their letters, and the page that lists them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import field, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input

from tui.domain.text import clean
from tui.features.actions.words import SILENT_TERMINAL
from tui.features.runs.filters import ValueField, ValueInput
from tui.features.runs.words import band_line, sentence_line
from tui.kit import painted
from tui.kit.app import AppBase, app_of
from tui.kit.colors import Background
from tui.kit.keys import Help, bind
from tui.kit.lines import Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import PageRow
from tui.kit.page_screen import PageScreen
from tui.kit.state_files import STRANGE, StateFile, locked_file
from tui.lazy_dataclass import dataclass
from tui.settings.schema import ViewEntry
from tui.store.addresses import MAX_CHARS, AddressError, parse_address, read_address
from tui.text import formatting
from tui.text.blocks import INDENT
from tui.text.redaction import HOLDS_KEY
from tui.text.styled import Line, Piece, Token, cut, fit, line_width, pad, wrap

# Saved views: an address under a name and a letter. The user's own views can be changed; those of the config file are
# only listed.


MAX_VIEWS: Final = 200
MAX_NAME_CHARS: Final = 60
LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view that was saved by the user, or that the config file defines.

    * `address`: as it was saved, perhaps by another version; `read_address` reads it
    * `letter`: opens the view when it is typed after `'`; empty: the view has no letter
    * `words`: the words of the address, once the view is listed
    * `remark`: what is wrong about the view when it is listed; empty if nothing is
    """

    name: str
    address: str
    letter: str = ""
    is_configured: bool = False
    words: str = field(default="", compare=False)
    remark: str = field(default="", compare=False)


def name_problem(name: str) -> str:
    """Return why a view cannot have this name, as a sentence; empty if it can."""
    if not name:
        return "A view needs a name."
    if len(name) > MAX_NAME_CHARS:
        return f"A name has at most {MAX_NAME_CHARS} characters."
    return "" if clean(name) == name and name == name.strip() else "This name has characters that cannot be shown."


def named(views: Iterable[SavedView], name: str) -> SavedView | None:
    """Return the view with a name. Case does not matter."""
    return next((view for view in views if view.name.casefold() == name.casefold()), None)


def lettered(views: Iterable[SavedView], letter: str) -> SavedView | None:
    """Return the view that a letter opens. If two views have the letter, it opens that of the config file."""
    found = [view for view in views if view.letter == letter]
    return next((view for view in found if view.is_configured), found[0] if found else None)


def with_view(views: Sequence[SavedView], view: SavedView, instead_of: str = "") -> tuple[SavedView, ...]:
    """Return the views with one more, or with it in place of the view that has another name. If another view has its
    letter, that view loses it.
    """
    gone = {view.name.casefold(), (instead_of or view.name).casefold()}
    # A dict keeps the first of equal keys: the view stands where the first one stood that it replaces.
    kept = dict.fromkeys((*(view if each.name.casefold() in gone else each for each in views), view))
    return tuple(replace(each, letter="") if each.letter == view.letter and each is not view else each for each in kept)


def listed_views(views: Sequence[SavedView]) -> tuple[SavedView, ...]:
    """Return all views by their names, with their words and what is wrong about them."""
    by_name = sorted(views, key=lambda view: (view.name.casefold(), view.name, not view.is_configured))
    return tuple(_listed(view, views) for view in by_name)


def _listed(view: SavedView, views: Sequence[SavedView]) -> SavedView:
    read = read_address(view.address)
    problems = [*read.problems[:1]]
    if view.letter and (other := lettered(views, view.letter)) is not None and other is not view:
        problems.append(f"{view.letter} opens “{other.name}”{' of the config file' if other.is_configured else ''}")
    words = view.address if read.address is None else read.address.words
    return replace(view, words=words, remark="; ".join(problems))


NO_VIEWS: Final = "No view is saved yet. S saves what the screen shows as a view."
READING: Final = "reading the saved views…"
MAX_ADDRESS_LINES: Final = 3
MENU_EDGES: Final = 6
"""Lines of the menu around the views."""

_MAX_NAME: Final = 28
_MIN_WORDS: Final = 16


class Collision(NamedTuple):
    """What another view would lose: the remark while the user types, then the question and the effect of `y`."""

    remark: str
    question: str
    consequence: str
    answer: str


def collisions(view: SavedView, views: Sequence[SavedView], before: SavedView) -> list[Collision]:
    """Return what other own views would lose to a view with the same name or letter: their place, or their letter."""
    own = [each for each in views if not each.is_configured and each.name != before.name]
    found = []
    if view.name and (other := named(own, view.name)) is not None:
        remark = f"There is a view “{other.name}” already."
        gone = "What it opens now will be lost."
        if other.letter and other.letter != view.letter:
            gone += f" Its letter {other.letter} will be free."
        found.append(Collision(remark, f"Replace the view “{other.name}”?", gone, "replace"))
    other = lettered(own, view.letter) if view.letter else None
    if other is not None and other.name.casefold() != view.name.casefold():
        remark = f"{view.letter} opens “{other.name}” now."
        stays = f"“{other.name}” is kept, without a letter."
        found.append(Collision(remark, f"Take the letter {view.letter} from “{other.name}”?", stays, "take it"))
    return found


def columns_of(view: SavedView, names: int, *, is_here: bool = False) -> Line:
    """Return the letter, the name in `names` cells, and the words of a view."""
    letter = Piece(f"{view.letter or ' '}  ", Token.ACCENT, is_bold=True)
    name = fit((Piece(view.name, Token.BRIGHT if is_here else Token.TEXT, is_bold=is_here),), names)
    return (letter, *name, Piece("  "), Piece(view.words, Token.MUTED))


def name_width(views: Sequence[SavedView], width: int) -> int:
    """Return the cells for the names of all views."""
    longest = max((line_width((Piece(each.name),)) for each in views), default=0)
    return max(1, min(longest, _MAX_NAME, width - _MIN_WORDS))


# Keeps the user's own views in one file of the state directory, and lists them together with those of the config file.
#
# Each change reads the file again under a lock, so that two programs do not lose each other's views. A file that cannot
# be decoded is reported and left alone; the next change first moves it aside.


MAX_ASIDE: Final = 100
"""At most this many damaged files are kept. With more of them, nothing is saved."""

T = TypeVar("T")
ViewChange = Callable[[Sequence[SavedView]], tuple[SavedView, ...]]


class KnownViews(StateFile[tuple[SavedView, ...]]):
    """The file of the user's own views, which another program may change, and those of the config file.

    `report` is called with a sentence about the file.
    """

    max_bytes = 2 * 1024 * 1024
    """All views with the longest addresses need less."""

    def __init__(self, state_dir: PurePath, configured: Callable[[], Sequence[ViewEntry]]) -> None:
        super().__init__(Path(state_dir) / "views.json", "views", tuple)
        self._configured = configured
        self._is_whole = True
        self.views: tuple[SavedView, ...] = ()
        """All views by their names."""

    async def reload(self) -> str | None:
        """Read the views, as many as can be read. Return a sentence if these are not all."""
        await self._list(await self.load())
        return self.failure

    async def problems_of_file(self) -> list[str]:
        """Return what is wrong about the views of the config file, as sentences."""
        await self.reload()
        wrong = [each for each in self.views if each.is_configured and each.remark]
        return [f"The view “{each.name}” of the config file: {each.remark}." for each in wrong]

    async def edit(self, change: ViewChange) -> str | None:
        """Change the user's own views. If that fails, they stay as before, and a sentence about it is returned."""
        changed: list[SavedView] = []
        aside: list[Path] = []

        def edited() -> tuple[SavedView, ...]:
            try:
                own = self.parse()
            except STRANGE:
                own, self._is_whole = (), False
            changed[:] = change(own)
            if len(changed) > MAX_VIEWS:
                raise OSError(None, f"there are already {MAX_VIEWS}. :views deletes some")
            if not self._is_whole:
                aside.append(self._move_aside())
            return tuple(changed)

        await self.change(edited)
        if self.failure is None:
            await self._list(changed)
        for path in aside:
            self.report(f"The part of the saved views that could not be read is kept in {path}.")
        return self.failure

    def lock(self) -> AbstractContextManager[None]:
        return locked_file(self.path.with_suffix(".lock"))

    def read(self) -> tuple[SavedView, ...]:
        views = super().read()
        if not self._is_whole:
            self.failure = f"Some of the saved views in {self.path} are ignored: this version cannot read them."
        return views

    def parse(self) -> tuple[SavedView, ...]:
        self._is_whole = True
        return super().parse()

    def decode(self, saved: Any) -> tuple[SavedView, ...]:
        if not isinstance(saved["views"], list):
            raise TypeError
        views = tuple(view for each in saved["views"] if (view := _view(each)) is not None)
        self._is_whole = len(views) == len(saved["views"])
        return views

    def encode(self, value: tuple[SavedView, ...]) -> dict[str, Any]:
        return {"views": [{"name": each.name, "address": each.address, "letter": each.letter} for each in value]}

    def _move_aside(self) -> Path:
        for number in range(1, MAX_ASIDE + 1):
            aside = self.path.with_name(f"views.damaged-{number}.json")
            if not aside.exists():
                self.path.rename(aside)
                return aside
        raise OSError(None, f"there are already {MAX_ASIDE} damaged files next to it")

    async def _list(self, own: Sequence[SavedView]) -> None:
        entries = self._configured()
        configured = [SavedView(each.name, each.address, each.letter, is_configured=True) for each in entries]
        # Use a thread: parsing the addresses of 200 views takes 20 ms.
        self.views = await asyncio.to_thread(listed_views, (*configured, *own))


def _view(saved: Any) -> SavedView | None:
    """Decode one view. Return None if it is not a view, or too large. Its address may still be invalid."""
    if not isinstance(saved, dict) or saved.keys() != {"name", "address", "letter"}:
        return None
    if not all(isinstance(value, str) for value in saved.values()):
        return None
    view = SavedView(**saved)
    has_bounds = 0 < len(view.name) <= MAX_NAME_CHARS and 0 < len(view.address) <= MAX_CHARS
    return view if has_bounds and (not view.letter or view.letter in LETTERS) else None


def known_views_of(app: AppBase) -> KnownViews:
    """Return the views that are saved under names."""

    def make() -> KnownViews:
        session = app.session
        views = KnownViews(session.settings.state_dir, lambda: session.settings.views)
        views.report = lambda text: app.messages.add_once(session.now(), text)
        return views

    return app.part(KnownViews, make)


# The menu behind `'`: a letter opens its view.


class LetterMenu(painted.ListDialog[SavedView, SavedView]):
    """Returns the chosen view. A letter that is typed before the views are read waits for them."""

    cells = 76
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "close", "back", "Open no view.", id="back"),
        bind("enter", "choose", "open", "Open the view under the cursor.", id="open-chosen"),
        bind("down", "move(1)", "down", "Move one line down.", id="next-view"),
        bind("up", "move(-1)", "up", "Move one line up.", id="previous-view"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._known = known_views_of(self.app_base)
        self._is_read = False
        self._typed = ""
        self.note = READING

    def on_mount(self) -> None:
        app_of(self).session.spawn(self._load(), "read the saved views")

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.is_printable:
            event.stop()
            self._type(event.character)

    def choose(self, item: SavedView) -> None:
        self.dismiss(item)

    def _type(self, character: str) -> None:
        view = lettered(self._known.views, character) if character in LETTERS else None
        if not self._is_read:
            self._typed = character
        elif view is not None:
            self.dismiss(view)
        else:
            self.say_instead(f"No view has the letter {character}. :views shows all, Esc closes.")

    async def _load(self) -> None:
        self.app.call_later(self._show_read, await self._known.reload())

    def _show_read(self, problem: str | None) -> None:
        if self.is_attached:
            self._is_read = True
            # Sort by letter. Views without a letter are last.
            self.items = sorted(self._known.views, key=lambda each: (not each.letter, each.letter.casefold()))
            self.say_instead(problem or "")
            if self._typed:
                self._type(self._typed)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        names, rows = name_width(self.items, width), max(1, height - MENU_EDGES)
        lines: list[Line] = [(), (Piece("   Open a view", Token.BRIGHT, is_bold=True),), ()]
        for number, view in self.shown_items(rows):
            is_here = number == self.cursor
            edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
            lines.append(cut((edge, *columns_of(view, names, is_here=is_here)), width))
        below = len(self.items) - self.top - rows
        more = f"   {below} more below" if below > 0 else ""
        usual = f"a letter opens its view   ↑ ↓ Enter{more}" if self.items else NO_VIEWS
        last = Piece(f"   {self.note or usual}", Token.TEXT if self.note else Token.MUTED)
        return [*lines, (), cut((last,), width), ()]


# A question about saved views.


class ViewQuestion(painted.YesNoDialog):
    """Asks whether a saved view may be replaced or deleted. `sentences` name the consequences."""

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
        said = (*self._sentences, *([SILENT_TERMINAL] if self.answer.is_silent else []))
        return painted.question_lines(self._question, said, self.answers(limit), limit)


# The dialog that saves a view under a name and a letter, or changes the name and the letter of one.


READ_TIMEOUT_S: Final = 1.0
"""Enter waits this long for the saved views, to say which of them would be replaced."""


class SaveView(painted.FormDialog[SavedView]):
    """Returns the view to save. `before` is the own view that is changed, or one without a name."""

    CSS_PATH: ClassVar[list[str | Path]] = [painted.FORM_CSS, "views.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [bind("escape", "leave", "back", "Close without saving.", id="back")]

    def __init__(self, before: SavedView) -> None:
        super().__init__()
        self._known = known_views_of(self.app_base)
        self._before = before
        self._is_read = asyncio.Event()
        self._wrong = ""
        name = ValueInput(before.name, placeholder="a name for the view")
        letter = ValueInput(before.letter, placeholder="none")
        letter.restrict, letter.max_length = r"[A-Za-z0-9]*", 2  # a second one replaces the first
        self._name_field, self._letter_field = ValueField("name", name), ValueField("letter", letter)

    def parts(self) -> ComposeResult:
        yield Lines(Background.DIALOG, classes="gap")
        yield self._name_field
        yield self._letter_field
        yield self.remarks

    def on_mount(self) -> None:
        self._name_field.input.focus()
        self._name_field.input.cursor_position = len(self._name_field.input.value)
        app_of(self).session.spawn(self._load(), "read the saved views")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._wrong = ""
        if len(self._letter_field.input.value) > 1:
            self._letter_field.input.put(self._letter_field.input.value[-1])
        self.show()

    async def action_apply(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_TIMEOUT_S):
                await self._is_read.wait()
        view = self._typed
        self._wrong = name_problem(view.name) or self._key_problem(view) or self._collision_with_file
        if view.letter and view.letter not in LETTERS:
            self._wrong = self._wrong or "A letter is one of a to z, A to Z and 0 to 9."
        if self._wrong:
            self.show()
        elif taken := collisions(view, self._known.views, self._before):
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

    @property
    def _collision_with_file(self) -> str:
        """Why the config file prevents this letter or name, as a sentence; empty if it does not."""
        view, configured = self._typed, [each for each in self._known.views if each.is_configured]
        if view.letter and (other := lettered(configured, view.letter)) is not None:
            return f"{view.letter} opens “{other.name}” of the config file: choose another letter."
        if view.name and (other := named(configured, view.name)) is not None:
            return f"The config file has a view “{other.name}”: choose another name."
        return ""

    @property
    def _typed(self) -> SavedView:
        name, letter = self._name_field.input.value.strip(), self._letter_field.input.value.strip()
        return SavedView(name, self._before.address, letter)

    async def _load(self) -> None:
        await self._known.reload()
        self._is_read.set()
        self.app.call_later(self.show)

    def draw(self, width: int) -> None:
        title = "rename the view" if self._before.name else "save this view"
        remark = "saved by you, for all environments"
        self.title_lines.show([band_line(width, needs_rules=self.needs_rules, title=title, remark=remark)])
        view, wrong = self._typed, self._wrong or self._collision_with_file
        text = f"' and {view.letter} will open it." if view.letter else "' and its letter open it, :views lists all."
        for taken in collisions(view, self._known.views, self._before)[:1]:
            text = taken.remark
        save: Line = (Piece("   "), Piece(" Save ", Token.BUTTON), Piece("  Enter", is_bold=True))
        back = (Piece("Esc", is_bold=True), Piece(" back", Token.FAINT), Piece("   "))
        self.show_remarks(
            [
                (),
                *self._address_lines(width),
                sentence_line(wrong or text, is_wrong=bool(wrong)),
                (),
                (*save, *pad(back, width - line_width(save), "right")),
            ]
        )

    def _address_lines(self, width: int) -> list[Line]:
        label = "   opens  "
        room = width - len(label) - INDENT
        rows = wrap(self._before.words, room)
        if len(rows) > MAX_ADDRESS_LINES:
            rows = [*rows[: MAX_ADDRESS_LINES - 1], " ".join(rows[MAX_ADDRESS_LINES - 1 :])]
        return [
            (Piece(" " * len(label) if number else label, Token.FAINT), *cut((Piece(row),), room))
            for number, row in enumerate(rows)
        ]


# The page `:views`: all saved views, to open, rename and delete.


class ViewsScreen(PageScreen):
    """Lists the views. One is opened after the page is closed."""

    title_word: ClassVar[str] = "views"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open", "Open the view under the cursor.", id="open", rank=5),
        bind("R", "rename_view", "rename", "Change the name or the letter of the view.", rank=6,
             help=Help("find", 90, "rename, delete a view", ("rename-view", "delete-view"))),
        bind("D", "delete_view", "delete", "Delete the view, after a question.", rank=7),
    ]  # fmt: skip

    def __init__(self, live: LiveModel) -> None:
        self._known = known_views_of(app_of(self))
        self._is_read = False
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        views = self._known.views
        if not self._is_read or not views:
            return [PageRow(()), PageRow((Piece(NO_VIEWS if self._is_read else READING, Token.MUTED),))]
        source: Line = (Piece("  from the config file", Token.FAINT),)
        names, rows = name_width(views, width), list[PageRow]()
        for each in views:
            line = columns_of(each, names)
            is_configured = each.is_configured
            line = (*fit(line, width - line_width(source)), *source) if is_configured else cut(line, width)
            remarks = wrap(f"{each.remark}.", max(20, width - 3)) if each.remark else []
            lines: list[Line] = [line, *((Piece("   "), Piece(row, Token.AMBER)) for row in remarks)]
            rows += [PageRow(line, (each.name, is_configured, place), each) for place, line in enumerate(lines)]
        return rows

    def left(self) -> Line:
        return (Piece(" · saved by you, for all environments", Token.MUTED),)

    def right(self) -> Line:
        return (Piece(formatting.plural(len(self._known.views), "view"), Token.TEXT),) if self._is_read else ()

    def begin(self) -> None:
        self.live.session.spawn(self._show_after(self._known.reload()), "read the saved views")

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:  # noqa: ARG002  as in its base
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
        return row.action if row is not None and isinstance(row.action, SavedView) else None

    def action_enter(self) -> None:
        if (view := self._view) is not None:
            self.dismiss(None)
            open_saved(self.app_base, view)

    def action_rename_view(self) -> None:
        if (view := self._own_view("renamed")) is None:
            return
        _ask(
            self,
            SaveView(view),
            lambda new: self._change(lambda own: with_view(own, new, instead_of=view.name)),
        )

    def action_delete_view(self) -> None:
        if (view := self._own_view("deleted")) is None:
            return
        letter = (f"The letter {view.letter} will be free.",) if view.letter else ()
        question = ViewQuestion(f"Delete the view “{view.name}”?", letter, "delete")
        gone = view.name.casefold()

        def without(own: Sequence[SavedView]) -> tuple[SavedView, ...]:
            return tuple(each for each in own if each.name.casefold() != gone)

        _ask(self, question, lambda _: self._change(without))

    def _own_view(self, verb: str) -> SavedView | None:
        view = self._view
        if view is not None and view.is_configured:
            _notice(self, f"“{view.name}” can be {verb} only in the config file")
            return None
        return view

    def _change(self, change: ViewChange) -> None:
        self.live.session.spawn(self._show_after(self._known.edit(change)), "save the views")

    async def _show_after(self, work: Coroutine[None, None, str | None]) -> None:
        self.app.call_later(self._show_read, await work)

    def _show_read(self, problem: str | None) -> None:
        if self.is_attached:
            if not self._is_read:
                self.page.start_over()
            self._is_read = True
            self.rebuild()
            self.refresh_bindings()
            if problem is not None:
                _notice(self, problem)


# What the keys and commands of saved views do: save what is shown, open one by its letter, list all.


def _ask(screen: Screen[Any], dialog: painted.PaintedDialog[T], then: Callable[[T], object]) -> None:
    """Open a dialog, and use its result unless the user closed it without one."""

    def use(result: T | None) -> None:
        if result:
            then(result)

    screen.app.push_screen(dialog, use)


def ask_to_save(screen: Screen[Any]) -> None:
    """Ask for a name and a letter, and save what the screen shows."""
    app = app_of(screen)
    address = app.doors.address_of(screen)
    try:
        parse_address(str(address))
    except AddressError as error:
        _notice(screen, f"this view cannot be saved: {error}")
        return
    if app.session.secrets.finds(str(address)):
        _notice(screen, f"this view cannot be saved: {HOLDS_KEY}")
        return
    dialog = SaveView(SavedView("", str(address), words=address.words))
    _ask(screen, dialog, lambda view: app.session.spawn(_save(screen, view), "save a view"))


def ask_for_letter(app: AppBase) -> None:
    """Open the menu of letters, and the view that is chosen there."""
    _ask(app.screen, LetterMenu(), partial(open_saved, app))


def show_views(screen: Screen[Any]) -> None:
    """Show the page of all views."""
    screen.app.push_screen(ViewsScreen(app_of(screen).live))


def open_saved(app: AppBase, view: SavedView) -> None:
    """Open a saved view, and name it in a notice, with the parts of its address that are invalid."""
    read = read_address(view.address)
    problems = list(read.problems)
    said = f"view “{view.name}”"  # this replaces a notice about the previous view
    if read.address is not None and (problem := app.doors.show_address(app, read.address)) is not None:
        problems.append(problem)
    if problems:
        how = "cannot be shown" if read.address is None else "shown in part"
        text = "; ".join(problems)
        app.messages.add(app.session.now(), f"The view “{view.name}” {'is ' if read.address else ''}{how}: {text}.")
        said = f"{how}: {text}"
    _notice(app.screen, said)


async def _save(screen: Screen[Any], view: SavedView) -> None:
    app = app_of(screen)
    problem = await known_views_of(app).edit(lambda own: with_view(own, view))
    opens = f"' {view.letter} opens it" if view.letter else ":views opens it"
    app.call_later(_notice, screen, problem or f"saved “{view.name}”: {opens}")


def _notice(screen: Screen[Any], text: str) -> None:
    if isinstance(screen, painted.PaintedScreen) and screen.is_attached:
        screen.notice((Piece(text, Token.BRIGHT),))
