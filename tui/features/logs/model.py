"""The lines of a log as the pane shows them, and how they are read."""

import asyncio
import json
import os
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from tui.api.errors import ApiError, NotFound
from tui.domain.log import LogLevel, LogLine, RunLog
from tui.domain.run import RunId, SpanId
from tui.features.copying.words import file_name, log_text
from tui.features.logs import words
from tui.kit.page import PageRow
from tui.kit.selection import Fetched, Need
from tui.kit.words import without_request
from tui.lazy_dataclass import dataclass
from tui.sync.budget import Priority
from tui.sync.session import Session
from tui.text import formatting
from tui.text.json import FoldedJson, JsonFolds, JsonPath, ValuePath, containers_of
from tui.text.styled import Line

# A window on lines of several rows each, with a cursor.
#
# A place is a line with a row of it. The rows of a line are asked for only where the window or the cursor pass, so that
# the number of lines costs nothing.


class Place(NamedTuple):
    """The place of a row: the line, counted from the top, and the row within it."""

    line: int
    row: int


TOP: Final = Place(0, 0)


# The lines of a log as the pane shows them: filtered by level, opened, and seen through a window.
#
# A log may have 25,000 lines. Only the visible ones are made, and a place is a line with a row of it, not a number of
# rows from the top. So every key costs the same in a short log and in a long one.


MAX_OPEN_LINES: Final = 50
"""Opened lines. The one that was opened first is closed for another one."""

MAX_CACHED_LINES: Final = 400
"""Lines whose rows are kept, more than two screens show. All are made again when there are more."""

SEARCH_LINES: Final = 1_000
"""A search pauses after so many lines, which takes about a millisecond."""

MAX_SEARCHED: Final = 1_000
"""Matches in the attributes of one line that a search unfolds."""

SEARCH_CHARS: Final = 400_000
"""And after so many characters."""


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Open or close the line with this index in the log."""

    index: int


class ShownRow(NamedTuple):
    """One visible row. `log_index` is the line in the log, None for a sentence below it."""

    place: Place
    row: PageRow
    log_index: int | None


class LogView:
    """The log of one run, and the place of the cursor in it.

    `attributes_of` returns the attributes of an opened line, `end_rows` the sentences below the last line for a width.
    """

    def __init__(
        self, attributes_of: Callable[[LogLine], words.Attributes], end_rows: Callable[[int], Sequence[Line]]
    ) -> None:
        self._attributes_of = attributes_of
        self._end_rows = end_rows
        self.log: RunLog | None = None
        self.started_at: datetime | None = None
        self.least = LogLevel.DEBUG
        self.is_wrapped = False
        self.needle = ""
        self.hits: list[int] = []
        """The indices of the lines that contain the needle, as far as they were searched."""
        self._levels = b""
        self.shown: Sequence[int] = ()
        """The indices of the shown lines."""
        self._open: OrderedDict[int, words.LineFolds] = OrderedDict()
        self._made: dict[int, tuple[PageRow, ...]] = {}
        self._end: tuple[PageRow, ...] = ()
        self._width = 0
        self.columns = words.columns_for(0, 1)
        """The columns for the current width."""
        self.cursor = self.top = TOP
        """The places of the cursor and of the first visible row."""

    @property
    def shown_count(self) -> int:
        """How many lines the level filter leaves."""
        return len(self.shown)

    @property
    def hidden_count(self) -> int:
        """How many lines the level filter hides."""
        return (0 if self.log is None else len(self.log)) - len(self.shown)

    @property
    def has_errors(self) -> bool:
        """Whether the log has a line of the level error. No level hides those."""
        return LogLevel.ERROR in self._levels

    @property
    def index(self) -> int | None:
        """The index of the line under the cursor in the log."""
        return self._index_at(self.cursor)

    def _index_at(self, place: Place) -> int | None:
        return self.shown[place.line] if place.line < len(self.shown) else None

    @property
    def row(self) -> PageRow | None:
        """The row under the cursor, None without lines."""
        return None if self.index is None else self._rows_of(self.cursor.line)[self.cursor.row]

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is in the last line, or there is none."""
        return self.cursor.line >= len(self.shown) - 1

    def is_hit(self, index: int) -> bool:
        """Return whether a line contains the needle, as far as it was searched."""
        place = bisect_left(self.hits, index)
        return place < len(self.hits) and self.hits[place] == index

    def is_open(self, index: int) -> bool:
        """Return whether a line is opened."""
        return index in self._open

    def show(self, log: RunLog | None, started_at: datetime | None, *, sticks_to_end: bool = False) -> None:
        """Show another log. The cursor stays on its line; with `sticks_to_end` it stays on the last one.

        It does not leave an open line, which the user reads.
        """
        before, index, self.started_at = self.log, self.index, started_at
        was_at_end = self.is_at_end and index not in self._open
        top = self._index_at(self.top)
        self.log = log
        self._levels = b"" if log is None else log.levels()
        self._made.clear()
        if before is None or log is None:
            self._open.clear()
        else:
            moved = [(before.index_in(log, old), folds) for old, folds in self._open.items()]
            self._open = OrderedDict((new, folds) for new, folds in moved if new is not None)
            index = None if index is None else before.index_in(log, index)
            top = None if top is None else before.index_in(log, top)
        self._filter(index, top)
        self._size()
        if was_at_end and sticks_to_end:
            self.to_bottom()

    def count_from(self, started_at: datetime | None) -> None:
        """Show times since this moment."""
        if started_at != self.started_at:
            self.started_at = started_at
            self._made.clear()

    def start_over(self) -> None:
        """Drop the log and everything about it. The level and the wrapping stay."""
        self.show(None, None)
        self.needle, self.hits = "", []
        self.cursor = self.top = TOP

    def show_from(self, least: LogLevel) -> None:
        """Show the lines of a level and those above it. The cursor moves to the nearest line before its own."""
        self.least = least
        self._filter(self.index, self._index_at(self.top))

    def _filter(self, index: int | None, top: int | None) -> None:
        if self.least is LogLevel.DEBUG:
            self.shown = range(len(self._levels))
        else:
            self.shown = [index for index, level in enumerate(self._levels) if level >= self.least]
        self.cursor = self._place_of(index, self.cursor)
        self.top = self._place_of(top, self.top)

    def _place_of(self, index: int | None, before: Place) -> Place:
        if index is None:
            return TOP
        line = min(bisect_left(self.shown, index), max(len(self.shown) - 1, 0))
        if line and self.shown[line] > index:
            line -= 1
        is_same = line < len(self.shown) and self.shown[line] == index
        return Place(line, before.row if is_same else 0)

    def resize(self, width: int) -> None:
        """Make rows of `width` cells from now on."""
        if width != self._width:
            self._width = width
            self._made.clear()
            self._size()

    def _size(self) -> None:
        self.columns = words.columns_for(self._width, self.log.max_attempt if self.log is not None else 1)

    def wrap(self, *, is_wrapped: bool) -> None:
        """Wrap long lines, or cut them."""
        self.is_wrapped = is_wrapped
        self._made.clear()

    def toggle(self, index: int) -> bool:
        """Open or close a line. Return whether it is open now."""
        if index in self._open:
            del self._open[index]
        else:
            self._open[index] = words.LineFolds()
            if len(self._open) > MAX_OPEN_LINES:
                closed, _ = self._open.popitem(last=False)
                self._made.pop(closed, None)
        self._made.pop(index, None)
        self.cursor = Place(self.cursor.line, 0)
        return index in self._open

    def toggle_fold(self, index: int, key: object) -> None:
        """Fold or unfold a part of an opened line."""
        folds = self._open.get(index)
        if folds is None:
            return
        if isinstance(key, ValuePath):
            is_open = not folds.json.is_open(key.path)
            folds = replace(folds, json=folds.json.with_fold(key.path, is_open=is_open))
        else:
            folds = replace(folds, toggled=folds.toggled ^ {key})
        self._open[index] = folds
        self._made.pop(index, None)

    def redraw_open(self) -> None:
        """Make the rows of the opened lines again, because attributes of one are known now."""
        for index in self._open:
            self._made.pop(index, None)

    def to_index(self, index: int) -> None:
        """Move the cursor to a line of the log, or the shown line before it."""
        self.cursor = self._place_of(index, TOP)._replace(row=0)

    def next_error(self, step: int) -> int | None:
        """Return the nearest shown error below (1) or above (-1) the cursor."""
        line = self.cursor.line + step
        while 0 <= line < len(self.shown):
            if self._levels[self.shown[line]] >= LogLevel.ERROR:
                return self.shown[line]
            line += step
        return None

    def search(self, needle: str) -> Iterator[None]:
        """Search the shown lines for a text in folded case, pausing after `SEARCH_LINES`. `hits` grows meanwhile."""
        self.needle, self.hits = needle, []
        self.redraw_open()
        return self._search(needle) if needle else iter(())

    def _search(self, needle: str) -> Iterator[None]:
        messages = () if self.log is None else self.log.messages
        hits, characters = self.hits, 0
        for count, index in enumerate(self.shown, 1):
            message = messages[index]
            # A message of megabytes is searched in parts, which overlap.
            for start in range(0, len(message) or 1, SEARCH_CHARS):
                part = message if len(message) <= SEARCH_CHARS else message[start : start + SEARCH_CHARS + len(needle)]
                characters += len(part)
                if needle in part.casefold():
                    hits.append(index)
                    break
                if characters >= SEARCH_CHARS:
                    characters = 0
                    yield
            else:
                if index in self._open and self._places_of(index, needle):
                    hits.append(index)
            if count % SEARCH_LINES == 0:
                characters = 0
                yield

    def _places_of(self, index: int, needle: str) -> list[JsonPath]:
        """Return the places in the attributes of an opened line that contain the needle."""
        assert self.log is not None
        values = self._attributes_of(self.log[index]).values
        found = FoldedJson(values, JsonFolds(), self.columns.message).find(needle) if values else ()
        return [place for place in islice(found, MAX_SEARCHED) if place is not None]

    def _searched(self, line: LogLine, index: int, folds: words.LineFolds) -> words.LineFolds:
        """Return the folds of an opened line as a search shows it: nothing in a line that matches is folded."""
        places = self._places_of(index, self.needle) if self.needle else []
        is_in_message = bool(self.needle) and self.needle in line.message[:SEARCH_CHARS].casefold()
        if not (places or is_in_message):
            return folds
        return replace(folds, json=replace(folds.json, found=containers_of(places)), opens_all=True)

    def window(self, height: int) -> list[ShownRow]:
        """Return the visible rows, after moving the window so that the cursor is in it and no row of it is wasted."""
        margin = (self.columns.blank,) if self.shown else ()
        width = self.columns.message if self.shown else self._width - 1
        self._end = tuple(PageRow((*margin, *line) if line else ()) for line in self._end_rows(width))
        height = max(height, 1)
        self.cursor, end = self._clamped(self.cursor), self._end_place()
        # At the last row, what stands below it is visible too.
        lowest = end if self.cursor >= self._last() else self.cursor
        highest = min(self._moved(lowest, 1 - height, end), self.cursor)
        top = max(min(self._clamped(self.top), self.cursor), highest)
        self.top = top = min(top, self._moved(end, 1 - height, end))
        lines = range(top.line, len(self.shown) + 1)
        rows = ((Place(line, row), each) for line in lines for row, each in enumerate(self._rows_of(line)))
        visible = islice((each for each in rows if each[0] >= top), height)
        return [ShownRow(place, row, self._index_at(place)) for place, row in visible]

    def move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.cursor = self._moved(self.cursor, rows, self._last())

    def to_bottom(self) -> None:
        """Move the cursor to the last row."""
        self.cursor = self._last()

    def _last(self) -> Place:
        """Return the last row of the last line."""
        return self._bottom_of(max(len(self.shown) - 1, 0))

    def _end_place(self) -> Place:
        """Return the last row of all."""
        return self._bottom_of(len(self.shown)) if self._rows_of(len(self.shown)) else self._last()

    def _bottom_of(self, line: int) -> Place:
        return Place(line, max(len(self._rows_of(line)) - 1, 0))

    def _clamped(self, place: Place) -> Place:
        if place.line > len(self.shown):
            return self._last()
        return Place(place.line, max(0, min(place.row, len(self._rows_of(place.line)) - 1)))

    def _moved(self, place: Place, rows: int, last: Place) -> Place:
        """Return the place `rows` further down, at most `last`, or further up."""
        line, row = place
        row += rows
        while row < 0 and line > 0:
            line -= 1
            row += len(self._rows_of(line))
        while line < last.line and row >= (count := len(self._rows_of(line))):
            line, row = line + 1, row - count
        return min(Place(line, max(row, 0)), last)

    def _rows_of(self, line: int) -> tuple[PageRow, ...]:
        if line >= len(self.shown):
            return self._end
        index = self.shown[line]
        if index not in self._made:
            if len(self._made) >= MAX_CACHED_LINES:
                self._made.clear()
            self._made[index] = tuple(self._make(index))
        return self._made[index]

    def _make(self, index: int) -> Iterator[PageRow]:
        assert self.log is not None
        line, columns, folds = self.log[index], self.columns, self._open.get(index)
        opening, is_open = OpenLine(index), folds is not None
        for text in words.line_rows(line, self.started_at, columns, is_open=is_open, is_wrapped=self.is_wrapped):
            yield PageRow(text, opening, opening)
        if folds is None:
            return
        folds, attributes = self._searched(line, index, folds), self._attributes_of(line)
        for row in words.opened_rows(line.message, attributes, folds, columns.message, is_wrapped=self.is_wrapped):
            yield PageRow((columns.blank, *row.line), row.key, row.action)


# Reads the log of the selected run, and reads it again while the run is live and the pane is visible.
#
# A logged line causes no update of its run, so the log is polled. Each answer has all lines: the more there are, the
# less often it is asked for. After the end of the run it is read once more.


REST_S: Final = 0.3
"""How long the cursor of the list rests before a log is read: one may have 8 MB."""

REPEAT_AFTER_S: Final = 1.5
"""A log is read again at the first second after this."""

SETTLE_S: Final = 2.0
"""Between the end of a run and the last read of its log."""


class LogRead(NamedTuple):
    """A log, and when it was read. `is_complete`: that was after the end of the run, so that nothing will be added."""

    log: RunLog
    read_at: datetime
    is_complete: bool

    @property
    def may_grow(self) -> bool:
        """Whether a later answer may have more lines."""
        return not (self.is_complete or self.log.is_cut)


async def _fetch_log(session: Session, run_id: RunId, known: LogRead | None) -> Fetched[LogRead]:
    from tui.sync.fetch import is_settled  # noqa: PLC0415  the start must be fast

    run, requested_at = session.store.get(run_id), session.now()
    is_complete = run is not None and is_settled(run, requested_at)
    # The first read is about the run on the screen, the others fill what the user did not ask for.
    log, priority = (None, Priority.SELECTED) if known is None else (known.log, Priority.VISIBLE)
    try:
        log, cost_s = await session.fetcher.fetch_log(run_id, log, priority)
    except NotFound:
        if run is None or run.is_final:
            raise
        log, cost_s = RunLog(), 0.0  # a run that has just started has no events yet
    return Fetched(LogRead(log, session.now(), is_complete), cost_s=cost_s)


def _may_log_change(_session: Session, _run_id: RunId, known: LogRead | None) -> bool:
    return known is None or known.may_grow


LOG: Final[Need[LogRead]] = Need(
    name="the logs",
    fetch=_fetch_log,
    min_rest_s=REST_S,
    repeat_after_s=REPEAT_AFTER_S,
    settles_after_s=SETTLE_S,
    may_change=_may_log_change,
)
"""The log of the selected run: one request."""


# Reads the attributes of opened log lines: the server sends them only with the span of a line.


MAX_KEPT: Final = 64
"""Lines whose attributes are kept, a few more than can be open."""

_READING: Final = words.Attributes(note="reading the attributes…")
_NONE: Final = words.Attributes(note="no attributes")
_WITHOUT_SPAN: Final = words.Attributes(note="The server sent no id for this line, so that it has no attributes.")


class LogAttributes:
    """The attributes of the lines of one run. `show` is called when those of a line have arrived."""

    def __init__(self, session: Session, show: Callable[[], object]) -> None:
        self._session = session
        self._show = show
        self._run_id: RunId | None = None
        self._known: dict[SpanId, words.Attributes] = {}

    def start_over(self, run_id: RunId | None) -> None:
        """Forget all, because another run is selected."""
        self._run_id = run_id
        self._known.clear()

    def of(self, line: LogLine) -> words.Attributes:
        """Return what is known about the attributes of a line."""
        if line.attributes is not None:
            return words.Attributes(json.loads(line.attributes))
        return self._known.get(line.span_id, _READING) if line.span_id else _WITHOUT_SPAN

    def read(self, line: LogLine) -> None:
        """Read the attributes of a line that was opened, unless they are known."""
        known, run_id = self._known.get(line.span_id), self._run_id
        if line.attributes is None and line.span_id and run_id is not None and (known is None or known.is_failure):
            self._known.pop(line.span_id, None)
            self._session.spawn(self._fetch(run_id, line.span_id), f"read the span {line.span_id}")

    async def _fetch(self, run_id: RunId, span_id: SpanId) -> None:
        try:
            values = (await self._session.fetcher.fetch_span(run_id, span_id, Priority.SELECTED)).properties
            attributes = words.Attributes(values) if values else _NONE
        except ApiError as error:
            reason = without_request(str(error)).rstrip(".")
            attributes = words.Attributes(note=f"The attributes could not be read: {reason}.", is_failure=True)
        if self._run_id != run_id:
            return
        self._known[span_id] = attributes
        while len(self._known) > MAX_KEPT:
            del self._known[next(iter(self._known))]
        self._show()


# Saves lines of a log to a new file, which only its owner may read.


FOLDER: Final = "logs"
MAX_NAMES: Final = 100
"""Files of one run and one second."""

PART_LINES: Final = 200
"""Lines that become text at once, which takes some milliseconds."""


async def save_shown(
    session: Session, run_id: RunId, log: RunLog, shown: Sequence[int], started_at: datetime | None
) -> Path:
    """Save lines of a log in the state folder of a session. The event loop keeps running, a thread writes.

    Return the path. Raises `OSError`.
    """
    parts: list[str] = []
    for start in range(0, len(shown), PART_LINES):
        parts.append(log_text((log[index] for index in shown[start : start + PART_LINES]), started_at))
        await asyncio.sleep(0)
    return await asyncio.to_thread(save_text, Path(session.settings.state_dir), run_id, parts, session.now())


def saved_words(count: int, path: Path, home: str = "") -> str:
    """Return `12 lines saved to ~/…`, with `~` for the user's home."""
    is_at_home = home and path.is_relative_to(home)
    return f"{formatting.plural(count, 'line')} saved to {f'~/{path.relative_to(home)}' if is_at_home else path}"


def save_text(state_dir: Path, run_id: RunId, parts: Iterable[str], now: datetime) -> Path:
    """Write text to a new file in the folder `logs`, and return its path. Raises `OSError`."""
    folder = state_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    time = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    labels = (time, *(f"{time}-{number}" for number in range(2, MAX_NAMES + 1)))
    for path in (folder / file_name(run_id, label, "log") for label in labels):
        try:
            # O_EXCL: a file that is there, or a link, is never written to.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  a descriptor
            file.writelines(parts)
        return path
    raise FileExistsError(f"{MAX_NAMES} files of this run are there already")
