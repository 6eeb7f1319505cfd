"""Widgets that draw line by line: rules, dialogs, text fields, the prompt."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from tui.kit.app import AppBase, app_of
from tui.kit.colors import Background
from tui.kit.keys import MOTION, bind
from tui.kit.look import Painter
from tui.kit.words import RuleText, Tab, rule_line, tab_at
from tui.text.styled import Line, Piece, Token, cut, line_width

# `LineWidget`, the base of widgets that draw line by line, and the simplest of these widgets.
#
# They bypass Textual's layout and style cache, because `Static.update` would lay out the whole screen. Here a changed
# line costs one line. Source: ARCHITECTURE.md.


GUTTER: Final = 2
"""Cells at the left of every list and page, for the cursor's edge or a mark, and a space."""

EDGE: Final = 1
"""Empty cells at the right of a page, so that no text touches the next pane."""

WHEEL_LINES: Final = 3


class Backdrop(Widget):
    """A container that shows the background of the page where it has no child.

    Textual's own containers paint and filter all their lines whenever a child changes.
    """

    def render_lines(self, crop: Region) -> list[Strip]:
        return [app_of(self).painter.blank(crop.width)] * crop.height


class LineWidget(Widget):
    """A widget without border, padding and scrollbar. A subclass has `render_line`."""

    @property
    def app_base(self) -> AppBase:
        """The app, with its type."""
        return app_of(self)

    @property
    def painter(self) -> Painter:
        """The painter for this terminal."""
        return self.app_base.painter

    def render_lines(self, crop: Region) -> list[Strip]:
        if crop.x == 0 and crop.width >= self.size.width:
            return [self.render_line(y) for y in crop.line_range]
        left, right = crop.x, crop.right
        return [self.render_line(y).crop(left, right) for y in crop.line_range]

    @property
    def size(self) -> Size:
        """The size of the content. Without edges it is that of the widget, which Textual would look up each time."""
        return self.outer_size

    def refresh_line(self, y: int) -> None:
        """Repaint one line."""
        self.refresh_lines((y,))

    def refresh_lines(self, lines: Iterable[int]) -> None:
        """Repaint some lines."""
        width, height = self.size
        if regions := [Region(0, y, width, 1) for y in lines if 0 <= y < height]:
            self.refresh(*regions)


class Lines(LineWidget):
    """A widget that shows a few fixed lines, such as the header."""

    def __init__(
        self,
        background: Background = Background.PAGE,
        *,
        id: str | None = None,  # noqa: A002  Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._background = background
        self.lines: tuple[Line, ...] = ()
        """The lines that are shown now."""
        self._is_stale = False

    def show(self, lines: Sequence[Line], *, is_stale: bool = False) -> None:
        """Show other lines. Only lines that differ are repainted. `is_stale` mutes the colour of running work."""
        before, self.lines = self.lines, tuple(lines)
        was_stale, self._is_stale = self._is_stale, is_stale
        for y in range(max(len(before), len(self.lines))):
            if is_stale is not was_stale or before[y : y + 1] != self.lines[y : y + 1]:
                self.refresh_line(y)

    def render_line(self, y: int) -> Strip:
        line = self.lines[y] if 0 <= y < len(self.lines) else ()
        return self.painter.strip(line, self.size.width, self.background_at(y), is_stale=self._is_stale)

    def background_at(self, y: int) -> Background:  # noqa: ARG002  for subclasses
        """Return the background of a line."""
        return self._background


class Cover(LineWidget):
    """Stands over the lower part of a workspace. Its first line is a rule."""

    def join(self, joint: int | None) -> None:
        """Set the column in which a hairline ends at the rule."""
        raise NotImplementedError


class Hairline(LineWidget):
    """The vertical line between two panes, joined to their rules."""

    def __init__(self) -> None:
        super().__init__(id="hairline")
        self._joints: dict[int, str] = {}

    def join(self, joints: dict[int, str]) -> None:
        """Set the characters of the lines at which rules meet this one."""
        if joints != self._joints:
            self._joints = joints
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.painter.strip((Piece(self._joints.get(y, "│"), Token.LINE),), self.size.width)


class CursorLines(LineWidget, can_focus=True):
    """Lines of which one is under the cursor, with the keys and the mouse wheel that move it."""

    BINDINGS: ClassVar[list[BindingType]] = list(MOTION)

    @property
    def page_rows(self) -> int:
        """The number of rows that are visible now."""
        raise NotImplementedError

    def action_move(self, rows: int) -> None:
        raise NotImplementedError

    def action_half_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.page_rows // 2))

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.page_rows - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-WHEEL_LINES)


class Rule(LineWidget):
    """The rule above a pane."""

    class Clicked(Message):
        """The user clicked a tab, or beside the tabs (None)."""

        def __init__(self, rule: "Rule", tab: Tab | None) -> None:
            super().__init__()
            self.rule, self.tab = rule, tab

    def __init__(self) -> None:
        super().__init__(classes="rule")
        self.text = RuleText()
        """The text that is shown now."""

    def show(self, text: RuleText) -> None:
        """Show a text. The rule is repainted if it differs."""
        if text != self.text:
            self.text = text
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(self, tab_at(self.text, self.size.width, event.x)))

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  it has one line
        line = rule_line(self.text, self.size.width, is_colorless=self.painter.is_colorless)
        return self.painter.strip(line, self.size.width)


# A dialog: a few lines over the page, with a background of their own.
#
# Without background colours it gets a border. The screen makes the lines and handles the keys.


DIALOG_MARGIN: Final = 4
"""Cells of the page that stay visible beside a dialog."""


class DialogBorder(LineWidget):
    """The side border of a dialog that consists of several widgets, for terminals without background colours."""

    def render_line(self, y: int) -> Strip:
        character = "─" if y in {0, self.size.height - 1} else "│"
        return self.painter.strip((Piece(character, Token.LINE),), self.size.width, Background.DIALOG)


class Dialog(LineWidget):
    """A centred dialog. With `has_band` its first line has another background."""

    def __init__(self, *, has_band: bool = False) -> None:
        super().__init__()
        self._has_band = has_band
        self.lines: tuple[Line, ...] = ()
        """The lines that are shown now."""
        self._outer = (0, 0)

    def room(self, widest: int) -> tuple[int, int]:
        """Return the cells and the lines that are available for text. `widest` bounds the cells."""
        width, height = self.app.size
        edges = 2 * self.painter.needs_rules
        return min(widest, width - DIALOG_MARGIN - edges), height - 2 - edges

    def show(self, lines: Sequence[Line], width: int) -> None:
        """Show other lines of `width` cells. Only lines that differ are repainted."""
        before, self.lines = self.lines, tuple(lines)
        edges = 2 * self.painter.needs_rules
        size = (width + edges, len(lines) + edges)
        if size != self._outer:
            self._outer = size
            self.styles.width, self.styles.height = size
            return
        for y in range(len(self.lines)):
            if before[y : y + 1] != self.lines[y : y + 1]:
                self.refresh_line(y + self.painter.needs_rules)

    def line_at(self, y: int) -> int:
        """Return the index of the line that is shown in a row of the widget."""
        return y - self.painter.needs_rules

    def render_line(self, y: int) -> Strip:
        width, index = self.size.width, self.line_at(y)
        if not 0 <= index < len(self.lines):
            line: Line = (Piece("─" * width, Token.LINE),) if self.painter.needs_rules else ()
            return self.painter.strip(line, width, Background.DIALOG)
        background = Background.BAND if self._has_band and index == 0 else Background.DIALOG
        if not self.painter.needs_rules:
            return self.painter.strip(self.lines[index], width, background)
        edge = self.painter.strip((Piece("│", Token.LINE),), 1, Background.DIALOG)
        return Strip.join([edge, self.painter.strip(self.lines[index], width - 2, background), edge])


# `TextInput`, the text field that the whole program uses.


MAX_CHARS: Final = 1_000
"""The maximum number of characters. With more, each key would take noticeable time."""

NO_CONTROLS: Final = r"[^\x00-\x1f\x7f-\x9f]*"
"""A field accepts no control characters."""

_BREAKS: Final = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_JOINERS: Final = "\u200c\u200d"
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs"})
"""Categories of characters that control a terminal or are invisible."""


class TextInput(Input):
    """An input that handles keys in the order in which they were pressed.

    Textual would handle an editing key after letters that were typed later. Here editing keys have priority, like the
    keys of `bind`. The cursor does not blink: that would write twice a second.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(each, priority=True) for each in Input.BINDINGS if isinstance(each, Binding)
    ]

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(
            text, compact=True, restrict=NO_CONTROLS, max_length=MAX_CHARS, select_on_focus=False, **options
        )
        self.cursor_blink = False

    def on_blur(self) -> None:
        """Leave the terminal's hidden cursor alone. Placing it helps input methods, and costs each frame six bytes."""
        if not self.has_focus:
            self.app.cursor_position = Offset(0, 0)

    watch_selection = on_blur

    def restricted(self) -> None:
        """Ignore a rejected key. Textual would ring the bell."""

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        room = MAX_CHARS - len(self.value) + len(self.selected_text)
        self.replace(one_line(event.text)[: max(0, room)], *self.selection)


def one_line(text: str) -> str:
    """Return a pasted text as one line without controls. Line ends and tabs between words become spaces."""
    parts = (part for part in _BREAKS.split(text) if part)
    return "".join(each for each in " ".join(parts) if each in _JOINERS or unicodedata.category(each) not in _UNSAFE)


# The input line for a filter or a search, in the place of the footer. A remark stands after the text.


MARGIN: Final = 8
"""Cells beside the text that the remark leaves free, for the mark, the cursor and the next keys."""

GAP: Final = "  "
"""Stands between a long text and the remark."""


class PromptField(TextInput):
    """The field of the prompt. Its text is selected at first: typing replaces it, but a space continues it."""

    def on_key(self, event: events.Key) -> None:
        if event.key == "space" and self.selected_text == self.value:
            self.action_end()


OnChange = Callable[[str], Line]
"""Called with the text after each change. Returns a remark about it."""
OnClose = Callable[[str, bool], None]
"""Called with the last text, and whether the user keeps it."""


class Prompt(Horizontal):
    """Calls `OnChange` for each change, and `OnClose` on Enter, on Esc and when it loses the focus.

    It uses callbacks instead of messages: the filter and the focus must have changed before the next key is handled.
    Its parts are made when it is first opened.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "cancel", "back", "Discard the change.", id="back"),
        bind("enter,down", "keep", "keep", "Apply the text and go to the results.", id="keep-text"),
    ]
    has_text_field: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(id="prompt", classes="away")
        self._mark = Lines(id="prompt-mark")
        self._input: PromptField | None = None
        self._remark = Lines(id="prompt-remark")
        self._on_change: OnChange = lambda _: ()
        self._on_close: OnClose = lambda *_: None
        self._back_to: Widget | None = None

    @property
    def is_open(self) -> bool:
        """Whether the prompt is shown."""
        return not self.has_class("away")

    async def open(self, text: str, on_change: OnChange, on_close: OnClose, *, hint: str = "") -> None:
        """Show the prompt with a text and focus it. `hint` is shown while the text is empty."""
        if self._input is None:
            self._input = PromptField()
            await self.mount(self._mark, self._input, self._remark)
            self.watch(self._input, "value", self._on_text, init=False)
        field = self._input
        self._on_change, self._on_close = lambda _: (), on_close
        self.remove_class("away")
        self._mark.show([(Piece(" /", Token.ACCENT, is_bold=True),)])
        field.placeholder = hint
        field.value = text
        field.select_all()
        self._on_change = on_change
        self._show_remark(())
        self._back_to = self.screen.focused
        # At once, so that the next key goes to the input.
        self.screen.set_focus(field)

    @property
    def _text(self) -> str:
        return "" if self._input is None else self._input.value

    def refresh_remark(self) -> None:
        """Update the remark, after the results of the text have changed."""
        self._on_text(self._text)

    def _on_text(self, text: str) -> None:
        if self.is_open:
            self._show_remark(self._on_change(text))

    def _show_remark(self, line: Line) -> None:
        # The text must stay visible beside the remark.
        width = self.size.width or self.screen.size.width
        line = cut((Piece(GAP), *line), max(width // 2, width - cell_len(self._text) - MARGIN)) if line else ()
        self._remark.styles.width = line_width(line) + 1
        self._remark.show([line])

    def on_input_blurred(self, event: "Input.Blurred") -> None:
        event.stop()
        self._close(is_kept=True)  # moving the focus away keeps the text

    def action_keep(self) -> None:
        self._close(is_kept=True)

    def action_cancel(self) -> None:
        self._close(is_kept=False)

    def _close(self, *, is_kept: bool) -> None:
        if not self.is_open:
            return
        self.add_class("away")
        if self.screen.focused is self._input:
            self.screen.set_focus(self._back_to)
        self._on_close(self._text, is_kept)
