"""Reads a row of `/events` that is too long to be decoded at once, in slices: its texts are cut, long values left out.

No recorded row is longer than a few kilobytes. One of 10 MB would hold up a key for 30 ms, one of a million empty lists
for far longer.
"""

import json
import re
from collections.abc import Generator
from typing import Final

from tui.domain.run import Json
from tui.wire.traces.window import JsonWindow

MAX_ROW_CHARS: Final = 32 * 1024
"""From this length on, a row is read in slices. As many empty lists take 5 ms."""

MAX_KEPT_CHARS: Final = 256 * 1024
"""What is kept of a text in such a row."""

MAX_NUMBER_CHARS: Final = 1_000_000
"""No number is as long: the decoder rejects it."""

SLICE_TOKENS: Final = 5_000
"""Brackets and texts of a value that are skipped in one slice, which takes about a millisecond."""

_IN_TEXT: Final = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[{\]}]', re.DOTALL)
_ESCAPE_CHARS: Final = 6  # as in \u00e9


def read_long_value(window: JsonWindow) -> Generator[None, None, Json]:
    """Return the value that begins here; of an array, None. Yields between slices. Raises ValueError."""
    match window.peek():
        case "{":
            return (yield from _fields(window))
        case "[":
            yield from _skip(window)
            return None
        case '"':
            return (yield from _text(window))
        case sign:
            raise ValueError(sign)


def _fields(window: JsonWindow) -> Generator[None, None, dict[str, Json]]:
    row: dict[str, Json] = {}
    window.at += 1
    while (sign := window.peek()) != "}":
        if sign != '"':
            raise ValueError(sign)
        key = yield from _text(window)
        if window.peek() != ":":
            raise ValueError(key)
        window.at += 1
        sign = window.peek()
        if sign == '"':
            row[key] = yield from _text(window)
        elif sign not in {"[", "{"}:
            row[key] = window.value(MAX_NUMBER_CHARS)
        else:
            yield
            yield from _container(window, row, key)
        sign = window.peek()
        if sign not in {",", "}"}:
            raise ValueError(sign)
        window.at += sign == ","
    window.at += 1
    return row


def _container(window: JsonWindow, row: dict[str, Json], key: str) -> Generator[None, None, None]:
    """Read the array or object that begins here into `row`; leave it out if it is longer than a window."""
    for is_last in (False, True):
        is_whole, value = window.value_in_window()
        if is_whole:
            row[key] = value
            return
        if not is_last:
            yield
            window.move_on()
    yield
    yield from _skip(window)


def _text(window: JsonWindow) -> Generator[None, None, str]:
    """Return the text that begins here, with a remark if it is cut."""
    kept, length = "", 0
    window.at += 1
    while True:
        end = _end_of(window)
        kept += window.text[window.at : min(end, window.at + MAX_KEPT_CHARS - len(kept))]
        length += end - window.at
        window.at = end
        if window.text[end : end + 1] == '"':
            window.at += 1
            break
        yield
        window.move_on()
    text = _decoded(kept)
    return text if length == len(kept) else f"{text}… (cut: {length:,} characters came)"


def _end_of(window: JsonWindow) -> int:
    """Return the end of the text as far as the window has it. A backslash at the end of the window stays for later."""
    match = _IN_TEXT.match(window.text, window.at)
    assert match is not None  # it matches the empty text
    return match.end()


def _decoded(kept: str) -> str:
    """Return the text of a JSON string whose end may be half of an escape."""
    for cut in range(_ESCAPE_CHARS + 1):
        try:
            value = json.loads(f'"{kept[: len(kept) - cut]}"')
        except ValueError:
            if cut == _ESCAPE_CHARS or not kept:
                raise
        else:
            return str(value)
    raise AssertionError("the loop ends with a text or an error")


def _skip(window: JsonWindow) -> Generator[None, None, None]:
    """Move behind the array or object that begins here."""
    depth = tokens = 0
    while True:
        found = _TOKEN.search(window.text, window.at)
        if found is None:
            window.at = len(window.text)
            yield
            window.move_on()
            continue
        window.at = found.start()
        if found[0] == '"':  # its end is not in the window
            yield from _text(window)
            continue
        window.at = found.end()
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if not depth:
            return
        tokens += 1
        if tokens % SLICE_TOKENS == 0:
            yield
