"""TRQL functions that SQLite lacks, in Python: arrays, patterns, quantiles, argMax.

Arrays are BLOBs of JSON (`columns.pack_array`). The timeout of a query applies only between calls, so each function
runs in time linear in the length of its arguments.
"""

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from tui.emulator.query.columns import Fact, pack_array
from tui.emulator.simulation.script import Json
from tui.emulator.simulation.statuses import Status

MAX_GROUPED = 100_000


def unpack_array(packed_array: Fact) -> list[Json]:
    """Decode an array; any other value is an empty one."""
    if not isinstance(packed_array, bytes):
        return []
    values: list[Json] = json.loads(packed_array.decode("utf-8", "surrogatepass"))
    return values


def array(*values: Fact) -> bytes:
    """`[a, b, …]`, whose elements may be arrays."""
    return pack_array([unpack_array(value) if isinstance(value, bytes) else value for value in values])


def has(values: Fact, value: Fact) -> int:
    if not isinstance(values, bytes) or isinstance(value, bytes):
        return 0
    # The array usually lacks the value, and its text shows that without decoding.
    return int(_inside(value) in values and value in unpack_array(values))


@lru_cache(64)
def _inside(value: Fact) -> bytes:
    return pack_array([value])[1:-1]


def has_any(values: Fact, wanted: Fact) -> int:
    return int(any(value in unpack_array(values) for value in unpack_array(wanted)))


def has_all(values: Fact, wanted: Fact) -> int:
    return int(all(value in unpack_array(values) for value in unpack_array(wanted)))


def array_length(values: Fact) -> int:
    return len(unpack_array(values))


def array_slice(values: Fact, offset: Fact, length: Fact = None) -> bytes:
    """A part of an array. Elements count from 1, a negative offset from the end."""
    found = unpack_array(values)
    if not isinstance(offset, int) or not offset:
        return pack_array([])
    start = offset - 1 if offset > 0 else max(0, len(found) + offset)
    if not isinstance(length, int):
        return pack_array(found[start:])
    return pack_array(found[start : start + length if length >= 0 else length])


def array_sort(values: Fact, is_descending: int) -> bytes:
    """An array in order: numbers before texts before anything else."""
    ordered = sorted(unpack_array(values), key=_rank, reverse=bool(is_descending))
    return pack_array(ordered)


def _rank(value: Json) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, value, ""
    return (1, 0, value) if isinstance(value, str) else (2, 0, json.dumps(value))


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


class ArgMin(ArgMax):
    """The aggregate `arg_min(value, key)`: the value of the row with the smallest key."""

    def step(self, value: Fact, key: Any) -> None:
        """Compare one row. Rows without a key do not count."""
        if key is not None and (self._key is None or key < self._key):
            self._value, self._key = value, key


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
        return array(*values[: self._most])


def register(
    connection: sqlite3.Connection, run_output: Callable[[int], Fact], run_error: Callable[[int], Fact]
) -> None:
    """Register all functions with a connection. The last two compute the columns `output` and `error` of a run."""
    for name, arguments, function in (
        ("array", -1, array),
        ("has", 2, has),
        ("has_any", 2, has_any),
        ("has_all", 2, has_all),
        ("array_length", 1, array_length),
        ("array_slice", -1, array_slice),
        ("array_sort", 2, array_sort),
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
    connection.create_aggregate("arg_min", 2, cast("Any", ArgMin))
