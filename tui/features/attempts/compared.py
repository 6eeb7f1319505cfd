"""The attempts of a run beside each other: their time, their differences, the stacks; and their page."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from itertools import chain, pairwise
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType

from tui.domain.error import FrameKind, RunError, StackFrame, parse_stack
from tui.domain.error_kinds import ErrorKind, kind_of
from tui.domain.log import LogLevel, RunLog
from tui.domain.run import ABSENT, Attempt, AttemptHistory, AttemptStatus, Run, RunId
from tui.domain.text import Raw
from tui.features.attempts import words
from tui.features.errors.error import ErrorLayout, counted, drawn_frame, frame_place, function_column, function_words
from tui.features.runs.view import RunSummary
from tui.kit.bars import Footer, summary_height
from tui.kit.keys import OUTGOING_BINDINGS, bind
from tui.kit.lines import EDGE
from tui.kit.live_model import LiveModel
from tui.kit.page import PageRow
from tui.kit.page_screen import PageScreen, browse
from tui.kit.selection import Selected, Selection
from tui.kit.words import without_request
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.text import formatting, json
from tui.text.bars import BAR, DASH
from tui.text.blocks import Now, Row
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, opening_line, pad, plain, wrap

# The compared attempts: time, what differs, what is the same, the stacks.


# How many lines each attempt logged.


@dataclass(frozen=True, slots=True)
class LogCounts:
    """The log lines of a run by the number of the attempt.

    * `by_attempt`: None while they are being read, or if they cannot be read
    * `note`: a sentence about why they are missing or cut, in raw text
    """

    by_attempt: Mapping[int, Counter[LogLevel]] | None = None
    note: str = ""


# The rows of the page: a label at the left, values beside each other, and `≠` before those that differ.


LABEL: Final = 14
MARK: Final = 2
GAP: Final = 2
MAX_VALUE_ROWS: Final = 4
"""Rows of one value. A longer one is cut."""

DIFFERS: Final = "≠"


def marked(line: Line, *, differs: bool = False) -> Line:
    """Return a row of a value. Before it stands `≠` if the value differs from most attempts, otherwise spaces."""
    if differs or not line:
        return (Piece(f"{DIFFERS} ", Token.BRIGHT), *line) if differs else ()
    # Keep the spaces and the sign in one piece: the ASCII form of `⋯` is longer and replaces some of the spaces.
    first, *others = line
    return (Piece(" " * MARK + first.text, first.token, is_bold=first.is_bold), *others)


@dataclass(frozen=True, slots=True)
class ComparedGrid:
    """The space of the page: rows of at most `limit` cells, and whether long values wrap."""

    limit: int
    is_wrapped: bool = True

    def column(self, count: int = 1) -> int:
        """Return the cells of a value beside `count - 1` others."""
        return max((self.limit - LABEL) // max(count, 1) - MARK - GAP, 1)

    def heading(self, text: str, right: str = "") -> list[Row]:
        """Return the title of a block in a rule, between empty rows."""
        name: Line = (Piece(text, Token.TEXT), Piece(" "))
        end: Line = (Piece(f" {right}", Token.MUTED),) if right else ()
        stroke = "─" * max(0, self.limit - line_width(name) - line_width(end))
        return [Row(()), Row((*name, Piece(stroke, Token.LINE), *end), ("heading", text)), Row(())]

    def labelled(self, label: str, lines: Sequence[Line], key: Hashable) -> list[Row]:
        """Return lines that use the whole width, with the label before the first line."""
        return self.beside(label, [list(map(marked, lines))], key)

    def beside(self, label: str, columns: Sequence[Sequence[Line]], key: Hashable) -> list[Row]:
        """Return values beside each other. Each takes as many rows as it needs, with its mark."""
        width, rows = MARK + self.column(len(columns)), []
        for at in range(max(map(len, columns), default=0)):
            head = pad((Piece("" if at else label, Token.FAINT),), LABEL)
            cells = (fit(cut(column[at], width) if at < len(column) else (), width + GAP) for column in columns)
            rows.append(Row((*head, *chain.from_iterable(cells)), (key, at)))
        return rows

    def value(self, line: Line, width: int, *, is_wide: bool, is_marked: bool = False) -> list[Line]:
        """Return a value in rows of its column. A marked one is brighter."""
        token = line[0].token if line else Token.TEXT
        token = Token.BRIGHT if is_marked and token is Token.TEXT else token
        text = plain(line)
        rows = wrap(text, width) if is_wide and self.is_wrapped else [text]
        if len(rows) > MAX_VALUE_ROWS:
            rows = [*rows[: MAX_VALUE_ROWS - 1], f"{rows[MAX_VALUE_ROWS - 1]} {' ' * width}"]
        return [cut((Piece(row, token),), width) for row in rows]


# `ComparedFact`: one fact of every attempt, and which attempts differ from most of them.


ALIKE_FACTOR: Final = 1.5
ALIKE_WITHIN: Final = timedelta(milliseconds=250)
"""Durations always differ a little. They count as equal within this factor, or within this time."""


UNKNOWN: Final[Hashable] = object()
"""Stands for an unknown value. None cannot stand for it: an attempt without an error has the value None."""


class ComparedCell(NamedTuple):
    """The fact of one attempt: how it is shown, its exact value, and the value that decides whether it differs."""

    line: Line
    exact: Hashable = UNKNOWN
    compared: Hashable = UNKNOWN


@dataclass(frozen=True, slots=True)
class ComparedFact:
    """One fact of all attempts, in their order. `is_wide`: its values may take several rows."""

    label: str
    cells: tuple[ComparedCell, ...]
    is_wide: bool = False

    @property
    def is_same(self) -> bool:
        """Whether every attempt has exactly the same value."""
        exact = {cell.exact for cell in self.cells}
        return len(exact) == 1 and UNKNOWN not in exact

    @property
    def marks(self) -> tuple[bool, ...]:
        """Which attempts differ from most others. An unknown value is never marked."""
        usual = most_common([cell.compared for cell in self.cells])
        return tuple(cell.compared is not UNKNOWN and cell.compared != usual for cell in self.cells)


def most_common(values: Sequence[Hashable]) -> Hashable:
    """Return the most frequent value, the earliest one if there are several; `UNKNOWN` if no value is known."""
    counts = Counter(value for value in values if value is not UNKNOWN)
    return max(counts, key=lambda value: counts[value], default=UNKNOWN)


def alike(durations: Sequence[timedelta | None]) -> list[Hashable]:
    """Return a value for each duration, equal for those that are about as long as more than half of them.

    Durations always differ a little. If no more than half of them are alike, all are `UNKNOWN`, so that none is marked.
    """
    known = sorted(duration for duration in durations if duration is not None)
    usual = known[(len(known) - 1) // 2] if known else timedelta()
    if 2 * sum(_is_alike(each, usual) for each in known) <= len(known):
        return [UNKNOWN] * len(durations)
    return [UNKNOWN if each is None else "usual" if _is_alike(each, usual) else each for each in durations]


def _is_alike(one: timedelta, other: timedelta) -> bool:
    least, most = sorted((one, other))
    return most - least <= ALIKE_WITHIN or most <= least * ALIKE_FACTOR


# The stacks of several attempts: own frames in columns, an equal stack as words, the frames that only some have.


MAX_STACK_CHARS: Final = 50_000
"""The part of a stack after its message that is parsed. A recursion throws megabytes of equal frames."""

MAX_FRAMES: Final = 12
"""The own frames of one column."""

FramePlace = tuple[Raw | None, Raw | None, int | None]
"""Function, file and line of a frame. These are compared; the column in the line is not."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The frames of one error, innermost first. Equal stacks have equal `places`."""

    own: tuple[StackFrame, ...] = ()
    others: tuple[StackFrame, ...] = ()

    @property
    def places(self) -> tuple[FramePlace, ...]:
        """The user's own frames as they are compared, or all frames if the stack has no own ones."""
        return tuple(map(place_of, self.own or self.others))


def place_of(frame: StackFrame) -> FramePlace:
    """Return what makes two frames equal. An unparsed frame is its own text."""
    return frame.function or (None if frame.short_file else frame.text), frame.short_file, frame.line


@lru_cache(maxsize=256)
def stack_of(error: RunError | None) -> Stack | None:
    """Return the stack of an error, None if it has no frames."""
    if error is None or not error.stack:
        return None
    # The stack begins with type and message.
    limit = len(error.name or "") + len(error.message) + MAX_STACK_CHARS
    if not (frames := parse_stack(Raw(error.stack[:limit]), error.message)):
        return None
    own = tuple(frame for frame in frames if frame.kind is FrameKind.OWN)
    return Stack(own, tuple(frame for frame in frames if frame.kind is not FrameKind.OWN))


def way_in(stacks: Sequence[Stack]) -> list[StackFrame]:
    """Return the outermost own frames that all stacks share, outermost first."""
    shared: list[StackFrame] = []
    for frames in zip(*(reversed(stack.own) for stack in stacks), strict=False):
        if len({place_of(frame) for frame in frames}) > 1:
            break
        shared.append(frames[0])
    return shared


def frame_lines(stack: Stack, width: int, usual: frozenset[FramePlace] | None = None) -> list[Line]:
    """Return one line for each frame, at most `width` cells wide. Those that are not `usual` are marked."""
    shown, layout = stack.own[:MAX_FRAMES], ErrorLayout(width, is_wrapped=False)
    column = function_column([shown], width)
    lines = [
        marked(
            drawn_frame(frame, layout, column, is_first=not index)[0],
            differs=usual is not None and place_of(frame) not in usual,
        )
        for index, frame in enumerate(shown)
    ]
    if rest := (*stack.own[MAX_FRAMES:], *stack.others):
        text = f"⋯ {counted(rest)}{'' if stack.own else ', none of your code'}"
        lines.append(marked(cut((Piece(text, Token.FAINT),), width)))
    return lines


# The facts of each attempt that are compared: how it ended, its error, how long it took, what it logged.


MAX_MESSAGE_CHARS: Final = 4_000
"""The part of a message that is compared and shown."""

_SHORT_ID: Final = re.compile(r"\b[A-Za-z]{2,8}_(?=[A-Za-z0-9]*\d[A-Za-z])[A-Za-z0-9]{4,}\b")
"""Matches `req_6hK2`: too short to be always taken for an id, but it is one if two attempts differ only in it."""

NOT_KNOWN: Final = ComparedCell((Piece(formatting.NONE, Token.MUTED),))
NO_ERROR: Final = ComparedCell((Piece("no error", Token.MUTED),), None, None)


def compared_facts(run: Run, attempts: Sequence[Attempt], now: Now, logs: LogCounts) -> list[ComparedFact]:
    """Return the facts of these attempts, in the order of the page."""
    took = alike([attempt.duration for attempt in attempts])
    return [
        ComparedFact("status", tuple(_status(run, each) for each in attempts)),
        ComparedFact("error", tuple(_of_error(run, each, _type) for each in attempts), is_wide=True),
        ComparedFact("message", tuple(_of_error(run, each, _message) for each in attempts), is_wide=True),
        ComparedFact("your code", tuple(_of_error(run, each, _own_frame) for each in attempts), is_wide=True),
        ComparedFact("took", tuple(_took(each, now, same) for each, same in zip(attempts, took, strict=True))),
        ComparedFact("waited", tuple(_waited(run, each) for each in attempts)),
        ComparedFact("logs", tuple(_logs(each, logs) for each in attempts)),
    ]


def error_of(run: Run, attempt: Attempt) -> RunError | None:
    """Return the error of an attempt. The error of the last attempt may be known only from the run."""
    is_last = attempt in run.history.attempts[-1:]
    if attempt.error is not None or not is_last or attempt.status is not AttemptStatus.FAILED:
        return attempt.error
    return run.error_value


def _status(run: Run, attempt: Attempt) -> ComparedCell:
    style = words.attempt_style(run, attempt)
    is_running = attempt.status is AttemptStatus.EXECUTING
    return ComparedCell((Piece(style.word, style.word_token),), style.word, UNKNOWN if is_running else style.word)


def _of_error(run: Run, attempt: Attempt, cell_of: Callable[[RunError], ComparedCell]) -> ComparedCell:
    """Return a cell about the error of an attempt. An attempt may have no error, or an unknown one."""
    if (error := error_of(run, attempt)) is not None:
        return cell_of(error)
    return NO_ERROR if attempt.status in {AttemptStatus.COMPLETED, AttemptStatus.CANCELED} else NOT_KNOWN


def _type(error: RunError) -> ComparedCell:
    name = Raw(error.code) if error.code is not None else error.name
    if name is None:
        return ComparedCell((Piece("no error type", Token.MUTED),), "", "")
    return ComparedCell((Piece(name, Token.ROSE),), name, name)


def _message(error: RunError) -> ComparedCell:
    if error.has_code_only:
        return ComparedCell((Piece("The server sends only a code.", Token.MUTED),), error.code, error.code)
    text = Raw(error.message.strip()[:MAX_MESSAGE_CHARS])
    shown = Piece(text if "\n" not in text else f"{opening_line(text)} …") if text else Piece("no message", Token.MUTED)
    return ComparedCell((shown,), text, _kind(error)[0].message)


def _own_frame(error: RunError) -> ComparedCell:
    stack = stack_of(error)
    frame = stack.own[0] if stack is not None and stack.own else None
    if frame is None:
        text = "no stack" if stack is None else "none of your code"
        return ComparedCell((Piece(text, Token.MUTED),), text, text)
    return ComparedCell((Piece(frame_place(frame)[0] or frame.text),), place_of(frame), place_of(frame))


def _took(attempt: Attempt, now: Now, compared: object) -> ComparedCell:
    text = words.elapsed_words(attempt, now)
    if attempt.duration is None:
        is_running = attempt.status is AttemptStatus.EXECUTING and attempt.started_at is not None
        return ComparedCell((Piece(f"{text} so far", Token.BLUE),)) if is_running else NOT_KNOWN
    # Two durations are not the same fact, even if they are shown by the same words.
    return ComparedCell((Piece(text),), attempt.number, compared)


def _waited(run: Run, attempt: Attempt) -> ComparedCell:
    text = words.waited_before(run, attempt)
    return NOT_KNOWN if text is None else ComparedCell((Piece(text),), attempt.number)


def _logs(attempt: Attempt, logs: LogCounts) -> ComparedCell:
    if logs.by_attempt is None:
        return NOT_KNOWN
    levels = logs.by_attempt.get(attempt.number, Counter())
    counts = ((levels.total(), "line"), (levels[LogLevel.WARN], "warn"), (levels[LogLevel.ERROR], "error"))
    text = ", ".join(formatting.plural(*each) for each in counts if each[0]) or "none"
    if attempt.status is AttemptStatus.EXECUTING:
        return ComparedCell((Piece(f"{text} so far" if levels else text),))
    return ComparedCell((Piece(text),), text, text)


def _kind(error: RunError) -> tuple[ErrorKind, Hashable]:
    """Return the kind of an error without its short ids, and the place of its first own frame."""
    stack = stack_of(error)
    place = place_of(stack.own[0])[:2] if stack is not None and stack.own else None
    message = Raw(_SHORT_ID.sub("id_0", error.message[:MAX_MESSAGE_CHARS]))
    return kind_of(replace(error, message=message, stack=None)), place


# All attempts and the waits between them on one line.


MIN_WIDTH: Final = 8
MAX_BARS: Final = 200
"""At most this many attempts are drawn: the last ones."""


def timeline(run: Run, now: Now, width: int) -> list[Line]:
    """Return the labels of the axis and the line below them, or nothing if no time is known or there is no room."""
    axis = words.axis_of(run, now, width) if width >= MIN_WIDTH else None
    if axis is None:
        return []
    bars = [words.attempt_bar(run, attempt, now) for attempt in run.history.attempts[-MAX_BARS:]]
    if run.history.retry_at is not None and not run.is_final:
        bars.append(words.next_bar(run))
    drawn = axis.cells(bars)
    # A bar that ends in a half cell before dashes would look like a gap between them. So the half cell is filled.
    cells = drawn.cells
    for at, ((left, left_token), (right, right_token)) in enumerate(pairwise(cells), 1):
        if (left, right) == (DASH, "╺"):
            cells[at] = BAR, right_token
        elif (left, right) == ("╸", DASH):
            cells[at - 1] = BAR, left_token
    return [axis.labels(), drawn.line()]


# Which attempts stand beside each other, when there are more than fit.


MIN_COLUMN: Final = 33
"""The cells of one attempt with its mark and the gap after it."""

MIN_COLUMNS: Final = 2
MAX_COLUMNS: Final = 5
MAX_COMPARED: Final = 100
"""At most this many attempts are compared: the last ones. `AttemptWindow.words` says so."""


@dataclass(frozen=True, slots=True)
class AttemptWindow:
    """The compared attempts, and the indices of those that are shown beside each other.

    `total` counts the attempts that are known.
    """

    attempts: tuple[Attempt, ...]
    indices: range
    total: int

    @property
    def shown(self) -> Sequence[Attempt]:
        """The shown attempts."""
        return self.attempts[self.indices.start : self.indices.stop]

    @property
    def can_move(self) -> bool:
        """Whether there are more attempts than are shown."""
        return len(self.attempts) > len(self.indices)

    @property
    def words(self) -> str:
        """Return `attempts 2 to 4 of 7` where not all are shown, else an empty text."""
        if not self.can_move and self.total == len(self.attempts):
            return ""
        shown = self.shown
        cut = f" (only the last {MAX_COMPARED} are compared)" if self.total > len(self.attempts) else ""
        return f"attempts {shown[0].number} to {shown[-1].number} of {formatting.count(self.total)}{cut}"


def columns_for(width: int) -> int:
    """Return how many attempts fit beside each other: 2 at 80 cells, 3 at 120, 5 at 200."""
    return max(MIN_COLUMNS, min(MAX_COLUMNS, (width - LABEL) // MIN_COLUMN))


def window_of(history: AttemptHistory, width: int, last_number: int | None) -> AttemptWindow:
    """Return the attempts to show. The last of them is `last_number`, or the last attempt where it is None."""
    attempts = history.attempts[-MAX_COMPARED:]
    shown = min(columns_for(width), len(attempts))
    ends = [index for index, attempt in enumerate(attempts, 1) if attempt.number == last_number]
    end = max(shown, *ends) if ends else len(attempts)
    return AttemptWindow(attempts, range(end - shown, end), len(history.attempts))


def moved(window: AttemptWindow, step: int) -> int | None:
    """Return the number of the last shown attempt after a step to the earlier (-1) or the later (1) ones."""
    if not window.attempts:
        return None
    end = max(len(window.indices), min(len(window.attempts), window.indices.stop + step))
    return window.attempts[end - 1].number


MAX_PAYLOAD_CHARS: Final = 500

FIRST_KEY: Final[Hashable] = ("attempt", 0)
"""The key of the row that names the attempts."""


def compared_page(run: Run, window: AttemptWindow, now: Now, grid: ComparedGrid, logs: LogCounts) -> list[Row]:
    """Return the page in rows of at most `grid.limit` cells. `window` says which attempts are beside each other."""
    now = words.stopped_at_end(run, now)
    page = _Page(run, window, grid)
    facts = compared_facts(run, window.attempts, now, logs)
    rows = [*page.notes(), *page.time(now), *page.differing(facts, logs), *page.same(facts), *page.stacks()]
    return words.within(rows, grid.limit)


def summary_words(run: Run, attempts: Sequence[Attempt]) -> Line:
    """Return `3 attempts · 2 different errors · final` for the rule."""
    errors = len({_kind(error) for attempt in attempts if (error := error_of(run, attempt)) is not None})
    differ = "no error" if not errors else "one error" if errors == 1 else f"{errors} different errors"
    text = f"{formatting.plural(len(attempts), 'attempt')} · {differ}{' · final' if run.is_final else ''}"
    return (Piece(text, Token.MUTED),)


class _Page:
    """The blocks of one page. Its methods return rows, each block with its heading."""

    def __init__(self, run: Run, window: AttemptWindow, grid: ComparedGrid) -> None:
        self._run = run
        self._window = window
        self._grid = grid
        self._all = window.attempts
        self._stacks = [stack_of(error_of(run, attempt)) for attempt in self._all]

    def notes(self) -> list[Row]:
        """Return sentences about attempts that are missing."""
        history, notes = self._run.history, list[tuple[str, Token]]()
        if history.is_trace_gone:
            notes.append((words.TRACE_GONE, Token.MUTED))
        if missing := words.missing_words(history):
            notes.append((missing, Token.AMBER))
        numbers = {attempt.number for attempt in history.attempts}
        lost = [number for number in range(1, max(numbers, default=0)) if number not in numbers]
        if lost and not history.is_trace_gone:
            subject = f"Attempt {lost[0]} is" if len(lost) == 1 else f"{formatting.count(len(lost))} attempts are"
            notes.append((f"{subject} not in the trace.", Token.MUTED))
        lines = [(Piece(text, token),) for note, token in notes for text in wrap(note, self._grid.limit)]
        return [Row(()), *(Row(line, ("note", at)) for at, line in enumerate(lines))] if lines else []

    def time(self, now: Now) -> list[Row]:
        """Return the time line."""
        if not (lines := timeline(self._run, now, self._grid.column())):
            return []
        grid = self._grid
        return [Row(()), *grid.labelled("", lines[:1], "axis"), *grid.labelled("time", lines[1:], "time")]

    def differing(self, facts: Sequence[ComparedFact], logs: LogCounts) -> list[Row]:
        """Return the table of the facts that are not the same in all attempts."""
        window, grid = self._window, self._grid
        heads = []
        for attempt in window.shown:
            style, name = words.attempt_style(self._run, attempt), f"attempt {attempt.number}"
            heads.append([marked((style.mark, Piece(" "), Piece(name, Token.BRIGHT, is_bold=True)))])
        rows = [*grid.heading("differs", window.words), *grid.beside("", heads, "attempt"), Row(())]
        width = grid.column(len(heads))
        for fact in facts:
            if not fact.is_same:
                marks = fact.marks
                columns = []
                for at in window.indices:
                    lines = grid.value(fact.cells[at].line, width, is_wide=fact.is_wide, is_marked=marks[at])
                    columns.append([marked(line, differs=marks[at] and not row) for row, line in enumerate(lines)])
                rows += grid.beside(fact.label, columns, fact.label)
        if logs.note:
            lines = [(Piece(text, Token.MUTED),) for text in wrap(logs.note, grid.column())]
            rows += grid.labelled("", lines, "logs note")
        return rows

    def same(self, facts: Sequence[ComparedFact]) -> list[Row]:
        """Return the facts that are the same in all attempts, each said once."""
        grid, rows = self._grid, list[Row]()
        for fact in facts:
            if fact.is_same and fact.label != "status":
                value = grid.value(fact.cells[0].line, grid.column(), is_wide=fact.is_wide)
                rows += grid.labelled(fact.label, value, ("same", fact.label))
        if payload := _payload_words(self._run):
            rows += grid.labelled("payload", [(Piece(payload),)], "payload")
        if named := _version_words(self._run):
            rows += grid.labelled("version" if self._run.fixed.version else "", [named], "version")
        rows += self._shared_frames()
        all_words = "both" if len(self._all) == 2 else f"all {len(self._all)}"
        return [*grid.heading(f"the same in {all_words}"), *rows] if rows else []

    def _shared_frames(self) -> list[Row]:
        """Return the stack if it is the same in all attempts, else the outermost frames that all share."""
        stacks = [stack for stack in self._stacks if stack is not None]
        if len(stacks) < len(self._all):
            return []
        if self._has_one_stack:
            is_alike = len({counted(stack.others) for stack in stacks}) == 1
            lines = frame_lines(stacks[0] if is_alike else Stack(stacks[0].own), self._grid.column())
            lines += [] if is_alike else [marked((Piece("⋯ the other frames differ", Token.FAINT),))]
            return self._grid.beside("stack", [lines], "stack")
        steps: list[Line] = [
            (*function_words(frame, Token.TEXT), Piece("  "), Piece(frame_place(frame)[0], Token.MUTED))
            for frame in way_in(stacks)
        ]
        return self._grid.labelled("called by", [joined(steps, "  →  ")], "called by") if steps else []

    @property
    def _has_one_stack(self) -> bool:
        return len({None if stack is None else stack.places for stack in self._stacks}) == 1

    def stacks(self) -> list[Row]:
        """Return the own frames of each shown attempt. An equal stack is the words `the same as attempt 1`."""
        if self._has_one_stack:
            return []
        # The frames of the stack that most attempts have.
        most = most_common([UNKNOWN if stack is None else stack.places for stack in self._stacks])
        usual, width = frozenset(most if isinstance(most, tuple) else ()), self._grid.column(len(self._window.shown))
        columns = [self._stack_column(index, usual, width) for index in self._window.indices]
        return [*self._grid.heading("stacks", "your code"), *self._grid.beside("", columns, "stacks")]

    def _stack_column(self, index: int, usual: frozenset[FramePlace], width: int) -> list[Line]:
        if (stack := self._stacks[index]) is None:
            error = error_of(self._run, self._all[index])
            return [marked((Piece(formatting.NONE if error is None else "no stack", Token.MUTED),))]
        for attempt, earlier in zip(self._all[:index], self._stacks[:index], strict=True):
            if earlier is not None and earlier.places == stack.places:
                return [marked((Piece(f"the same as attempt {attempt.number}", Token.MUTED),))]
        return frame_lines(stack, width, usual)


def _version_words(run: Run) -> Line:
    """Return `20261126.3   machine small-1x   region eu-central-1`, as far as it is known."""
    fixed = run.fixed
    version: list[Line] = [(Piece(fixed.version),)] if fixed.version else []
    others: list[Line] = [
        (Piece(f"{word} ", Token.FAINT), Piece(value))
        for word, value in (("machine", fixed.machine), ("region", fixed.region))
        if value
    ]
    return joined([*version, *others], "   ")


def _payload_words(run: Run) -> str:
    """Return the payload on one line, empty where it is not known."""
    body = run.body[1] if run.body is not None else None
    if body is None or (body.payload is ABSENT and body.payload_url is None):
        return ""
    if body.payload_url is not None:
        return "stored separately"
    return json.opening(body.payload, MAX_PAYLOAD_CHARS)


# How many lines each attempt logged: one request, repeated seldom while the run is live.


LOGS_CUT: Final = "The server sends the first 25,000 rows; later lines are not counted."
LOGS_EVERY_S: Final = 30.0


def counts_of(log: RunLog) -> LogCounts:
    """Return the number of lines by attempt and level."""
    levels: dict[int, Counter[LogLevel]] = {}
    for attempt, level in zip(log.attempts, log.levels(), strict=True):
        levels.setdefault(attempt, Counter())[LogLevel(level)] += 1
    return LogCounts(levels, LOGS_CUT if log.is_cut else "")


def log_reads(session: Session, on_read: Callable[[], None]) -> Selected[Run, LogCounts]:
    """Read the log of a run, and again until the run has ended and its last lines are there."""
    from tui.sync.fetch import is_settled  # noqa: PLC0415  loads httpx2

    async def read(run: Run, _: LogCounts | None) -> LogCounts:
        log, _cost_s = await session.fetcher.fetch_log(run.id, None, Priority.SELECTED)
        return counts_of(log)

    def version(run: Run) -> int | None:
        is_last = is_settled(run, session.now())
        return None if is_last else int(session.clock.monotonic_s() // LOGS_EVERY_S)

    return Selected(session, read, on_read, key=lambda run: run.id, name="count log lines", version=version, rest_s=0.0)


class ComparedScreen(PageScreen):
    """Compares the attempts of a run. The screen below it goes on fetching the run itself.

    `number` is the attempt to begin with, where not all fit beside each other.
    """

    title_word: ClassVar[str] = "attempts"
    shows_run_below: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("equals_sign", "close", "attempts", "Go back to the attempts.", id="compare", rank=8, need=22),
        bind("comma", "attempt_step(-1)", "earlier attempts", "One attempt earlier.", id="previous-attempt"),
        bind("full_stop", "attempt_step(1)", "others", "One attempt later.", id="next-attempt", rank=5, need=20,
             pair=("previous-attempt", "next-attempt")),
        bind("w", "wrap", "wrap", "Wrap long messages, or cut them.", rank=12, need=24),
        bind("y", "copy_id", "copy id", "Copy the id of the run to the clipboard of the terminal."),
        bind("Y", "copy_menu", "copy what", "Choose what to copy: a ticket in Markdown, the error.", rank=14, need=26),
        *OUTGOING_BINDINGS,
    ]  # fmt: skip

    def __init__(self, live: LiveModel, run_id: RunId, number: int | None) -> None:
        super().__init__(live)
        self._run_id = run_id
        self._number = number
        self._is_wrapped = True
        self._can_step = False
        self._is_placed = False
        self._summary = RunSummary(live)
        self._logs = log_reads(live.session, self.rebuild)

    @property
    def _run(self) -> Run | None:
        return self.live.get(self._run_id)

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            if isinstance(widget, Footer):
                yield self._summary
            yield widget

    def begin(self) -> None:
        self._summary.styles.height = summary_height(self.app_base.painter)
        self._summary.selection = Selection(self._run_id)
        self._logs.follow(self._run)

    def on_unmount(self) -> None:
        self._logs.stop()

    def rows(self, width: int) -> Sequence[PageRow]:
        if (run := self._run) is None or run.attempts is None:
            return [PageRow(()), PageRow((Piece(formatting.LOADING, Token.MUTED),))]
        limit = width - EDGE
        window = window_of(run.history, limit, self._number)
        if window.can_move is not self._can_step:
            self._can_step = window.can_move
            self.refresh_bindings()
        failure = self._logs.failure_of(run.id)
        note = f"The logs could not be read: {without_request(failure)}" if failure else "reading the logs…"
        logs = self._logs.of(run.id) or LogCounts(note=note)
        return compared_page(run, window, self.live.now, ComparedGrid(limit, self._is_wrapped), logs)

    def left(self) -> Line:
        run = self._run
        task = (run.fixed.task if run is not None else None) or ""
        return (Piece(" · compared · ", Token.MUTED), Piece(task, Token.MUTED))

    def right(self) -> Line:
        if (run := self._run) is None or run.attempts is None:
            return ()
        return summary_words(run, window_of(run.history, self.size.width, self._number).attempts)

    def on_changes(self, changes: Changes) -> None:
        super().on_changes(changes)
        self._summary.on_changes(changes)
        if self._run_id in changes.changed or self._run_id in changes.added:
            self.rebuild()

    def tick(self) -> None:
        super().tick()
        self._logs.follow(self._run)
        self._summary.tick()
        if (run := self._run) is not None and not run.is_final:
            self.rebuild()

    def rebuild(self) -> None:
        super().rebuild()
        self._is_placed = self._is_placed or self.page.go_to(FIRST_KEY)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "attempt_step" and not self._can_step:
            return False
        return super().check_action(action, parameters)

    def action_attempt_step(self, step: int) -> None:
        if (run := self._run) is not None:
            self._number = moved(window_of(run.history, self.page.size.width, self._number), step)
            self.rebuild()

    def action_wrap(self) -> None:
        self._is_wrapped = not self._is_wrapped
        self.rebuild()

    def action_copy_id(self) -> None:
        self.clipboard.send("id", self._run_id)

    def action_copy_menu(self) -> None:
        self.app_base.doors.open_copy_menu(self, self._run_id, ())

    def action_browse(self) -> None:
        browse(self, self._run_id)

    def action_read_outside(self, reader: str) -> None:
        self.app_base.doors.read_outside(self, self._run_id, reader, None)
