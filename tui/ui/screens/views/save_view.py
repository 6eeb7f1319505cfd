"""The dialog that saves a view under a name and a letter, or changes the name and the letter of one."""

import asyncio
from contextlib import suppress
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from tui.present.dialogs import views as say
from tui.present.dialogs.filters import band_line, end_line, sentence_line
from tui.present.redaction import HOLDS_KEY
from tui.present.styled import Line, Piece, Token, pad
from tui.store.addresses.saved_views import LETTERS, SavedView, name_problem
from tui.ui.base import app_of
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.screens.painted import PaintedDialog
from tui.ui.screens.views.question import ViewQuestion
from tui.ui.views.view_file import KnownViews
from tui.ui.widgets.dialog import DialogBorder
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.value_field import ValueField, ValueInput

READ_TIMEOUT_S: Final = 1.0
"""Enter waits this long for the saved views, to say which of them would be replaced."""


class SaveView(PaintedDialog[SavedView | None]):
    """Returns the view to save. `words` are those of its address, `before` the own view that is changed."""

    CSS_PATH = "../../styles/views.tcss"
    has_text_field: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [bind("escape", "leave", "back", "Close without saving.", id="back")]

    def __init__(self, known: KnownViews, address: str, words: str, before: SavedView | None = None) -> None:
        super().__init__()
        self._known = known
        self._address = address
        self._words = words
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
        self._wrong = (
            name_problem(view.name) or self._key_problem(view) or say.collision_with_file(view.letter, view.name, views)
        )
        if view.letter and view.letter not in LETTERS:
            self._wrong = self._wrong or "A letter is one of a to z, A to Z and 0 to 9."
        if self._wrong:
            self._show()
        elif taken := say.collisions(view.letter, view.name, views, self._before):

            def save(is_confirmed: bool | None) -> None:  # noqa: FBT001  the screen's result
                if is_confirmed:
                    self.dismiss(view)

            first, *others = taken
            also = (f"{each.remark} {each.consequence}" for each in others)
            facts = say.ViewQuestionFacts(first.question, (first.consequence, *also), first.answer)
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
        self._end.show([end_line(width, needs_rules=needs_rules)])
        lines = say.address_lines(self._words, width)
        self._opens.styles.height = len(lines)
        self._opens.show(lines)
        self._remark.show([self._remark_line()])
        self._apply.show([(Piece("   "), Piece(" Save ", Token.BUTTON), Piece("  Enter", is_bold=True))])
        back = (Piece("Esc", is_bold=True), Piece(" back", Token.FAINT), Piece("   "))
        self._leave.show([pad(back, self._leave.size.width, "right")])

    def _remark_line(self) -> Line:
        view = self._typed
        text, is_wrong = say.letter_remark(view.letter, view.name, self._known.views, self._before)
        return sentence_line(self._wrong or text, is_wrong=is_wrong or bool(self._wrong))
