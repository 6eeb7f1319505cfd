"""The terminal's title. It is a state like the screen: only the newest one is sent."""

from typing import Final

_PUSH: Final = "\x1b[22;2t"
# The empty title is for a terminal that does not save titles.
_POP: Final = "\x1b]2;\x1b\\\x1b[23;2t"


class TerminalTitle:
    """The wanted title, and whether the terminal has it. The terminal's own title is restored at the end."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._is_sent = self._is_pushed = False

    def set(self, text: str) -> None:
        """Want a title, which must not contain controls."""
        self._text, self._is_sent = text, False

    def unsent(self) -> str:
        """Return the text that sets the wanted title; empty if the terminal has it."""
        if self._text is None or self._is_sent:
            return ""
        return f"{'' if self._is_pushed else _PUSH}\x1b]2;{self._text}\x1b\\"

    def record_sent(self) -> None:
        """Record that `unsent` was written."""
        if self._text is not None:
            self._is_sent = self._is_pushed = True

    def restore(self) -> str:
        """Return the text that restores the terminal's own title. A later `unsent` sets ours again."""
        restored = _POP if self._is_pushed else ""
        self._is_sent = self._is_pushed = False
        return restored

    def forget(self) -> None:
        """Send the title again, because it may have been dropped."""
        self._is_sent = False
