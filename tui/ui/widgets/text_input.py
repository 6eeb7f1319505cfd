"""`TextInput`, the text field that the whole program uses."""

import re
import unicodedata
from dataclasses import replace
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.widgets import Input

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

    def watch_selection(self) -> None:
        self._leave_cursor()

    def on_blur(self) -> None:
        self._leave_cursor()

    def _leave_cursor(self) -> None:
        """Leave the terminal's hidden cursor alone. Placing it helps input methods, and costs each frame six bytes."""
        if not self.has_focus:
            self.app.cursor_position = Offset(0, 0)

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
