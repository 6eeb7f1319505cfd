"""Checks of the program's output: texts, JSON lines, and stderr.

Each check returns a sentence about the first violation, with the character and its place, or "".
"""

import json
import re
import unicodedata
from collections.abc import Iterable

from tests.support.fleet import SECRET

FORGED = "forged-line"
"""A line begins with this only if a newline of a poison reached the output."""

ACTING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of control characters, and of characters that terminals draw in different widths."""

MAX_LINE = 1_000
"""The longest line of stderr, in characters."""

ALLOWED_CODES = frozenset({0, 1, 2, 3, 4, 130})

_SGR = re.compile(r"\x1b\[[0-9;]*m")


def dirty_text(text: str, where: str, *, is_ascii: bool = False, has_colour: bool = False) -> str:
    """Check text for control characters. Newlines are allowed, and colours if `has_colour`."""
    text = _SGR.sub("", text) if has_colour else text
    for at, character in enumerate(text):
        if character == "\n" or (character.isascii() and character.isprintable()):
            continue
        if is_ascii:
            return f"{where} has {character!a} in spite of --ascii: {_around(text, at)}"
        if unicodedata.category(character) in ACTING:
            return f"{where} has {character!a}: {_around(text, at)}"
    if forged := next((line for line in text.splitlines() if line.startswith(FORGED)), None):
        return f"{where} has a line that the poison wrote: {forged[:60]!r}"
    return leaked(text, where)


def leaked(text: str, where: str) -> str:
    """Check a text for the key and for a traceback."""
    if SECRET in text:
        return f"{where} has the key: {_around(text, text.index(SECRET))}"
    if "Traceback" in text:
        return f"{where} has a traceback: {text[-400:]!r}"
    return ""


def dirty_json(text: str, where: str) -> str:
    """Check that every line is a strict JSON object in ASCII."""
    if not text.isascii():
        return f"{where} is not ASCII"
    for line in text.splitlines():
        try:
            value = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            return f"{where} has a line that is no JSON ({error}): {line[:80]!r}"
        if not isinstance(value, dict):
            return f"{where} has a line that is no object: {line[:80]!r}"
    return leaked(text, where)


def dirty_diagnosis(text: str, code: int, *, max_lines: int) -> str:
    """Check that stderr has few, short and clean lines."""
    count = len(text.splitlines())
    if count > max_lines:
        return f"stderr has {count} lines, at most {max_lines} are expected: {text[:300]!r}"
    if longest := max((line for line in text.splitlines() if len(line) > MAX_LINE), key=len, default=""):
        return f"stderr has a line of {len(longest):,} characters: {longest[:100]!r}"
    if code in {1, 2, 3} and not text.strip() and max_lines == 1:
        return f"exit code {code} without a word"
    return dirty_text(text, "stderr")


def first(troubles: Iterable[str]) -> str:
    """Return the first sentence that is not empty, or ""."""
    return next((trouble for trouble in troubles if trouble), "")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _around(text: str, at: int) -> str:
    return ascii(text[max(0, at - 25) : at + 25])
