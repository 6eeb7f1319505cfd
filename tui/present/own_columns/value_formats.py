"""Shows a value by the type and the format of its column.

A value of another type is shown as it is, and so is a number beyond those that a bar can show.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.text import Raw
from tui.present import formatting
from tui.present.own_columns.cell_value import CellValue, Unshown, Value, plain_text
from tui.present.styled import Align, Line, Piece, Token

MIN_LABELLED: Final = 10
"""The narrowest bar with its percentage beside it."""

_LABEL: Final = len(" 100%")
_ROUNDING: Final = 1e-9
"""What sums of fractions may be off: ten times 0.1 is a full bar."""

_WORDS: Final = {Unshown.MISSING: "", Unshown.NOT_READ: formatting.NONE, Unshown.APART: "stored apart"}
_FROM_MS: Final = 100_000_000_000
"""Larger numbers are milliseconds since 1970, smaller ones seconds: this is the year 5138, or 1973."""

_MAX_TIME_CHARS: Final = 64
_UNITS: Final = {"": 1e-3, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""The seconds of a number in a column of durations. Without a format it counts milliseconds."""

_SPEC: Final = r"(?P<spec>[,_]?(?:\.[0-9]{1,2})?[defg%]?)"
_NUMBER: Final = re.compile(_SPEC)
_IN_TEXT: Final = re.compile(rf"(?P<before>[^{{}}]*)\{{:?{_SPEC}\}}(?P<after>[^{{}}]*)")
_CLOCK: Final = re.compile(r"(?:[^%]|%[YymdHMSjbBaAZzp%])+")
_MAX_SIGN_CHARS: Final = 4

Text = Callable[[float, str], str | None]


class ValueKind(NamedTuple):
    """How the values of a column are shown.

    * `width`: the usual width in cells; a column of texts gets more if there is room
    * `formats`: the formats that it understands, for a sentence; "" for none
    """

    width: int
    align: Align = "left"
    formats: str = ""


_NUMBER_FORMATS: Final = 'a format of numbers such as ".1f", ",d" or "{:.1f} km"'
KINDS: Final[Mapping[str, ValueKind]] = {
    "auto": ValueKind(12),
    "text": ValueKind(12),
    "number": ValueKind(9, "right", _NUMBER_FORMATS),
    "bar": ValueKind(14),
    "duration": ValueKind(7, "right", "the unit of its numbers: ms, s, m, h, us or ns"),
    "time": ValueKind(11, "right", 'a format of times such as "%H:%M" or "%Y-%m-%d"'),
    "bytes": ValueKind(7, "right"),
    "cents": ValueKind(9, "right", _NUMBER_FORMATS),
    "money": ValueKind(10, "right", 'a sign such as "€", or a format such as "${:,.2f}"'),
    "bool": ValueKind(5, "left", 'two words such as "yes/no"'),
}
"""The types of columns out of metadata, payload and output."""

FLEXIBLE: Final = frozenset({"auto", "text"})
"""The types whose columns get more room if there is some."""


def is_format(kind: str, form: str) -> bool:
    """Return whether a type understands a format."""
    if not form:
        return True
    match kind:
        case "number" | "cents":
            return _is_number_format(form)
        case "money":
            return _is_number_format(form) or len(form) <= _MAX_SIGN_CHARS
        case "duration":
            return form in _UNITS
        case "time":
            return _CLOCK.fullmatch(form) is not None
        case "bool":
            return form.count("/") == 1 and all(word.strip() for word in form.split("/"))
        case _:
            return False


def value_line(value: CellValue, kind: str, form: str, width: int, now: datetime, tokens: tuple[Token, Token]) -> Line:
    """Return a value as the line of a cell of `width` cells. `tokens` are the colours of a text and of a bar.

    A missing value is an empty line; `·` is a value that is not read yet.
    """
    if isinstance(value, Unshown):
        return (Piece(word, tokens[0]),) if (word := _WORDS[value]) else ()
    number = _number(value)
    if kind == "bar" and number is not None and -_ROUNDING <= number <= 1 + _ROUNDING:
        return bar_line(number, width, tokens)
    return (Piece(Raw(_text(value, number, kind, form, now)), tokens[0]),)


def bar_line(number: float, width: int, tokens: tuple[Token, Token]) -> Line:
    """Return a number from 0 to 1 as a bar, with its percentage where there is room.

    Only a full bar says 100 %, and only an empty one 0 cells.
    """
    share = 0.0 if number < _ROUNDING else 1.0 if number > 1 - _ROUNDING else number
    has_label = width >= MIN_LABELLED
    cells = max(1, width - _LABEL * has_label)
    filled = round(share * cells)
    if 0 < share < 1 and cells > 1:
        filled = min(max(filled, 1), cells - 1)
    label = f"{int(share * 100 + _ROUNDING):>4}%" if has_label else ""
    return (Piece("━" * filled, tokens[1]), Piece("─" * (cells - filled), Token.GUIDE), Piece(label, tokens[0]))


def _text(value: Value, number: float | None, kind: str, form: str, now: datetime) -> str:
    """Return a value by its type, or as it is where the value has another one."""
    text: str | None = None
    try:
        if kind == "time":
            text = _time(value, number, form, now)
        elif kind == "bool" and isinstance(value, bool):
            yes, _, no = form.partition("/") if "/" in form else ("yes", "/", "no")
            text = yes if value else no
        elif number is not None and kind in _OF_NUMBERS:
            text = _OF_NUMBERS[kind](number, form)
    except (OverflowError, ValueError, OSError):
        text = None  # a number or a time beyond what can be computed
    return plain_text(value) if text is None else text


def _number(value: Value) -> float | None:
    """Return a finite number; None for everything else. True is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _is_number_format(form: str) -> bool:
    return _NUMBER.fullmatch(form) is not None or _IN_TEXT.fullmatch(form) is not None


def _formatted(number: float, form: str) -> str | None:
    found = _NUMBER.fullmatch(form) or _IN_TEXT.fullmatch(form)
    if found is None or not form:
        return None
    around, spec = found.groupdict(), found["spec"]
    if spec.endswith("d"):
        number, spec = round(number), re.sub(r"\.[0-9]+", "", spec)
    text = plain_text(number) if not spec else format(number, spec)
    return f"{around.get('before', '')}{text}{around.get('after', '')}"


def _money(number: float, form: str) -> str | None:
    if form and not _is_number_format(form):
        return f"{'-' if number < 0 else ''}{form}{abs(number):,.2f}"
    return _formatted(number, form or ",.2f")


def _cents(number: float, form: str) -> str | None:
    if form:
        return _formatted(number / 100, form)
    return f"-{formatting.cost(-number)}" if number < 0 else formatting.cost(number)


def _duration(number: float, form: str) -> str | None:
    length = timedelta(seconds=abs(number) * _UNITS.get(form, _UNITS[""]))
    return f"{'-' if number < 0 else ''}{formatting.duration(length)}"


def _bytes(number: float, _form: str) -> str | None:
    return formatting.size(round(number)) if 0 <= number < 10**18 else None


_OF_NUMBERS: Final[dict[str, Text]] = {
    "number": _formatted,
    "money": _money,
    "cents": _cents,
    "duration": _duration,
    "bytes": _bytes,
}


def _time(value: Value, number: float | None, form: str, now: datetime) -> str | None:
    """Return a time in the zone of `now`. A text without a zone stays as it is: its zone is not known."""
    if number is not None:
        at = datetime.fromtimestamp(number / 1000 if abs(number) >= _FROM_MS else number, UTC)
    elif isinstance(value, str) and len(value) <= _MAX_TIME_CHARS:
        at = datetime.fromisoformat(value)
        if at.utcoffset() is None:
            return None
    else:
        return None
    if not form or _CLOCK.fullmatch(form) is None:
        return formatting.clock(at, now)
    return at.astimezone(now.tzinfo).strftime(form)
