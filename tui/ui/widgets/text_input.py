"""A line of text that is typed or pasted: what every field of the monitor is.

What the text means is not this module's concern.
"""

import re
import unicodedata
from dataclasses import replace
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

MAX_TEXT: Final = 1_000
"""Characters of one field. Beyond this a terminal takes noticeable time for every key."""

NO_CONTROLS: Final = r"[^\x00-\x1f\x7f-\x9f]*"
"""What a field holds: nothing that acts on a terminal."""

_BREAKS: Final = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_JOINERS: Final = "\u200c\u200d"
_ACTING: Final = frozenset({"Cc", "Cf", "Cs"})
"""Categories of characters that act on a terminal, or hide."""


class TextInput(Input):
    """An input whose keys take effect in the order in which they were pressed.

    Textual carries out an editing key behind the letters that were typed after it. Here editing keys have priority,
    as those of `bind` do.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(each, priority=True) for each in Input.BINDINGS if isinstance(each, Binding)
    ]

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(
            text, compact=True, restrict=NO_CONTROLS, max_length=MAX_TEXT, select_on_focus=False, **options
        )

    def restricted(self) -> None:
        """Refuse a key without a sound."""

    def on_paste(self, event: events.Paste) -> None:
        """Insert what the field can hold of a paste."""
        event.stop()
        event.prevent_default()
        room = MAX_TEXT - len(self.value) + len(self.selected_text)
        self.replace(one_line(event.text)[: max(0, room)], *self.selection)


def one_line(text: str) -> str:
    """Return a pasted text without what acts on a terminal. Line ends and tabs become spaces, none at the ends."""
    parts = (part for part in _BREAKS.split(text) if part)
    return "".join(each for each in " ".join(parts) if each in _JOINERS or unicodedata.category(each) not in _ACTING)
