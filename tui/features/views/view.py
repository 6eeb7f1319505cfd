"""Saved views: the dialog that saves one, the menu of their letters, and the page that lists them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input

from tui.features.runs.filters import ValueField, ValueInput
from tui.features.runs.words import band_line, filters_end_line, sentence_line
from tui.features.views import words
from tui.features.views.file import KnownViews, ViewChange, known_views_of
from tui.kit.app import AppBase, app_of
from tui.kit.colors import Background
from tui.kit.keys import bind
from tui.kit.lines import Dialog, DialogBorder, Lines
from tui.kit.live_model import LiveModel
from tui.kit.page import PageRow
from tui.kit.page_screen import PageScreen
from tui.kit.painted import PaintedDialog, PaintedScreen
from tui.kit.questions import YesNoDialog
from tui.kit.type_ahead import TypeAhead
from tui.store.addresses import (
    LETTERS,
    AddressError,
    ListedView,
    SavedView,
    lettered,
    name_problem,
    parse_address,
    read_address,
    with_view,
    without_view,
)
from tui.text import formatting
from tui.text.redaction import HOLDS_KEY
from tui.text.styled import Line, Piece, Token, pad

# The menu behind `'`: a letter opens its view.


class LetterMenu(PaintedDialog[SavedView | None]):
    """Returns the chosen view. A letter that is typed before the views are read waits for them."""

    CSS_PATH = "views.tcss"
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
        self._note = words.READING
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
        self._note = words.unknown_letter(character)
        self._draw()

    async def _load(self) -> None:
        self.app.call_later(self._show_read, await self._known.load())

    def _show_read(self, problem: str | None) -> None:
        if self.is_attached:
            self._is_read, self._note = True, problem or ""
            self._draw()
            if self._typed:
                self._type(self._typed)

    def _draw(self) -> None:
        width, height = self._dialog.room(words.MENU_WIDTH)
        views, rows = self._views, max(1, height - words.MENU_EDGES)
        self._top = max(0, min(self._top, self._cursor), self._cursor - rows + 1)
        self._dialog.show(words.menu_lines(views, self._cursor, self._top, (width, rows), self._note), width)


# A question about saved views.


WIDTH: Final = 60


class ViewQuestion(YesNoDialog[words.ViewQuestionFacts]):
    """Asks whether a saved view may be replaced or deleted."""

    CSS_PATH = "views.tcss"
    word = words.WORD

    def __init__(self, question: words.ViewQuestionFacts, type_ahead: TypeAhead) -> None:
        super().__init__(question, type_ahead, Dialog())

    def draw(self) -> None:
        width, _ = self.dialog.room(WIDTH)
        self.dialog.show(words.question_lines(self.question, width), width)


# The dialog that saves a view under a name and a letter, or changes the name and the letter of one.


READ_TIMEOUT_S: Final = 1.0
"""Enter waits this long for the saved views, to say which of them would be replaced."""


class SaveView(PaintedDialog[SavedView | None]):
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
        self._opens = Lines(Background.DIALOG, id="opens")
        self._remark = Lines(Background.DIALOG)
        self._apply = Lines(Background.DIALOG, id="apply")
        self._leave = Lines(Background.DIALOG, id="leave")
        self._end = Lines(Background.DIALOG, classes="gap")

    def compose(self) -> ComposeResult:
        with Vertical(id="save-view", classes="ruled" if self._band.painter.needs_rules else ""):
            yield DialogBorder(classes="left")
            yield DialogBorder(classes="right")
            yield self._band
            yield Lines(Background.DIALOG, classes="gap")
            yield self._name_field
            yield self._letter_field
            yield Lines(Background.DIALOG, classes="gap")
            yield self._opens
            yield self._remark
            yield Lines(Background.DIALOG, classes="gap")
            with Horizontal():
                yield self._apply
                yield self._leave
            yield self._end

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
        collision = words.collision_with_file(view.letter, view.name, views)
        self._wrong = name_problem(view.name) or self._key_problem(view) or collision
        if view.letter and view.letter not in LETTERS:
            self._wrong = self._wrong or "A letter is one of a to z, A to Z and 0 to 9."
        if self._wrong:
            self._show()
        elif taken := words.collisions(view.letter, view.name, views, self._before):

            def save(is_confirmed: bool | None) -> None:  # noqa: FBT001  the screen's result
                if is_confirmed:
                    self.dismiss(view)

            first, *others = taken
            also = (f"{each.remark} {each.consequence}" for each in others)
            facts = words.ViewQuestionFacts(first.question, (first.consequence, *also), first.answer)
            self.app.push_screen(ViewQuestion(facts, app_of(self).type_ahead), save)
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
        self._end.show([filters_end_line(width, needs_rules=needs_rules)])
        lines = words.address_lines(self._shown, width)
        self._opens.styles.height = len(lines)
        self._opens.show(lines)
        view = self._typed
        text, is_wrong = words.letter_remark(view.letter, view.name, self._known.views, self._before)
        self._remark.show([sentence_line(self._wrong or text, is_wrong=is_wrong or bool(self._wrong))])
        self._apply.show([(Piece("   "), Piece(" Save ", Token.BUTTON), Piece("  Enter", is_bold=True))])
        back = (Piece("Esc", is_bold=True), Piece(" back", Token.FAINT), Piece("   "))
        self._leave.show([pad(back, self._leave.size.width, "right")])


# The page `:views`: all saved views, to open, rename and delete.


class ViewsScreen(PageScreen):
    """Lists the views. `open_view` opens one, after the page is closed."""

    title_word: ClassVar[str] = "views"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open", "Open the view under the cursor.", id="open", rank=5),
        bind("R", "rename_view", "rename", "Change the name or the letter of the view.", rank=6),
        bind("D", "delete_view", "delete", "Delete the view, after a question.", rank=7),
    ]

    def __init__(self, live: LiveModel, known: KnownViews, open_view: Callable[[SavedView], None]) -> None:
        self._known = known
        self._open_view = open_view
        self._is_read = False
        super().__init__(live)

    def rows(self, width: int) -> Sequence[PageRow]:
        views = self._known.listed
        if not self._is_read:
            return [PageRow(()), PageRow((Piece(words.READING, Token.MUTED),))]
        if not views:
            return [PageRow(()), PageRow((Piece(words.NO_VIEWS, Token.MUTED),))]
        names = words.name_width(views, width)
        return [
            PageRow(line, key=(each.view.name, each.view.is_configured, number), action=each)
            for each in views
            for number, line in enumerate(words.view_lines(each, names, width))
        ]

    def left(self) -> Line:
        return (Piece(" · yours, in every environment", Token.MUTED),)

    def right(self) -> Line:
        return (Piece(formatting.plural(len(self._known.listed), "view"), Token.TEXT),) if self._is_read else ()

    def begin(self) -> None:
        self.live.session.spawn(self._load(), "read the saved views")

    def keeps_keys(self) -> bool:
        return False

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:  # noqa: ARG002  see `KeyContext`
        view = self._view
        if action in {"rename_view", "delete_view"}:
            return view is not None and not view.is_configured
        return action != "enter" or view is not None

    def word_for(self, action: str, usual: str) -> str:  # noqa: ARG002  the same in every state
        return usual

    def belongs_in_footer(self, action: str) -> bool:  # noqa: ARG002  the same in every state
        return True

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:  # noqa: ARG002  no key is denied
        return ""

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

        def save(changed: SavedView | None) -> None:
            if changed is not None:
                self._change(lambda own: with_view(own, changed, instead_of=view.name))

        self.app.push_screen(SaveView(self._known, view.address, shown, view), save)

    def action_delete_view(self) -> None:
        if (view := self._own_view("deleted")) is None:
            return
        letter = (f"The letter {view.letter} is then free.",) if view.letter else ()

        def delete(is_confirmed: bool | None) -> None:  # noqa: FBT001  the screen's result
            if is_confirmed:
                self._change(lambda own: without_view(own, view.name))

        facts = words.ViewQuestionFacts(f"Delete the view “{view.name}”?", letter, "delete")
        self.app.push_screen(ViewQuestion(facts, app_of(self).type_ahead), delete)

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
        self._footer.notice((Piece(text, Token.BRIGHT),))


# What the keys and commands of saved views do: save what is shown, open one by its letter, list all.


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

    def save(view: SavedView | None) -> None:
        if view is not None:
            app.session.spawn(_save(screen, view), "save a view")

    screen.app.push_screen(SaveView(known_views_of(app), str(address), address.words), save)


def ask_for_letter(app: AppBase) -> None:
    """Open the menu of letters, and the view that is chosen there."""

    def open_view(view: SavedView | None) -> None:
        if view is not None:
            open_saved(app, view)

    app.push_screen(LetterMenu(known_views_of(app)), open_view)


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
