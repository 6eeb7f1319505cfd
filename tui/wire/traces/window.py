"""A window on a JSON body: only a part of it exists as text, however long it is."""

import json
import re
from typing import Final

from tui.domain.run import Json

WINDOW_BYTES: Final = 64 * 1024
"""Bytes that become text at once. The window doubles for a value that is larger."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCAN: Final = json.JSONDecoder().raw_decode


class TooLong(Exception):
    """A value is longer than its limit. The window still begins with it."""


class JsonWindow:
    """`text` is the part of the body that is read now, `at` the place in it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.read_bytes = 0
        self._window_bytes = WINDOW_BYTES
        self.text = ""
        self.at = 0
        self.widen()

    def value(self, max_chars: int) -> Json:
        """Decode the value that begins here. At the end of the window it may go on behind it.

        Raises `TooLong`, and ValueError for invalid JSON.
        """
        while True:
            try:
                value, end = _SCAN(self.text, self.at)
            except ValueError:
                if len(self.text) - self.at >= max_chars and self.read_bytes < len(self._body):
                    raise TooLong from None
                if not self.widen():
                    raise
                continue
            if end == len(self.text) and self.widen():
                continue
            self.at = end
            self._window_bytes = WINDOW_BYTES
            return value

    def value_in_window(self) -> tuple[bool, Json]:
        """Decode the value that begins here, if it ends in this window. Return whether it does."""
        try:
            value, self.at = _SCAN(self.text, self.at)
        except ValueError:
            return False, None
        return True, value

    def peek(self) -> str:
        """Return the next character that is no space, an empty text at the end of the body."""
        while True:
            sign = self.text[self.at : self.at + 1]
            if sign > " ":  # most often there is no space
                return sign
            match = _SPACE.match(self.text, self.at)
            self.at = self.at if match is None else match.end()
            if self.at < len(self.text) or not self.widen():
                return self.text[self.at : self.at + 1]

    def move_on(self) -> None:
        """Append as much as a window to the text. Raises ValueError at the end of the body."""
        self._window_bytes = WINDOW_BYTES
        if not self.widen():
            raise ValueError(self.read_bytes)

    def widen(self) -> bool:
        """Append more of the body to the text, and drop what was read. Return False at the end of the body."""
        start = self.read_bytes
        if start >= len(self._body):
            return False
        end = min(start + self._window_bytes, len(self._body))
        while end < len(self._body) and self._body[end] & 0xC0 == 0x80:  # inside a character
            end += 1
        self.text = self.text[self.at :] + _decode(self._body[start:end])
        self.at = 0
        self.read_bytes = end
        self._window_bytes *= 2
        return True


def _decode(part: bytes) -> str:
    try:
        return part.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return part.decode("utf-8", "replace")
