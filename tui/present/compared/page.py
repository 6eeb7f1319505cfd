"""The page of the compared attempts: time, what differs, what is the same, the stacks."""

from collections.abc import Hashable, Sequence
from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory
from tui.domain.run import ABSENT, Run
from tui.present import formatting
from tui.present.actions.row_actions import Row
from tui.present.attempts.text import TRACE_GONE, attempt_style, missing_words
from tui.present.columns import Now
from tui.present.compared.facts import compared_facts, different_errors, error_of
from tui.present.compared.grid import ComparedGrid, Marked
from tui.present.compared.logs import LogCounts
from tui.present.compared.stacks import (
    FramePlace,
    common_lines,
    equal_before,
    file_words,
    frame_lines,
    stack_of,
    usual_places,
    way_in,
)
from tui.present.compared.timeline import timeline
from tui.present.compared.values import ComparedFact
from tui.present.compared.window import AttemptWindow
from tui.present.json import text as json_text
from tui.present.styled import Line, Piece, Token, cut, joined, line_width, wrap

MAX_PAYLOAD_CHARS: Final = 500

FIRST_KEY: Final[Hashable] = ("attempt", 0)
"""The key of the row that names the attempts."""


def compared_page(run: Run, window: AttemptWindow, now: Now, grid: ComparedGrid, logs: LogCounts) -> list[Row]:
    """Return the page in rows of at most `grid.limit` cells. `window` says which attempts are beside each other."""
    history = run.attempts[1] if run.attempts is not None else AttemptHistory()
    ended_at = run.state.finished_at if run.state is not None and run.is_final else None
    now = now if ended_at is None else Now(now.at, min(ended_at, now.frozen_at or ended_at))
    page = _Page(run, history, window, grid)
    facts = compared_facts(run, history, window.attempts, now, logs)
    rows = [*page.notes(), *page.time(now), *page.differing(facts, logs), *page.same(facts), *page.stacks()]
    limit = grid.limit
    return [row if line_width(row.line) <= limit else row._replace(line=cut(row.line, limit)) for row in rows]


def summary_words(run: Run, attempts: Sequence[Attempt]) -> Line:
    """Return `3 attempts · 2 different errors · final` for the rule."""
    errors = different_errors(run, attempts)
    parts = [formatting.plural(len(attempts), "attempt")]
    parts += ["no error" if not errors else "one error" if errors == 1 else f"{errors} different errors"]
    parts += ["final"] if run.is_final else []
    return (Piece(" · ".join(parts), Token.MUTED),)


class _Page:
    """The blocks of one page. Its methods return rows, each block with its heading."""

    def __init__(self, run: Run, history: AttemptHistory, window: AttemptWindow, grid: ComparedGrid) -> None:
        self._run = run
        self._history = history
        self._window = window
        self._grid = grid
        self._all = window.attempts
        self._stacks = [stack_of(error_of(run, attempt)) for attempt in self._all]

    def notes(self) -> list[Row]:
        """Return sentences about attempts that are missing."""
        history, notes = self._history, list[tuple[str, Token]]()
        if history.is_trace_gone:
            notes.append((TRACE_GONE, Token.MUTED))
        if missing := missing_words(history):
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
        lines = timeline(self._run, self._history, now, self._grid.width)
        if not lines:
            return []
        labels, bars = lines
        return [Row(()), *self._grid.labelled("", [labels], "axis"), *self._grid.labelled("time", [bars], "time")]

    def differing(self, facts: Sequence[ComparedFact], logs: LogCounts) -> list[Row]:
        """Return the table of the facts that are not the same in all attempts."""
        window, grid = self._window, self._grid
        heads = [[Marked(self._head_of(attempt))] for attempt in window.shown]
        rows = [*grid.heading("differs", window.words), *grid.beside("", heads, "attempt"), Row(())]
        width = grid.column(len(heads))
        for fact in facts:
            if not fact.is_same:
                marks = fact.marks
                columns = [
                    grid.value(fact.cells[at].line, width, is_wide=fact.is_wide, is_marked=marks[at])
                    for at in window.indices
                ]
                rows += grid.beside(fact.label, columns, fact.label)
        if logs.note:
            rows += grid.labelled(
                "", [(Piece(text, Token.MUTED),) for text in wrap(logs.note, grid.width)], "logs note"
            )
        return rows

    def same(self, facts: Sequence[ComparedFact]) -> list[Row]:
        """Return the facts that are the same in all attempts, each said once."""
        grid, rows = self._grid, list[Row]()
        for fact in facts:
            if fact.is_same and fact.label != "status":
                value = grid.value(fact.cells[0].line, grid.width, is_wide=fact.is_wide)
                rows += grid.labelled(fact.label, [row.line for row in value], ("same", fact.label))
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
            lines = common_lines(stacks, self._grid.width)
            return self._grid.labelled("stack", [line.line for line in lines], "stack")
        steps: list[Line] = [
            (Piece(frame.function or "(anonymous)"), Piece("  "), Piece(file_words(frame), Token.MUTED))
            for frame in way_in(stacks)
        ]
        return self._grid.labelled("way in", [joined(steps, "  →  ")], "way in") if steps else []

    @property
    def _has_one_stack(self) -> bool:
        return len({None if stack is None else stack.places for stack in self._stacks}) == 1

    def stacks(self) -> list[Row]:
        """Return the own frames of each shown attempt. An equal stack is the words `the same as attempt 1`."""
        if self._has_one_stack:
            return []
        usual, width = usual_places(self._stacks), self._grid.column(len(self._window.shown))
        columns = [self._stack_column(index, usual, width) for index in self._window.indices]
        return [*self._grid.heading("stacks", "own frames"), *self._grid.beside("", columns, "stacks")]

    def _stack_column(self, index: int, usual: frozenset[FramePlace], width: int) -> list[Marked]:
        stack = self._stacks[index]
        if stack is None:
            error = error_of(self._run, self._all[index])
            return [Marked((Piece(formatting.NONE if error is None else "no stack", Token.MUTED),))]
        if (number := equal_before(self._all, self._stacks, index)) is not None:
            return [Marked((Piece(f"the same as attempt {number}", Token.MUTED),))]
        return frame_lines(stack, width, usual)

    def _head_of(self, attempt: Attempt) -> Line:
        style = attempt_style(self._run, attempt, self._history)
        return (style.mark, Piece(" "), Piece(f"attempt {attempt.number}", Token.BRIGHT, is_bold=True))


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
        return "stored apart"
    text = ""
    for _, row in json_text.rows(body.payload):
        text += (" " if text else "") + row[:MAX_PAYLOAD_CHARS]
        if len(text) > MAX_PAYLOAD_CHARS:
            break
    return text
