"""TRQL's functions: templates for SQLite, and in Python those that it lacks."""

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from tui.emulator.query.tables import Fact, pack_array
from tui.emulator.simulation.runs import Status
from tui.emulator.simulation.script import Json

# TRQL's functions as SQL templates for SQLite.
#
# `{0}`, `{1}` … are the arguments, `{all}` is all of them with commas, `{any}` with OR, `{p0}` … are the parameters of
# a parametric function, `{f}` is the FILTER of an `…If` aggregate, `{empty}` is the value of an aggregate over no rows.
# The functions that SQLite cannot express are defined in Python, below. A name that is not listed here is refused.


MILLISECONDS = "(CAST(strftime('%s', {0}) AS INTEGER) * 1000 + CAST(substr(strftime('%f', {0}), 4) AS INTEGER))"
SECONDS = "CAST(strftime('%s', {0}) AS INTEGER)"

MS, S, DAY = "ms", "s", "day"
"""The precision of a time: `2026-11-24 14:12:45.434`, `2026-11-24 14:12:45` or `2026-11-24`."""


MANY = "1000000000"
"""More elements than any array has."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `max_args` is None for any number of arguments.

    `time` is the precision of the moment that it returns; "same" means the precision of its argument.
    """

    sql: str
    min_args: int = 1
    max_args: int | None = 1
    time: str = ""
    parameters: int = 0
    uses_stored_status: bool = False
    default: str = "0.5"
    """The parameter of a parametric function without one."""


AGGREGATES = {
    "count": Function("count({all}){f}", min_args=0),
    "sum": Function("ifnull(sum({0}){f}, 0)"),
    "avg": Function("avg({0}){f}"),
    "min": Function("min({0}){f}", time="same"),
    "max": Function("max({0}){f}", time="same"),
    "any": Function("min({0}){f}", time="same", uses_stored_status=True),
    "argmax": Function(
        "ifnull(arg_max({0}, {1}){f}, {empty})", min_args=2, max_args=2, time="same", uses_stored_status=True
    ),
    **{name: Function("count(DISTINCT {0}){f}") for name in ("uniq", "uniqexact")},
    "median": Function("quantiles({0}, 0, 0.5){f}"),
    "quantile": Function("quantiles({0}, 0, {p0}){f}", parameters=1),
    "quantiles": Function("quantiles({0}, 1, {p}){f}", parameters=9),
    "grouparray": Function("grouped({0}, 0, {p0}){f}", parameters=1, default=MANY),
    "groupuniqarray": Function("grouped({0}, 1, {p0}){f}", uses_stored_status=True, parameters=1, default=MANY),
}

BUCKET_UNITS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
"""The units of `toStartOfInterval`, in seconds."""


def start_of_bucket(moment: str, bucket_s: int) -> str:
    """Return the SQL for the start of the bucket that holds a moment. Buckets count from 1970."""
    return f"datetime(CAST(strftime('%s', {moment}) AS INTEGER) / {bucket_s} * {bucket_s}, 'unixepoch')"


SCALARS = {
    "if": Function("CASE WHEN {0} THEN {1} ELSE {2} END", 3, 3),
    "coalesce": Function("coalesce({all})", 2, None),
    "or": Function("({any})", 2, None),
    **{name: Function(f"{name}({{all}})", 2, 2) for name in ("ifnull", "nullif")},
    **{name: Function(f"{name}({{0}})") for name in ("lower", "upper", "abs", "trim")},
    "round": Function("round({all})", 1, 2),
    "has": Function("has({0}, {1})", 2, 2),
    "arraysort": Function("array_sort({0})"),
    "arrayslice": Function("array_slice({all})", 2, 3),
    "totimezone": Function("in_zone({0}, {1})", 2, 2, time="same"),
    "tostring": Function("CAST({0} AS TEXT)", uses_stored_status=True),
    "todate": Function("date({0})", time=DAY),
    "todatetime64": Function("strftime('%Y-%m-%d %H:%M:%f', {0})", 1, 2, time=MS),
    "tostartofminute": Function(start_of_bucket("{0}", 60), time=S),
    "tostartofhour": Function(start_of_bucket("{0}", 3600), time=S),
    "tohour": Function("CAST(strftime('%H', {0}) AS INTEGER)"),
    "tounixtimestamp": Function(SECONDS),
}

COUNTED_UNITS = {unit: f"({SECONDS} / {seconds})" for unit, seconds in BUCKET_UNITS_S.items()}
"""The number of whole units since a fixed time. `dateDiff` counts the boundaries between two times."""

USED = frozenset(
    name
    for sql in (
        *(function.sql for function in (*AGGREGATES.values(), *SCALARS.values())),
        *COUNTED_UNITS.values(),
        "json_extract() json_each() matches() run_output() run_error() stored_status()",
    )
    for name in re.findall(r"([a-z_]+)\(", sql)
)
"""The SQL functions that a translated query may call. The authorizer refuses all others."""


# TRQL functions that SQLite lacks, in Python: arrays, patterns, quantiles, argMax.
#
# Arrays are BLOBs of JSON (`tables.pack_array`). The timeout of a query applies only between calls, so each function
# runs in time linear in the length of its arguments.


MAX_GROUPED = 100_000


def unpack_array(packed_array: Fact) -> list[Json]:
    """Decode an array; any other value is an empty one."""
    if not isinstance(packed_array, bytes):
        return []
    values: list[Json] = json.loads(packed_array.decode("utf-8", "surrogatepass"))
    return values


def has(values: Fact, value: Fact) -> int:
    if not isinstance(values, bytes) or isinstance(value, bytes):
        return 0
    # The array usually lacks the value, and its text shows that without decoding.
    return int(_inside(value) in values and value in unpack_array(values))


@lru_cache(64)
def _inside(value: Fact) -> bytes:
    return pack_array([value])[1:-1]


def array_slice(values: Fact, offset: Fact, length: Fact = None) -> bytes:
    """A part of an array. Elements count from 1, a negative offset from the end."""
    found = unpack_array(values)
    if not isinstance(offset, int) or not offset:
        return pack_array([])
    start = offset - 1 if offset > 0 else max(0, len(found) + offset)
    if not isinstance(length, int):
        return pack_array(found[start:])
    return pack_array(found[start : start + length if length >= 0 else length])


def array_sort(values: Fact) -> bytes:
    """An array of numbers or of texts in order."""
    return pack_array(sorted(unpack_array(values)))


def in_zone(text: Fact, zone: Fact) -> str | None:
    """A time of UTC as the clocks of a time zone show it. Raises ValueError for an unknown zone."""
    if not isinstance(text, str) or not text:
        return None
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone(ZoneInfo(str(zone)))
    shown = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{shown}.{moment.microsecond // 1000:03d}" if "." in text else shown


def matches(text: Fact, pattern: Fact, is_caseless: int) -> int | None:
    """LIKE, or ILIKE when `is_caseless`: `%` is any text, `_` any character, a backslash escapes the next one."""
    if text is None or pattern is None or isinstance(text, bytes):
        return None
    first, *rest = _segments(str(pattern), bool(is_caseless))
    found = first.match(str(text))
    if found is None or not rest:
        return int(found is not None and found.end() == len(str(text)))
    at = found.end()
    for segment in rest[:-1]:
        found = segment.search(str(text), at)
        if found is None:
            return 0
        at = found.end()
    # The last segment has a fixed length, so only one position is possible.
    last = len(str(text)) - _width(str(pattern))
    return int(last >= at and rest[-1].match(str(text), last) is not None)


_PIECE = re.compile(r"\\(.)|(.)", re.DOTALL)


def _split(pattern: str) -> list[list[str]]:
    """The segments of the pattern between its `%`, each as a list of regular expressions for single characters."""
    segments: list[list[str]] = [[]]
    for literal, letter in _PIECE.findall(pattern):
        if letter == "%":
            segments.append([])
        else:
            segments[-1].append("." if letter == "_" else re.escape(literal or letter))
    return segments


@lru_cache(64)
def _segments(pattern: str, is_caseless: bool) -> list[re.Pattern[str]]:  # noqa: FBT001  a cache key
    flags = re.DOTALL | (re.IGNORECASE if is_caseless else re.NOFLAG)
    return [re.compile("".join(segment), flags) for segment in _split(pattern)]


@lru_cache(64)
def _width(pattern: str) -> int:
    return len(_split(pattern)[-1])


def quantile(ordered: list[float], level: float) -> float:
    """Interpolate between the two neighbours as ClickHouse does, rounding errors included (recording 832)."""
    index = max(0.0, min(len(ordered) - 1.0, level * (len(ordered) - 1)))
    left = int(index)
    if left + 1 == len(ordered):
        return float(ordered[left])
    right = left + 1
    return ordered[left] * (right - index) + ordered[right] * (index - left)


_STORED = {status.title: status.database for status in Status}


def stored_status(title: Fact) -> Fact:
    """The database's word for a status; any other value unchanged."""
    return _STORED.get(title, title) if isinstance(title, str) else title


class ArgMax:
    """The aggregate `arg_max(value, key)`: the value of the row with the greatest key."""

    def __init__(self) -> None:
        self._value: Fact = None
        self._key: Any = None

    def step(self, value: Fact, key: Any) -> None:
        """Compare one row. Rows without a key do not count."""
        if key is not None and (self._key is None or key > self._key):
            self._value, self._key = value, key

    def finalize(self) -> Fact:
        """The value; None where no row had a key."""
        return self._value


class Quantiles:
    """The aggregate `quantiles(value, is_array, level, …)`: one number, or an array with one for each level."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._levels: tuple[float, ...] = ()
        self._is_array = False

    def step(self, value: Any, is_array: int, *levels: float) -> None:
        self._levels, self._is_array = levels, bool(is_array)
        if isinstance(value, int | float):
            self._values.append(value)

    def finalize(self) -> Fact:
        """Return the result; None without values."""
        self._values.sort()
        found = [quantile(self._values, level) if self._values else None for level in self._levels]
        if self._is_array:
            return pack_array(found)
        return found[0] if found else None


class Grouped:
    """The aggregate `grouped(value, is_distinct, most)`: an array of the first values that are not NULL."""

    def __init__(self) -> None:
        self._values: list[Fact] = []
        self._is_distinct = False

        self._most = MAX_GROUPED

    def step(self, value: Fact, is_distinct: int, most: float) -> None:
        self._is_distinct, self._most = bool(is_distinct), int(most)
        if value is not None and len(self._values) < MAX_GROUPED:
            self._values.append(value)

    def finalize(self) -> bytes:
        values = list(dict.fromkeys(self._values)) if self._is_distinct else self._values
        return pack_array(values[: self._most])


def register(
    connection: sqlite3.Connection, run_output: Callable[[int], Fact], run_error: Callable[[int], Fact]
) -> None:
    """Register all functions with a connection. The last two compute the columns `output` and `error` of a run."""
    for name, arguments, function in (
        ("has", 2, has),
        ("array_slice", -1, array_slice),
        ("array_sort", 1, array_sort),
        ("in_zone", 2, in_zone),
        ("matches", 3, matches),
        ("stored_status", 1, stored_status),
    ):
        connection.create_function(name, arguments, function, deterministic=True)
    connection.create_function("run_output", 1, run_output)
    connection.create_function("run_error", 1, run_error)
    # The type stubs accept only aggregates of two arguments.
    connection.create_aggregate("quantiles", -1, cast("Any", Quantiles))
    connection.create_aggregate("grouped", 3, cast("Any", Grouped))
    connection.create_aggregate("arg_max", 2, cast("Any", ArgMax))
