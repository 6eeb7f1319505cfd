"""JSON values as text: on one line, as rows that fold, and the part of them that a page shows."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import islice, repeat
from typing import Any, Final, NamedTuple

from rich.cells import cell_len

from tui.domain.run import ABSENT, Absent, Json
from tui.lazy_dataclass import dataclass
from tui.store.filter import value_filter
from tui.text import formatting
from tui.text.blocks import LABEL, ListRuns, Row, ShowWhole, ToggleFold, enter_hint
from tui.text.styled import ELLIPSIS, Line, Piece, Token, cut, fold, line_width

# Writes JSON as text with a loop instead of recursion: a payload may be nested as deep as the decoder allows.
#
# A number that JSON cannot write (1e999 decodes to infinity) becomes a string, `"Infinity"`, and never null.


Label = str | int | None
"""The label of a value in its container: a key, an index, or None for the root."""


def _walk(value: Json) -> Iterator[tuple[int, str | None, Json, str]]:
    """Yield each value with its depth, its key, and its bracket.

    A bracket is where a container begins and where it ends. Scalars and empty containers have none.
    """
    opened: list[tuple[Iterator[tuple[str | None, Json]], str]] = [(iter([(None, value)]), "")]
    while opened:
        items, end = opened[-1]
        for key, item in items:
            if not item or not isinstance(item, dict | list):
                yield len(opened) - 1, key, item, ""
                continue
            yield len(opened) - 1, key, item, "{" if isinstance(item, dict) else "["
            opened.append((iter(item.items()), "}") if isinstance(item, dict) else (zip(repeat(None), item), "]"))
            break
        else:
            opened.pop()
            if opened:
                yield len(opened) - 1, None, None, end


def rows(value: Json, *, ascii_only: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the lines of indented JSON as (depth, text), commas included. Joined without spaces they are compact
    JSON.
    """
    before: tuple[int, str] | None = None
    for depth, key, item, bracket in _walk(value):
        if before is not None:
            is_last = bracket in _ENDS or before[1].endswith(("{", "["))
            yield before if is_last else (before[0], f"{before[1]},")
        head = "" if key is None else f"{scalar(key, ascii_only=ascii_only)}: "
        before = depth, head + (bracket or scalar(item, ascii_only=ascii_only))
    assert before is not None
    yield before


_ENDS: Final = frozenset({"}", "]"})


def opening(value: Json, limit: int) -> str:
    """Return a value on one line, or more than `limit` characters of its start. The rest of it is not visited."""
    text = ""
    for _, row in rows(value):
        text += row + (" " if row.endswith(",") else "")
        if len(text) > limit:
            break
    return text


def compact(value: Json) -> str:
    """Return the value on one line of pure ASCII, with control characters and lone surrogates escaped."""
    try:
        return json.dumps(value, allow_nan=False)
    except (RecursionError, ValueError):
        return "".join(text + (" " if text.endswith(",") else "") for _, text in rows(value, ascii_only=True))


def as_json(value: Any) -> Any:
    """Return a value as JSON has it: times as the API writes them, spans in milliseconds, a dataclass by its fields."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case timedelta():
            ms = value / timedelta(milliseconds=1)
            return int(ms) if ms.is_integer() else ms
        case Enum():
            return value.value
        case tuple():
            return [as_json(each) for each in value]
        case _ if is_dataclass(value):
            return {spelled(each.name): as_json(getattr(value, each.name)) for each in fields(value)}
        case _:
            return value


def spelled(name: str) -> str:
    """Return the name of an attribute in the spelling of the API: `startedAt`."""
    head, *rest = name.removeprefix("is_").split("_")
    return head + "".join(map(str.title, rest))


def scalar(value: Json, *, ascii_only: bool = False) -> str:
    """Return a key or a scalar as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        value = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return json.dumps(value, ensure_ascii=ascii_only)


# JSON on one line, coloured by type: `{ step: "charge", progress: 0.66 }`, cut at the width.
#
# No more of a value is read than is drawn, so that a value of megabytes costs as little as a small one.


_BARE: Final = re.compile(r"[A-Za-z_$][\w$-]*\Z", re.ASCII)


class TextLine(str):
    """One line of an unfolded text, drawn as text and not as JSON."""

    __slots__ = ()


def key_of(label: Label, limit: int) -> Line:
    """Return `key: ` within `limit` cells, or nothing without a label. Keys are quoted where JavaScript requires it."""
    if label is None:
        return ()
    if isinstance(label, int):
        return (Piece(f"{label}: ", Token.FAINT),)
    name = cut((Piece(_key(label, limit), Token.MUTED),), max(limit - 2, 1))
    return (*name, Piece(": ", Token.FAINT))


def inline(value: Json, limit: int) -> tuple[Line, bool]:
    """Return the start of a value in at most `limit` cells, and whether that is all of it."""
    pieces: list[Piece] = []
    used = 0
    for text, token in _tokens(value, limit):
        pieces.append(Piece(text, token))
        used += cell_len(pieces[-1].text)
        if used > limit:
            return cut(tuple(pieces), limit), False
    return tuple(pieces), True


def literal(value: Json, max_characters: int) -> Line:
    """Return a scalar as JSON writes it. A text longer than `max_characters` characters has no closing quote."""
    return (Piece(*_scalar(value, max_characters)),)


def preview(value: Json, limit: int, note: str) -> Line:
    """Return the start of a value, followed by `note`, together within `limit` cells."""
    remark: Line = (Piece(f"  {note}", Token.FAINT),)
    room = limit - line_width(remark)
    if room < _MIN_PREVIEW:
        return cut((Piece(note, Token.FAINT),), limit)
    return (*inline(value, room)[0], *remark)


_MIN_PREVIEW: Final = 6


def _key(label: str, max_characters: int) -> str:
    start = label[: max_characters + 1]
    return start if _BARE.match(start) else scalar(start)


def _scalar(value: Json, max_characters: int) -> tuple[str, Token]:
    if not isinstance(value, str):
        return scalar(value), Token.BRIGHT
    if isinstance(value, TextLine):
        return value[:max_characters], Token.TEXT
    start = scalar(value[:max_characters])
    return (start if len(value) <= max_characters else start[:-1]), Token.TEXT


def _tokens(value: Json, max_characters: int) -> Iterator[tuple[str, Token]]:
    """Yield the tokens of a value."""
    is_first = True
    for _, key, item, bracket in _walk(value):
        if bracket in _ENDS:
            yield f" {bracket}", Token.FAINT
            is_first = False
            continue
        if not is_first:
            yield ", ", Token.FAINT
        is_first = bool(bracket)
        if key is not None:
            yield _key(key, max_characters), Token.MUTED
            yield ": ", Token.FAINT
        if bracket:
            yield f"{bracket} ", Token.FAINT
        elif isinstance(item, dict | list):
            yield scalar(item), Token.FAINT
        else:
            # One more than fits, so that the caller knows that the value is cut.
            yield _scalar(item, max_characters + 1)


# A JSON value as a list of rows that fold: iterating, stepping and searching.
#
# A value may be megabytes long or nested a thousand levels deep. Everything here is a loop or a generator, and goes
# only as far as the caller iterates. A long text folds into its lines.


JsonPath = tuple[int, ...]
"""The place of a value: its index within each container, from the root on. Paths sort in the order of the rows."""

ALL: Final = 1 << 30
MARK_CELLS: Final = 2
CHUNK_ROWS: Final = 4
SEARCH_SLICE: Final = 4_000
"""A search yields after this many values, which takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class JsonFolds:
    """Which places are unfolded.

    Containers above the depth `open_to` are open and texts are folded, except the places in `exceptions`. `found` holds
    the places that a search unfolds while it lasts.
    """

    open_to: int = 1
    exceptions: frozenset[JsonPath] = frozenset()
    found: frozenset[JsonPath] = frozenset()

    def is_open(self, path: JsonPath, *, is_text: bool = False) -> bool:
        """Return whether the place is unfolded."""
        by_depth = len(path) < self.open_to and not is_text
        return path in self.found or by_depth != (path in self.exceptions)

    def with_fold(self, path: JsonPath, *, is_text: bool = False, is_open: bool) -> "JsonFolds":
        """Return a copy with one place unfolded or folded."""
        folds = replace(self, found=self.found if is_open else self.found - {path})
        is_done = folds.is_open(path, is_text=is_text) is is_open
        return folds if is_done else replace(folds, exceptions=folds.exceptions ^ {path})


class VisibleRow(NamedTuple):
    """One visible row: a value with its path, and whether it can be unfolded and is."""

    path: JsonPath
    label: Label
    value: Json
    is_foldable: bool
    is_open: bool

    @property
    def is_text(self) -> bool:
        """Whether the value is a text, which unfolds into lines."""
        return isinstance(self.value, str)


def indent_of(depth: int, room: int) -> int:
    """Return the cells before a row. Deep rows stop moving to the right once half of the width is used."""
    return min(2 * max(depth - 1, 0), room // 4 * 2)


def room_of(path: JsonPath, label: Label, room: int) -> int:
    """Return the cells that are left for a value after its mark and its key."""
    if not path:
        return room
    inner = room - indent_of(len(path), room) - MARK_CELLS
    return max(inner - line_width(key_of(label, inner // 2)), 1)


class FoldedJson:
    """A value, its folds, and its width. A value that fits into its row never folds."""

    def __init__(self, value: Json, folds: JsonFolds, room: int, *, is_wrapped: bool = False) -> None:
        self.value = value
        self.folds = folds
        self.room = room
        self.is_wrapped = is_wrapped
        self._lists: dict[int, list[tuple[Label, Json]]] = {}

    def walk(self, start: JsonPath = ()) -> Iterator[VisibleRow]:
        """Yield the visible rows, starting with one of them."""
        lineage = self._lineage(start)
        first = self._step(start, *lineage[-1])
        yield first
        above = enumerate(lineage[:-1])
        opened = [self._below(start[:depth], value, start[depth] + 1) for depth, (_, value) in above]
        if first.is_open:
            opened.append(self._below(start, first.value))
        while opened:
            step = next(opened[-1], None)
            if step is None:
                opened.pop()
                continue
            yield step
            if step.is_open:
                opened.append(self._below(step.path, step.value))

    def _below(self, path: JsonPath, value: Json, begin: int = 0) -> Iterator[VisibleRow]:
        """Yield the rows of the values in a container, from the one at an index on."""
        children = self._children(value, len(path) + 1)
        return (self._step((*path, index), *children[index]) for index in range(begin, len(children)))

    def step(self, path: JsonPath) -> VisibleRow:
        """Return the row at a path."""
        return self._step(path, *self._lineage(path)[-1])

    def above(self, path: JsonPath) -> JsonPath | None:
        """Return the visible row before one, or None at the top."""
        if not path:
            return None
        *parent, index = path
        return self._last_below((*parent, index - 1)) if index else tuple(parent)

    def last(self) -> JsonPath:
        """Return the last visible row."""
        return self._last_below(())

    def nearest(self, path: JsonPath) -> JsonPath:
        """Return the path, or the closest visible path around it if it is folded away or no longer exists."""
        at: JsonPath = ()
        label, value = None, self.value
        for index in path:
            step = self._step(at, label, value)
            children = self._children(value, len(at) + 1) if step.is_open else []
            if not children:
                return at
            index = min(index, len(children) - 1)  # noqa: PLW2901  at another width a text has other lines
            at = (*at, index)
            label, value = children[index]
        return at

    def find(self, needle: str) -> Iterator[JsonPath | None]:
        """Yield the paths whose key or text contains `needle` (in folded case), in order, folded ones too.

        Yields None after every `SEARCH_SLICE` values, so that the caller can let other tasks run.
        """
        looked_at = 0
        path: list[int] = []
        for depth, key, item, bracket in _walk(self.value):
            if bracket in _ENDS:
                continue
            looked_at += 1
            if looked_at % SEARCH_SLICE == 0:
                yield None
            path[depth:] = [path[depth] + 1 if depth < len(path) else 0]
            if _matches(key, item, needle):
                yield from self._places(tuple(path[1:]), key, item, needle)

    def _places(self, path: JsonPath, label: Label, value: Json, needle: str) -> Iterator[JsonPath]:
        """Yield the matching lines of a text that folds, else the path of the value."""
        is_found = False
        # A text that is not longer than a row has one line. Testing for a fold costs more than searching the text.
        may_fold = isinstance(value, str) and (len(value) > self.room or "\n" in value)
        if may_fold and self._is_foldable(path, label, value):
            for index, (_, line) in enumerate(self._children(value, len(path) + 1)):
                if needle in line.casefold():
                    is_found = True
                    yield (*path, index)
        if not is_found:
            yield path

    def _last_below(self, path: JsonPath) -> JsonPath:
        step = self.step(path)
        while step.is_open:
            children = self._children(step.value, len(step.path) + 1)
            if not children:
                break
            index = len(children) - 1
            step = self._step((*step.path, index), *children[index])
        return step.path

    def _lineage(self, path: JsonPath) -> list[tuple[Label, Json]]:
        """Return the values from the root to a path, whether they are folded or not."""
        found: list[tuple[Label, Json]] = [(None, self.value)]
        for depth, index in enumerate(path, 1):
            found.append(self._children(found[-1][1], depth)[index])
        return found

    def _step(self, path: JsonPath, label: Label, value: Json) -> VisibleRow:
        is_foldable = self._is_foldable(path, label, value)
        is_text = isinstance(value, str)
        return VisibleRow(path, label, value, is_foldable, is_foldable and self.folds.is_open(path, is_text=is_text))

    def _is_foldable(self, path: JsonPath, label: Label, value: Json) -> bool:
        if isinstance(value, TextLine) or not isinstance(value, dict | list | str) or not value:
            return False
        if isinstance(value, str) and "\n" in value:
            return True
        return not inline(value, room_of(path, label, self.room))[1]

    def _children(self, value: Json, depth: int) -> "_Children":
        if isinstance(value, list):
            return _IndexedItems(value)
        known = self._lists.get(id(value))
        if known is None:
            known = list(value.items()) if isinstance(value, dict) else self._lines_of(value, depth)
            self._lists[id(value)] = known
        return known

    def _lines_of(self, text: str, depth: int) -> list[tuple[Label, Json]]:
        lines = text.split("\n")
        if not self.is_wrapped:
            return [(None, TextLine(line)) for line in lines]
        # A whole number of rows, so that no chunk ends inside a row. A character may be two cells wide.
        size = max(self.room - indent_of(depth, self.room), 2) // 2 * 2 * CHUNK_ROWS
        return [
            (None, TextLine(line[start : start + size])) for line in lines for start in range(0, len(line) or 1, size)
        ]


class _IndexedItems:
    """A list with the index of each item as its label, without a copy of the list."""

    def __init__(self, items: list[Json]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[tuple[Label, Json]]:
        return enumerate(self._items)

    def __getitem__(self, index: int) -> tuple[Label, Json]:
        return index, self._items[index]


_Children = _IndexedItems | list[tuple[Label, Json]]


def _matches(label: Label, value: Json, needle: str) -> bool:
    if isinstance(label, str) and needle in label.casefold():
        return True
    if isinstance(value, dict | list):
        return False
    return needle in (value if isinstance(value, str) else scalar(value)).casefold()


def value_at(value: Json, path: JsonPath) -> Json | Absent:
    """Return the value at a path, and the whole text for any of its lines; `ABSENT` if there is none."""
    for index in path:
        if isinstance(value, str):
            break
        if not isinstance(value, dict | list) or index >= len(value):
            return ABSENT
        value = next(islice(value.values(), index, None)) if isinstance(value, dict) else value[index]
    return value


def containers_of(paths: Iterable[JsonPath]) -> frozenset[JsonPath]:
    """Return all containers around these paths. They have to be open for the paths to be visible."""
    return frozenset(path[:depth] for path in paths for depth in range(len(path)))


def unfolded_for(
    folded: FoldedJson, needle: str, *, max_slices: int, max_matches: int
) -> tuple[frozenset[JsonPath], bool]:
    """Return the places to unfold for all matches to be visible, and whether the search was complete.

    The search looks at `max_slices` times `SEARCH_SLICE` values, and stops after `max_matches` matches.
    """
    slices_left = max_slices
    found: list[JsonPath] = []
    for place in folded.find(needle):
        if place is not None:
            found.append(place)
        else:
            slices_left -= 1
        if slices_left <= 0 or len(found) >= max_matches:
            return containers_of(found), False
    return containers_of(found), True


# Draws the rows of a folding JSON value, and as many of them as a pane has room for.


WRAPPED_ROWS: Final = 2 * CHUNK_ROWS
"""The rows of one wrapped value. More would hide the values below it."""

MAX_COUNTED: Final = 1_000
"""Hidden rows are counted up to this number."""


@dataclass(frozen=True, slots=True)
class ValuePath:
    """The place of a value on a page: its label, and the path within the value."""

    label: str
    path: JsonPath


def step_lines(step: VisibleRow, room: int, *, is_wrapped: bool = False) -> list[Line]:
    """Return the lines of one row within `room` cells (at least 10). A wrapped value may have several."""
    # In a very narrow pane the mark and the key alone may be too wide.
    return [cut(line, room) for line in _lines(step, room, is_wrapped=is_wrapped)]


def step_rows(step: VisibleRow, place: ValuePath, room: int, *, is_wrapped: bool) -> list[Row]:
    """Return the same as rows of a page, of which the first has the place as its key."""
    action = None if not step.is_foldable else ShowWhole(place) if step.is_text else ToggleFold(place)
    lines = step_lines(step, room, is_wrapped=is_wrapped)
    return [Row(line, None if index else place, action) for index, line in enumerate(lines)]


def _lines(step: VisibleRow, room: int, *, is_wrapped: bool) -> list[Line]:
    margin = _margin(step, room)
    head: Line = (*margin, *key_of(step.label, (room - line_width(margin)) // 2))
    # A root that folds has its mark where other rows have their key.
    rest = max(room - line_width(head), 1) if step.path else max(room - line_width(margin), 1)
    if isinstance(step.value, TextLine):
        if not is_wrapped:
            return [(*head, *cut((Piece(step.value[: rest + 1], Token.TEXT),), rest))]
        indent = Piece(" " * line_width(head))
        return [(indent, *row) for row in fold((Piece(step.value, Token.TEXT),), rest)]
    if step.is_open:
        return [(*head, *cut((Piece(note_of(step.value), Token.FAINT),), rest))]
    if not step.is_foldable:
        line, is_whole = inline(step.value, rest)
        # A scalar that does not fold may still be longer than its row: a number with a thousand digits.
        return [(*head, *line)] if is_whole else _wrapped(step.value, head, rest, is_wrapped=is_wrapped)
    if is_wrapped and step.is_text:
        return _wrapped(step.value, head, rest, is_wrapped=True)
    return [(*head, *preview(step.value, rest, note_of(step.value)))]


class ValueRows:
    """Draws the rows of values and caches them until the value, its folds or the width change.

    A page is rebuilt every second, while only visible rows and the count of hidden ones cost time.
    """

    def __init__(self) -> None:
        self._cache: dict[str, tuple[Json, tuple[JsonFolds, int, bool, int], list[Row]]] = {}

    def rows(
        self, label: str, value: Json, folds: JsonFolds, limit: int, *, is_wrapped: bool = False, max_rows: int = 60
    ) -> list[Row]:
        """Return at most `max_rows` rows of a labelled value, and a row that leads to the rest."""
        arguments = (folds, limit, is_wrapped, max_rows)
        cached = self._cache.get(label)
        if cached is not None and cached[0] is value and cached[1] == arguments:
            return cached[2]
        room = max(limit - LABEL, LABEL)
        folded = FoldedJson(value, folds, room, is_wrapped=is_wrapped)
        rows: list[Row] = []
        steps = folded.walk()
        for step in islice(steps, max_rows):
            for row in step_rows(step, ValuePath(label, step.path), room, is_wrapped=is_wrapped):
                runs = value_filter(label, value, step.path)
                action = row.action or (ListRuns(runs) if runs else None)
                rows.append(row._replace(line=_behind("" if rows else label, row.line), action=action))
        left = sum(1 for _ in islice(steps, MAX_COUNTED))
        if left:
            most = f"{formatting.count(MAX_COUNTED)} or more lines"
            count = formatting.plural(left, "more line") if left < MAX_COUNTED else most
            note = (Piece(f"… {count}  ", Token.FAINT), *enter_hint())
            rows.append(Row(_behind("", cut(note, room)), (label, "more"), ShowWhole(ValuePath(label, ()))))
        self._cache[label] = (value, arguments, rows)
        return rows


def _behind(label: str, line: Line) -> Line:
    return (Piece(f"{label:<{LABEL}}", Token.FAINT), *line)


def _margin(step: VisibleRow, room: int) -> Line:
    if isinstance(step.value, TextLine):
        return (Piece(" " * indent_of(len(step.path), room)),)
    mark = "▾ " if step.is_open else "▸ " if step.is_foldable else "  "
    if not step.path:
        return (Piece(mark, Token.FAINT),) if step.is_foldable else ()
    return (Piece(" " * indent_of(len(step.path), room)), Piece(mark, Token.FAINT))


def note_of(value: Json) -> str:
    """Return the size of a folded value: `12 keys`, `120 items`, `13 kB, 4 lines`."""
    if isinstance(value, dict):
        return formatting.plural(len(value), "key")
    if isinstance(value, list):
        return formatting.plural(len(value), "item")
    if not isinstance(value, str):
        return ""
    lines = value.count("\n") + 1
    size = formatting.size(len(value.encode("utf-8", "surrogatepass")))
    return f"{size}, {formatting.plural(lines, 'line')}" if lines > 1 else size


def _wrapped(value: Json, head: Line, rest: int, *, is_wrapped: bool) -> list[Line]:
    """Wrap a long value. If rows are missing, the last one says how long the value is."""
    if not is_wrapped:
        return [(*head, *cut(literal(value, rest + 1), rest))]
    max_rows = WRAPPED_ROWS * max(rest, 2)
    rows = fold(literal(value, max_rows), rest)
    if len(rows) > WRAPPED_ROWS or (isinstance(value, str) and len(value) > max_rows):
        note: Line = (Piece(f"  {note_of(value)}", Token.FAINT),)
        last = cut((*rows[WRAPPED_ROWS - 1], Piece(ELLIPSIS)), max(rest - line_width(note), 1))
        rows = [*rows[: WRAPPED_ROWS - 1], cut((*last, *note), rest)]
    indent = Piece(" " * line_width(head))
    return [(*head, *rows[0]), *((indent, *row) for row in rows[1:])]


# The part of a folding JSON value that is visible on a page: the rows around the cursor.
#
# An open root has no row of its own, because the title of the page describes it.


Shown = list[tuple[JsonPath, Line]]
"""Lines with the path of their row. A wrapped row has several lines."""


def visible(folded: FoldedJson, path: JsonPath) -> JsonPath:
    """Return the visible row nearest to a path."""
    found = folded.nearest(path)
    return (0,) if not found and folded.step(()).is_open else found


def moved(folded: FoldedJson, path: JsonPath, rows: int) -> JsonPath:
    """Return the row `rows` further down, or up if negative, clamped to the first or the last row."""
    if rows > 0:
        for _, step in zip(range(rows + 1), folded.walk(path), strict=False):
            path = step.path
        return path
    for _ in range(-rows):
        path = folded.above(path) or path
    return path


def window(folded: FoldedJson, start: JsonPath, at: JsonPath, height: int) -> tuple[JsonPath, Shown]:
    """Return the path of the first visible row, and at most `height` lines.

    The window starts with `start`, unless the row `at` would be cut or lines at the end would stay empty.
    """
    start = min(start, at)
    shown = _from(folded, start, height)
    is_below = shown[-1][0] < at or (len(shown) > height and at >= shown[height][0])
    if is_below or len(shown) < height:
        start = _first_above(folded, at if is_below else folded.last(), height)
        shown = _from(folded, start, height)
    return start, shown[:height]


def _from(folded: FoldedJson, start: JsonPath, height: int) -> Shown:
    """Return the lines from a row on, including all lines of the last row."""
    shown: Shown = []
    for step in folded.walk(start):
        shown += [(step.path, line) for line in _window_lines(folded, step)]
        if len(shown) > height:
            break
    return shown


def _first_above(folded: FoldedJson, path: JsonPath, height: int) -> JsonPath:
    """Return the first row of a window that ends with this row."""
    top = visible(folded, ())
    room = height - len(_window_lines(folded, folded.step(path)))
    while path != top and (above := folded.above(path)) is not None:
        room -= len(_window_lines(folded, folded.step(above)))
        if room < 0:
            break
        path = above
    return path


def _window_lines(folded: FoldedJson, step: VisibleRow) -> list[Line]:
    return step_lines(step, folded.room, is_wrapped=folded.is_wrapped)
