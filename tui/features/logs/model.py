"""The lines of a log as the pane shows them, how log and attributes are read, and how lines are saved."""

import json
import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from tui.api.errors import ApiError, NotFound
from tui.domain.log import LogLevel, LogLine, RunLog
from tui.domain.run import RunId, SpanId
from tui.features.copying.words import file_name
from tui.features.logs import words
from tui.kit.page import LazyRows, PageRow
from tui.kit.selection import Fetched, Need
from tui.kit.words import without_request
from tui.lazy_dataclass import dataclass
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text.json import FoldedJson, JsonFolds, JsonPath, ValuePath, containers_of
from tui.text.styled import Line

# The lines of a log as the pane shows them: filtered by level, opened, and seen through the window of a page.
#
# A log may have 25,000 lines. Only the visible ones are made, so every key costs the same in a short log and in a long
# one. Only opened lines have rows of their own below them.


MAX_OPEN_LINES: Final = 50
"""Opened lines. The one that was opened first is closed for another one."""

SEARCH_LINES: Final = 1_000
"""Lines that a search reads before it pauses: about a millisecond."""

MAX_SEARCHED: Final = 1_000
"""Matches in the attributes of one line that a search unfolds; more stay folded."""

SEARCH_CHARS: Final = 400_000
"""Characters that a search reads before it pauses."""


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Open or close the line with this index in the log."""

    index: int


class LogKey(NamedTuple):
    """The key of a row: a line of a log, and which of its rows it is if the line is opened; 0 for the line itself."""

    log: RunLog
    line: int
    part: int = 0


class LogRows(LazyRows):
    """The shown lines of a log, each with the rows below it if it is opened, then the sentences below the last line.

    `opened` has those rows by the place of the line among the shown ones. `draw` makes the row of a line.
    """

    def __init__(
        self,
        log: RunLog,
        shown: Sequence[int],
        opened: Mapping[int, Sequence[PageRow]],
        draw: Callable[[int], PageRow],
        below: Sequence[PageRow],
        *,
        is_wrapped: bool,
    ) -> None:
        super().__init__(len(shown) + sum(map(len, opened.values())), below)
        self._log, self._shown, self._opened, self._draw, self._is_wrapped = log, shown, opened, draw, is_wrapped

    @property
    def cursor_count(self) -> int:
        return self._count

    def _place_of(self, index: int) -> tuple[int, int]:
        """Return the place of the line of a row, and which of its rows it is: 0 for the line itself."""
        for line, rows in self._opened.items():
            if index <= line:
                break
            if index <= line + len(rows):
                return line, index - line
            index -= len(rows)
        return index, 0

    def make(self, index: int) -> PageRow:
        line, part = self._place_of(index)
        return self._opened[line][part - 1] if part else self._draw(self._shown[line])

    def height(self, index: int) -> int:
        is_long = index < self._count and (self._is_wrapped or self._place_of(index)[0] in self._opened)
        return 1 + len(self[index].more) if is_long else 1

    def index_of(self, key: Hashable) -> int | None:
        """Return the row of a key of this or of an earlier log; without its line, that of the line before it."""
        if not isinstance(key, LogKey) or not self._shown:
            return None
        found = key.line if key.log is self._log else key.log.index_in(self._log, key.line)
        if found is None:
            return None
        line = max(bisect_right(self._shown, found) - 1, 0)
        row = line + sum(len(rows) for at, rows in self._opened.items() if at < line)
        return row + (min(key.part, len(self._opened.get(line, ()))) if self._shown[line] == found else 0)


class LogView:
    """The log of one run, and what the user opened, hides and searches in it.

    `attributes_of` returns the attributes of an opened line.
    """

    def __init__(self, attributes_of: Callable[[LogLine], words.Attributes]) -> None:
        self._attributes_of = attributes_of
        self.log: RunLog | None = None
        self.started_at: datetime | None = None
        self.least = LogLevel.DEBUG
        self.is_wrapped = False
        self.needle = ""
        self.hits: list[int] = []
        """The indices of the lines that contain the needle, as far as they were searched."""
        self.levels = b""
        """The level of each line."""
        self.shown: Sequence[int] = ()
        """The indices of the shown lines."""
        self._open: dict[int, words.LineFolds] = {}
        self._made: dict[int, list[PageRow]] = {}
        """The rows below opened lines."""
        self._max_attempt = 1
        self.columns = words.columns_for(0, 1)
        """The columns for the current width."""

    def is_hit(self, index: int) -> bool:
        """Return whether a line contains the needle, as far as it was searched."""
        place = bisect_left(self.hits, index)
        return place < len(self.hits) and self.hits[place] == index

    def is_open(self, index: int | None) -> bool:
        """Return whether a line is opened."""
        return index in self._open

    def show(self, log: RunLog | None) -> None:
        """Show another log. Opened lines stay open."""
        before, self.log = self.log, log
        self.levels, self._max_attempt = (b"", 1) if log is None else (log.levels(), log.max_attempt)
        self._made.clear()
        if before is None or log is None:
            self._open.clear()
        else:
            moved = [(before.index_in(log, old), folds) for old, folds in self._open.items()]
            self._open = {new: folds for new, folds in moved if new is not None}
        self.show_from(self.least)

    def start_over(self) -> None:
        """Drop the log and everything about it. The level and the wrapping stay."""
        self.show(None)
        self.needle, self.hits = "", []

    def show_from(self, least: LogLevel) -> None:
        """Show the lines of a level and those above it."""
        self.least = least
        if least is LogLevel.DEBUG:
            self.shown = range(len(self.levels))
        else:
            self.shown = [index for index, level in enumerate(self.levels) if level >= least]

    def wrap(self) -> None:
        """Wrap long lines, or cut them again."""
        self.is_wrapped = not self.is_wrapped
        self._made.clear()

    def toggle(self, index: int) -> bool:
        """Open or close a line. Return whether it is open now."""
        self._made.pop(index, None)
        if self._open.pop(index, None) is not None:
            return False
        self._open[index] = words.LineFolds()
        if len(self._open) > MAX_OPEN_LINES:
            del self._open[next(iter(self._open))]
        return True

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
        self._made.clear()

    def next_error(self, index: int | None, step: int) -> int | None:
        """Return the nearest shown error below (1) or above (-1) a line."""
        if index is None:
            return None
        at = bisect_left(self.shown, index)
        lines = self.shown[at + 1 :] if step > 0 else self.shown[:at][::-1]
        return next((each for each in lines if self.levels[each] >= LogLevel.ERROR), None)

    def search(self, needle: str) -> Iterator[None]:
        """Search the shown lines for a case-folded text, with pauses. `hits` grows meanwhile."""
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

    def rows(
        self, width: int, started_at: datetime | None, end_rows: Callable[[int], Sequence[Line]]
    ) -> Sequence[PageRow]:
        """Return the rows in `width` cells. `end_rows` makes the sentences below the last line for a width."""
        columns = words.columns_for(width, self._max_attempt)
        if columns != self.columns:
            self._made.clear()
        self.columns, self.started_at = columns, started_at
        margin, room = ((columns.blank,), columns.message) if self.shown else ((), width - 1)
        below = [PageRow((*margin, *line) if line else ()) for line in end_rows(room)]
        if self.log is None:
            return below
        places = {bisect_left(self.shown, index): index for index in sorted(self._open)}
        opened = {at: self._opened(index) for at, index in places.items() if index in self.shown[at : at + 1]}
        return LogRows(self.log, self.shown, opened, partial(self._line, self.log), below, is_wrapped=self.is_wrapped)

    def _line(self, log: RunLog, index: int) -> PageRow:
        is_open = index in self._open
        lines = words.line_rows(log[index], self.started_at, self.columns, is_open=is_open, is_wrapped=self.is_wrapped)
        return PageRow(lines[0], LogKey(log, index), OpenLine(index), more=tuple(lines[1:]))

    def _opened(self, index: int) -> list[PageRow]:
        """Return the rows below an opened line."""
        if index not in self._made:
            assert self.log is not None
            line, columns = self.log[index], self.columns
            folds, attributes = self._searched(line, index, self._open[index]), self._attributes_of(line)
            rows = words.opened_rows(line.message, attributes, folds, columns.message, is_wrapped=self.is_wrapped)
            self._made[index] = [
                PageRow((columns.blank, *row.line), LogKey(self.log, index, part), row.action)
                for part, row in enumerate(rows, 1)
            ]
        return self._made[index]


# Reads the log of the selected run, and reads it again while the run is live and the pane is visible.
#
# A logged line causes no update of its run, so the log is polled. Each answer has all lines: the more there are, the
# less often it is asked for. After the end of the run it is read once more.


REST_S: Final = 0.3
"""How long the cursor of the list rests before a log is read: one may have 8 MB."""

REPEAT_AFTER_S: Final = 1.5
"""A log is read again at the first second after this."""

SETTLE_S: Final = 2.0
"""The log is read for the last time this long after the end of the run."""


class LogRead(NamedTuple):
    """A log, and when it was read. `is_complete`: the read began after the end of the run: nothing will be added."""

    log: RunLog
    read_at: datetime
    is_complete: bool


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


LOG: Final[Need[LogRead]] = Need(
    name="the logs",
    fetch=_fetch_log,
    min_rest_s=REST_S,
    repeat_after_s=REPEAT_AFTER_S,
    settles_after_s=SETTLE_S,
)
"""The log of the selected run: one request. The pane adds `may_change`, without which it is read once."""


# Reads the attributes of opened log lines: the server sends them only with the span of a line.


MAX_KEPT: Final = 64
"""Lines whose attributes are kept, a few more than can be open."""

_READING: Final = words.Attributes(note="reading the attributes…")
_NONE: Final = words.Attributes(note="no attributes")
_WITHOUT_SPAN: Final = words.Attributes(note="The server sent no id for this line, so its attributes cannot be read.")


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
"""Files of one run and one second, at most."""


def save_text(state_dir: Path, run_id: RunId, parts: Iterable[str], now: datetime) -> Path:
    """Write text to a new file in the folder `logs`, and return its path. A thread calls it. Raises `OSError`."""
    folder = state_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    time = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    labels = (time, *(f"{time}-{number}" for number in range(2, MAX_NAMES + 1)))
    for path in (folder / file_name(run_id, label, "log") for label in labels):
        # "x": a file that is there, or a link, is never written to.
        with suppress(FileExistsError), open(path, "x", encoding="utf-8", opener=partial(os.open, mode=0o600)) as file:
            file.writelines(parts)
            return path
    raise FileExistsError(f"there are already {MAX_NAMES} files of this run")
