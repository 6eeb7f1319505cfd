"""The columns that the user has chosen for a list: values by their paths, formats, widths."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, Final, NamedTuple

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.domain.text import Raw, shortened
from tui.features import LISTS
from tui.features.runs.columns import AGE, COLUMNS, CREATED
from tui.lazy_dataclass import dataclass
from tui.settings.schema import ColumnEntry
from tui.settings.settings import NO_FILE, Complaint, ConfigFile, places_of
from tui.text import formatting
from tui.text.blocks import Now
from tui.text.json import opening
from tui.text.status import style_of
from tui.text.styled import Align, Line, Piece, Token
from tui.text.table import EDGES, Column, SizedColumn, Table, Wish, divided

# The value that a cell shows: a scalar, the start of a text, or the start of an object as JSON.
#
# A payload may have megabytes. A `CellValue` has a few hundred characters, so that thousands of them can be kept.


MAX_VALUE_CHARS: Final = 400
"""The widest column has 200 cells."""

_MAX_INTEGER: Final = 10**300
"""A larger whole number is shown by its magnitude: Python refuses to write numbers of thousands of digits."""


class Unshown(Enum):
    """Why a cell has no value. Each has the words that the cell shows.

    * NOT_READ: the value is not known yet
    * MISSING: the run has no such value
    * APART: the server stores the payload or output outside of the run, because it is large
    """

    NOT_READ = formatting.NONE
    MISSING = ""
    APART = "stored separately"


class Nested(NamedTuple):
    """An object or a list, as the start of its compact JSON."""

    text: Raw


Value = Nested | Raw | str | int | float | None
CellValue = Unshown | Value


def cell_value(value: Json | Absent) -> CellValue:
    """Return the part of a JSON value that a cell can show."""
    match value:
        case Absent():
            return Unshown.MISSING
        case dict() | list():
            return Nested(Raw(shortened(opening(value, MAX_VALUE_CHARS), MAX_VALUE_CHARS)))
        case str():
            return Raw(shortened(value, MAX_VALUE_CHARS))
        case bool() | int() | float() | None:
            return value
        case _:
            return Raw(shortened(str(value), MAX_VALUE_CHARS))  # no decoder returns other types


def plain_text(value: Value) -> str:
    """Return a value as it is, on one line: a text without quotes, everything else as JSON."""
    match value:
        case Nested(text):
            return text
        case str():
            return " ".join(value.split())
        case int() if abs(value) >= _MAX_INTEGER:
            return f"{'-' if value < 0 else ''}>1e300"
        case _:
            return json.dumps(value)  # also NaN, Infinity and -Infinity


# Paths to values in a run: `metadata.progress`, `payload.customer.id`, `output.items[0].sku`.
#
# A key with a dot or another sign is quoted, as in JSON: `payload."order.id"`. `[-1]` is the last item of a list.


METADATA: Final = "metadata"
PAYLOAD: Final = "payload"
OUTPUT: Final = "output"
ROOTS: Final = (METADATA, PAYLOAD, OUTPUT)

MAX_STEPS: Final = 50
MAX_PATH_CHARS: Final = 200

_ROOT: Final = re.compile("|".join(ROOTS))
_QUOTED: Final = r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\.)*"'
_CONTROLS: Final = re.compile("[\x7f-\x9f]")
_STEP: Final = re.compile(
    rf'\.(?P<name>[^.\[\]"\x00-\x20\x7f-\x9f]+)|\.(?P<quoted>{_QUOTED})|\[(?:(?P<index>-?[0-9]{{1,9}})|(?P<key>{_QUOTED}))\]'
)
_PLAIN: Final = re.compile(r'[^.\[\]"\x00-\x20\x7f-\x9f]+')
_INDEX: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """A path. `root` is one of ROOTS, a step the key of an object or the index of a list."""

    root: str
    steps: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return self.root + "".join(
            f"[{each}]" if isinstance(each, int) else f".{key_text(each)}" for each in self.steps
        )

    @property
    def title(self) -> str:
        """The path without its root, as a column is called: `customer.id`."""
        return str(self).removeprefix(self.root).removeprefix(".") or self.root

    @property
    def last_name(self) -> str:
        """The last key of the path."""
        return next((step for step in reversed(self.steps) if isinstance(step, str)), self.root)

    def find(self, value: Json) -> Json | Absent:
        """Return the value at this path below the root's value; `ABSENT` if there is none."""
        for step in self.steps:
            if isinstance(value, dict):
                value = value.get(str(step), ABSENT)
            elif isinstance(value, list):
                index = step if isinstance(step, int) else int(step) if _INDEX.fullmatch(step) else None
                value = value[index] if index is not None and -len(value) <= index < len(value) else ABSENT
            else:
                return ABSENT
        return value


def parse_path(text: str) -> ColumnPath | None:
    """Read a path; None if the text is not a path."""
    path, end = leading_path(text)
    return path if end == len(text) <= MAX_PATH_CHARS else None


def leading_path(text: str) -> tuple[ColumnPath | None, int]:
    """Return the path with which a text begins, and where it ends. None: the text does not begin with a path."""
    root = _ROOT.match(text)
    if root is None:
        return None, 0
    steps: list[str | int] = []
    end = root.end()
    while len(steps) < MAX_STEPS and (found := _STEP.match(text, end)) is not None:
        if (step := _read_step(found)) is None:
            break
        steps.append(step)
        end = found.end()
    return ColumnPath(root[0], tuple(steps)), end


def _read_step(found: re.Match[str]) -> str | int | None:
    if (name := found["name"]) is not None:
        return name
    if (index := found["index"]) is not None:
        return int(index)
    try:
        key = json.loads(found["quoted"] or found["key"])
    except ValueError:  # an escape that JSON does not know
        return None
    return key if isinstance(key, str) else None


def key_text(key: str) -> str:
    """Return a key as it is written in a path: as JSON with escaped control characters if it needs quotes."""
    if _PLAIN.fullmatch(key):
        return key
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(key, ensure_ascii=False))


# Shows a value by the type and the format of its column.
#
# A value of another type is shown unchanged, and so is a number that a bar cannot show.


MIN_LABELLED: Final = 10
"""The narrowest bar with its percentage beside it."""

_LABEL: Final = len(" 100%")
_ROUNDING: Final = 1e-9
"""Sums of fractions may be off by this much: ten times 0.1 must be a full bar."""

_FROM_MS: Final = 100_000_000_000
"""From here on, numbers are milliseconds since 1970 (from 1973 on); smaller ones are seconds (up to the year 5138)."""

_MAX_TIME_CHARS: Final = 64
_UNITS: Final = {"": 1e-3, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""The seconds of a number in a column of durations. Without a format it counts milliseconds."""

_SPEC: Final = r"(?P<spec>[,_]?(?:\.[0-9]{1,2})?[defg%]?)"
_NUMBER: Final = re.compile(_SPEC)
_IN_TEXT: Final = re.compile(rf"(?P<before>[^{{}}]*)\{{:?{_SPEC}\}}(?P<after>[^{{}}]*)")
_CLOCK: Final = re.compile(r"(?:[^%]|%[YymdHMSjbBaAZzp%])+")
_MAX_SIGN_CHARS: Final = 4

Text = Callable[[float, str], str | None]


def value_line(value: CellValue, kind: str, form: str, width: int, now: datetime, tokens: tuple[Token, Token]) -> Line:
    """Return a value as the line of a cell of `width` cells. `tokens` are the colours of a text and of a bar.

    A missing value is an empty line; `·` is a value that is not read yet.
    """
    if isinstance(value, Unshown):
        return (Piece(value.value, tokens[0]),) if value.value else ()
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
        elif number is not None and (shown := KINDS[kind].number) is not None:
            text = shown(number, form)
    except (OverflowError, ValueError, OSError):
        text = None  # a number or a time beyond what can be computed
    return plain_text(value) if text is None else text


def _number(value: Value) -> float | None:
    """Return a finite number; None for everything else. True does not count as a number."""
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


class ValueKind(NamedTuple):
    """How the values of a column are shown.

    * `width`: the usual width in cells; a column of texts gets more if there is room
    * `formats`: the formats that it understands, for a sentence; "" for none
    * `takes`: returns whether it understands a format
    * `number`: returns a number as text; None where it cannot
    """

    width: int
    align: Align = "left"
    formats: str = ""
    takes: Callable[[str], bool] = lambda _: False
    number: Text | None = None


def _is_money_format(form: str) -> bool:
    return _is_number_format(form) or len(form) <= _MAX_SIGN_CHARS


def _are_two_words(form: str) -> bool:
    return form.count("/") == 1 and all(word.strip() for word in form.split("/"))


_NUMBER_FORMATS: Final = 'a format of numbers such as ".1f", ",d" or "{:.1f} km"'
_SIGN: Final = 'a sign such as "€", or a format such as "${:,.2f}"'
_CLOCK_FORMATS: Final = 'a format of times such as "%H:%M" or "%Y-%m-%d"'
KINDS: Final[Mapping[str, ValueKind]] = {
    "auto": ValueKind(12),
    "text": ValueKind(12),
    "number": ValueKind(9, "right", _NUMBER_FORMATS, _is_number_format, _formatted),
    "bar": ValueKind(14),
    "duration": ValueKind(7, "right", "the unit of its numbers: ms, s, m, h, us or ns", _UNITS.__contains__, _duration),
    "time": ValueKind(11, "right", _CLOCK_FORMATS, lambda form: _CLOCK.fullmatch(form) is not None),
    "bytes": ValueKind(7, "right", number=_bytes),
    "cents": ValueKind(9, "right", _NUMBER_FORMATS, _is_number_format, _cents),
    "money": ValueKind(10, "right", _SIGN, _is_money_format, _money),
    "bool": ValueKind(5, "left", 'two words such as "yes/no"', _are_two_words),
}
"""The types of columns that show values of metadata, payload and output."""

FLEXIBLE: Final = frozenset({"auto", "text"})
"""The types whose columns get more room if there is some."""


def is_format(kind: str, form: str) -> bool:
    """Return whether a type understands a format."""
    return not form or KINDS[kind].takes(form)


# The columns that the user has chosen for one list: which, in which order, how wide, and how values are shown.


MAX_COLUMN_CELLS: Final = 200
MAX_COLUMNS: Final = 50
AUTO: Final = "auto"


def path_of(choice: ColumnEntry) -> ColumnPath | None:
    """Return the path to a value of the run; None for a built-in column."""
    return parse_path(choice.column)


@dataclass(frozen=True, slots=True)
class ColumnSet:
    """The columns of a list in their order. `hidden` are columns by path that are kept, but not shown."""

    shown: tuple[ColumnEntry, ...]
    hidden: tuple[ColumnEntry, ...] = ()


def problem_of(choice: ColumnEntry, built_in: Sequence[str], *, has_paths: bool) -> str | None:
    """Return what is wrong with a column, None if nothing is.

    `built_in` are the ids of the view's own columns. `has_paths`: it can also show values of runs.
    """
    if choice.column in built_in:
        is_plain = choice.type == AUTO and not choice.format
        return None if is_plain else "only columns by path have a type and a format"
    if path_of(choice) is None or not has_paths:
        paths = ", or a path such as metadata.progress" if has_paths else ""
        return f"expected {', '.join(built_in)}{paths}, got {_quoted_name(choice.column)}"
    if choice.type not in KINDS:
        return f"expected one of the types {', '.join(KINDS)}, got {_quoted_name(choice.type)}"
    if not is_format(choice.type, choice.format):
        formats = KINDS[choice.type].formats
        expected = f"expected {formats}" if formats else f"the type {choice.type} has no format"
        return f"{expected}, got {_quoted_name(choice.format)}"
    return None


def _quoted_name(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def without_duplicates(choices: Iterable[ColumnEntry]) -> tuple[ColumnEntry, ...]:
    """Return the first choice of each column, MAX_COLUMNS at most. Two spellings of a path are one column."""
    first: dict[str, ColumnEntry] = {}
    for choice in choices:
        name = str(path_of(choice) or choice.column)
        first.setdefault(name, replace(choice, column=name))
    return tuple(first.values())[:MAX_COLUMNS]


# How the chosen columns share a list: its own ones, and values by their paths.


_VALUE_CELLS: Final = 24
_MAX_TITLE: Final = 14

ReadValue = Callable[[Run, ColumnPath], CellValue]
"""Returns the value at a path of a run, as far as it was read."""


def chosen_columns(
    table: Table[Any], choices: Sequence[ColumnEntry], width: int, read: ReadValue | None = None
) -> list[SizedColumn[Any]]:
    """Return the chosen columns that fit into a list, with their widths, in order. `read` returns values by path."""
    columns = [column_of(table, choice, read) for choice in choices]
    wishes = [
        Wish(choice.width, choice.width) if choice.width else table.wish_of(column, width)
        for choice, column in zip(choices, columns, strict=True)
    ]
    return [
        SizedColumn(replace(column, title=_title(choice, column, cells)), cells)
        for choice, column, cells in zip(choices, columns, divided(wishes, max(1, width - EDGES)), strict=True)
        if cells is not None
    ]


def column_of(table: Table[Any], choice: ColumnEntry, read: ReadValue | None = None) -> Column[Any]:
    """Return the column of a choice: one of the list, or one that shows the values at a path."""
    if (own := next((column for column in table.columns if column.id == choice.column), None)) is not None:
        return own
    path, kind = path_of(choice), KINDS[choice.type]
    assert path is not None, "the choice has been checked"
    usual = max(kind.width, min(len(choice.title or path.title), _MAX_TITLE))
    wish = Wish(usual, max(usual, _VALUE_CELLS) if choice.type in FLEXIBLE else usual)
    cell = partial(_value, read=read, path=path, choice=choice)
    return Column(choice.column, path.title, cell, align=kind.align, wish=wish, is_read_later=True)


def _title(choice: ColumnEntry, column: Column[Any], cells: int) -> str:
    path = path_of(choice)
    is_long = column.is_read_later and len(column.title) > cells
    return choice.title or (path.last_name if path is not None and is_long else column.title)


def _value(run: Run, now: Now, width: int, *, read: ReadValue | None, path: ColumnPath, choice: ColumnEntry) -> Line:
    style = style_of(run).row
    tokens = style.rest, Token.BLUE if style.took is Token.BLUE else Token.SPARK
    value = Unshown.NOT_READ if read is None else read(run, path)
    return value_line(value, choice.type, choice.format, width, now.at, tokens)


def with_times(choices: Sequence[ColumnEntry]) -> Sequence[ColumnEntry]:
    """Put the times of creation after the ages, unless they are chosen already."""
    names = [choice.column for choice in choices]
    if CREATED.id in names or AGE.id not in names:
        return choices
    place = names.index(AGE.id) + 1
    return [*choices[:place], ColumnEntry(CREATED.id), *choices[place:]]


# The columns of the config file, and complaints about those that do not exist.


RUNS: Final = "runs"
ERRORS: Final = "errors"


def columns_of(view: str) -> Sequence[Column[Any]]:
    """Return the columns of a list by its name; none for a list that does not exist."""
    if view == RUNS:
        return COLUMNS
    if view == ERRORS:
        # This import loads everything that makes groups of errors: 40 ms, for which the first frame must not wait.
        from tui.features.errors.model import COLUMNS as GROUP_COLUMNS  # noqa: PLC0415

        return GROUP_COLUMNS
    return LISTS[view]().table.columns if view in LISTS else ()


def problem_in(view: str, choice: ColumnEntry) -> str | None:
    """Return why a list cannot show a column, None if it can."""
    built_in = tuple(column.id for column in columns_of(view))
    return problem_of(choice, built_in, has_paths=view == RUNS) if built_in else f"no list {view}"


def columns_of_file(
    columns: Mapping[str, Sequence[ColumnEntry]], file: ConfigFile = NO_FILE
) -> tuple[dict[str, ColumnSet], list[Complaint]]:
    """Return the columns of the config file by view, without those that are wrong, and a complaint about each.

    `columns` are those of the settings.
    """
    found: dict[str, ColumnSet] = {}
    complaints: list[Complaint] = []
    for view, entries in columns.items():
        choices = []
        places = dict(enumerate(places_of(file, f"columns.{view}")))
        for index, entry in enumerate(entries):
            problem = problem_in(view, entry)
            if problem is None:
                choices.append(entry)
            else:
                text = f"{problem}; this entry is ignored"
                complaints.append(Complaint(places.get(index, f"columns.{view}[{index}]"), text, file=file.shown))
        if choices:
            found[view] = ColumnSet(without_duplicates(choices))
    return found, complaints
