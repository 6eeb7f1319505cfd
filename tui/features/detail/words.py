"""The detail pane's page about one run, and the sentences about a run elsewhere."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, Self, assert_never

from rich.cells import cell_len

from tui.domain.error import FrameKind, RunError, parse_stack
from tui.domain.finding import HoldKind, QueueState, Standstill, StandstillReason, hold_of
from tui.domain.run import ABSENT, EXECUTING_FAMILY, Absent, Body, Fixed, Json, Run, RunId
from tui.domain.text import Raw
from tui.features.runs.columns import short_id, time_in_queue
from tui.features.runs.words import due_words, meaning_words, token_of, waiting_words
from tui.kit.words import Replayed, could_not_read, without_request
from tui.lazy_dataclass import dataclass
from tui.store.store import Store
from tui.text import blocks, formatting
from tui.text.blocks import LABEL, GoToRun, Now, ReadStage, Row, ShowWhole, enter_hint, labelled
from tui.text.formatting import NOT_READ
from tui.text.json import WRAPPED_ROWS, JsonFolds, ValuePath, ValueRows, opening, rows, value_at
from tui.text.status import STATUS_STYLES, StatusStyle, style_of
from tui.text.styled import Line, Piece, Token, cut, first_line, fit, fold, joined, line_width, pad, wrap

# Why a run has not started, in words: `20 of 20 places of its queue: 20 send-campaign, longest 2m`.
#
# The name of its queue is not repeated: the fact of the queue has it.


_MAX_NAME: Final = 60


def hold_words(run: Run, queue: QueueState | None, now: Now) -> str | None:
    """Return why the run has not started; None if it has started, or if no answer says why. `queue` is the queue of the
    run as it was read.
    """
    if (hold := hold_of(run, queue, now.until)) is None:
        return None
    from tui.features.queues.words import full_limit_text, places_text, standstill_text  # noqa: PLC0415  few runs wait

    match hold.kind:
        case HoldKind.DELAY:
            return "delayed" if hold.until is None else f"delayed until {formatting.moment(hold.until, now.at)}"
        case HoldKind.VERSION:
            if hold.may_expire_at is None:
                return "for a version that has its task"
            expires = formatting.time_of_day(hold.may_expire_at, now.at)
            return f"for a version with its task; if pinned, it expires at {expires}"
        case HoldKind.RETRY:
            until = "" if hold.until is None else f" at {formatting.moment(hold.until, now.at)}"
            return f"to retry{until}"
        case HoldKind.QUEUE_PAUSED:
            since = "" if hold.since is None else f" since {formatting.time_of_day(hold.since, now.at)}"
            return f"its queue is paused{since}: {hold.queue[:_MAX_NAME] if hold.queue else ''}"
        case HoldKind.QUEUE_LIMIT:
            return places_text(hold.running, hold.limit, hold.holders, now.until, " of its queue")
        case HoldKind.NAMED_LIMIT:
            return f"perhaps for {full_limit_text(hold.queue or '', hold.running, hold.limit)}"
        case HoldKind.ENVIRONMENT_PAUSED | HoldKind.LIMIT_PAUSED | HoldKind.NO_WORKER:
            still = Standstill(StandstillReason(hold.kind.value), hold.since)
            return standstill_text(still, now.until, now.at)
        case _:
            assert_never(hold.kind)


# The origin of a run in words: a function of the SDK, or a schedule.


SCHEDULED = "SCHEDULED"
"""The task kind of a run that a schedule started. A list row has no other sign of the schedule."""


def origin_words(fixed: Fixed) -> str:
    """Return `schedule 0 3 * * *` or `batchTrigger()`; empty if the origin is not known.

    The server names the function `trigger` for a scheduled run too, although no code called it. Source:
    tests/wire/recordings/1241-run-detail-scheduled.json.
    """
    function = fixed.trigger_function
    if function in {None, "trigger"} and (fixed.schedule is not None or fixed.task_kind == SCHEDULED):
        schedule = schedule_name(fixed.schedule)
        return f"schedule {schedule}" if schedule else "a schedule"
    return "" if function is None else f"{function}()"


def schedule_name(schedule: Json) -> str:
    """Return the expression of a schedule, else its name or id; empty if it has none."""
    if not isinstance(schedule, dict):
        return ""
    generator = schedule.get("generator")
    inner = generator if isinstance(generator, dict) else {}
    names = (inner.get("expression"), inner.get("description"), schedule.get("externalId"), schedule.get("id"))
    return next((name for name in names if isinstance(name, str) and name), "")


# The error of a failed run on the detail page: name, message, place in the user's code, causes.


ERROR: Final = "error"
"""Names the error among the values of a page that can be shown whole."""

MAX_MESSAGE_ROWS: Final = 8
MAX_CAUSES: Final = 3


def _last_error(run: Run) -> RunError | None:
    last = run.history.attempts[-1:]
    return last[0].error if last and run.status.is_failed else None


def best_error(run: Run) -> RunError | None:
    """Return the error of the run, or that of its last attempt if the run's own error has only a code."""
    own, last = run.error_value, _last_error(run)
    return last if last and (own is None or own.has_code_only) else own


def full_error(run: Run) -> RunError | None:
    """Return the error with the most to copy: that of the last attempt if only it has a stack, else the run's own."""
    own, last = run.error_value, _last_error(run)
    return last if last is not None and (own is None or own.has_code_only or not own.stack) else own


def error_rows(run: Run, limit: int) -> list[Row]:
    """Return the error in rows of at most `limit` cells. Enter on a cut message shows all of it."""
    if (error := best_error(run)) is None:
        return []
    name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
    indent = line_width(name)
    rows: list[Row] = []
    if indent > limit // 2:
        rows = [Row(line, ("error name", index)) for index, line in enumerate(fold(name, limit))]
        name, indent = (Piece("  "),), 2
    blank: Line = (Piece(" " * indent),)
    room = limit - indent
    texts, is_cut = _message_rows(error.message, room)
    for index, text in enumerate(texts):
        piece = Piece(text, Token.BRIGHT) if text or len(texts) > 1 else Piece("no message", Token.MUTED)
        rows.append(Row((*(blank if index else name), piece), (ERROR, index)))
    if is_cut:
        note = (Piece(f"… {formatting.size(len(error.message))} in all  ", Token.FAINT), *enter_hint())
        rows.append(Row((*blank, *cut(note, room)), (ERROR, "more"), ShowWhole(ValuePath(ERROR, ()))))
    below = _lines_below(error)
    return rows + [Row((*blank, *cut(line, room)), (ERROR, "below", index)) for index, line in enumerate(below)]


def _message_rows(text: Raw, limit: int) -> tuple[list[str], bool]:
    """Return the first rows of a message, and whether there are more. A message may be megabytes long."""
    max_characters = 2 * MAX_MESSAGE_ROWS * max(limit, 2)
    rows = wrap(text.strip()[:max_characters], limit)
    return rows[:MAX_MESSAGE_ROWS], len(rows) > MAX_MESSAGE_ROWS or len(text) > max_characters


def _lines_below(error: RunError) -> list[Line]:
    lines: list[Line] = []
    if error.code is not None and error.code not in error.message:
        lines.append((Piece("code  ", Token.FAINT), Piece(error.code, Token.MUTED)))
    if place := _first_own_place(error.stack, error.message):
        lines.append((Piece(f"at {place}", Token.FAINT),))
    for cause in error.causes[:MAX_CAUSES]:
        name: Line = (Piece(f"{cause.name} ", Token.ROSE),) if cause.name else ()
        lines.append((Piece("caused by ", Token.FAINT), *name, Piece(first_line(cause.message), Token.MUTED)))
    if len(error.causes) > MAX_CAUSES:
        lines.append((Piece(f"and {formatting.plural(len(error.causes) - MAX_CAUSES, 'more cause')}", Token.FAINT),))
    return lines


@lru_cache(maxsize=16)
def _first_own_place(stack: Raw | None, message: Raw) -> str:
    """Return where the task's own code threw: `src/trigger/charge.ts:20:29`. Empty where the stack does not show it."""
    frames = parse_stack(stack, message) if stack else ()
    if (own := next((frame for frame in frames if frame.kind is FrameKind.OWN), None)) is None:
        return ""
    return ":".join(str(part) for part in (own.short_file, own.line, own.column) if part is not None)


# The head of a run's page: the status with its remarks, then the task and the id.


def head_lines(run: Run, now: Now, limit: int, action: Piece | None = None) -> list[Line]:
    """Return status, task and id, which is never cut. `action` replaces the status word while an action is pending."""
    style = style_of(run)
    lines = fold((style.mark, Piece(" "), action or style.name), limit)
    for text in remarks(run, now):
        lines = _beside(lines, text, Token.TEXT, limit)
    if meaning := meaning_words(run, now):
        lines = _beside(lines, meaning, Token.FAINT, limit)
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),)
    run_id: Line = (Piece(run.id, Token.FAINT),)
    whole = joined([name, run_id])
    return [*lines, whole] if line_width(whole) <= limit else [*lines, cut(name, limit), *fold(run_id, limit)]


def remarks(run: Run, now: Now) -> Iterator[str]:
    """Yield the short remarks that stand beside the status: attempts, running time, what the run waits for."""
    attempt = run.attempt_count or 0
    if run.state is None:
        yield "only its id is known"
    if run.is_waiting_to_retry:
        yield f"waiting to retry after attempt {attempt}" if attempt else "waiting to retry"
    elif run.status.is_failed and attempt:
        yield f"after {formatting.plural(attempt, 'attempt')}"
    elif not run.is_final and attempt > 1:
        yield f"attempt {attempt}"
    if run.status in EXECUTING_FAMILY and (elapsed := run.took(now.until)) is not None:
        yield f"for {now.duration(elapsed)}"
    if waiting := waiting_words(run, now):
        yield waiting
    if run.is_gone:
        yield "no longer on the server" if run.state is not None else "not found"


def _beside(lines: list[Line], text: str, token: Token, limit: int) -> list[Line]:
    """Put a remark beside the status while it fits. Each other remark gets a line below, unbroken if possible."""
    one = joined([lines[0], (Piece(text, token),)])
    if len(lines) == 1 and line_width(one) <= limit:
        return [one]
    return [*lines, *((Piece("  "), Piece(row, token)) for row in wrap(text, limit - 2))]


# Why a run, or a part of it, could not be read, and what the user can do about it.


MAX_CHARACTERS: Final = 400
"""Longer answers of the server are cut."""

_DECODING_FAILED: Final = "the run could not be read: "
_REFUSALS: Final = {
    "401": "The server refused the key (401). Set TRIGGER_SECRET_KEY again.",
    "403": "This key may not read runs (403). The list still works.",
    "404": "The server does not know this run (404).",
}


def failure_lines(run: Run | None, failure: str | None, limit: int) -> list[Line]:
    """Return the failure of the last read in lines of at most `limit` cells, or nothing if it succeeded."""
    if run is not None and run.is_gone:
        was_known = " any more" if run.state is not None else ""
        return _sentence(f"The server does not know this run{was_known}.", Token.AMBER, limit)
    if failure is None:
        return []
    answer = without_request(failure)
    if (answer == failure or not failure.endswith(answer)) and not answer.startswith(_DECODING_FAILED):
        # Only a part of the run is missing, and the message already says which. So it does not name the request.
        return _sentence(answer, Token.MUTED, limit)
    return _sentence(_REFUSALS.get(answer[:3]) or could_not_read("The run", failure), Token.AMBER, limit)


def _sentence(text: str, token: Token, limit: int) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text[:MAX_CHARACTERS], limit)]


# What the user folded and searched on the detail page, and how far the read of its run has got.


def nothing_selected() -> str:
    """Return how a run is selected, while none is."""
    ways = [
        blocks.with_key("next-run", "]", "{} does so in every pane"),
        blocks.with_key("next-error", "x", "{} goes to a failed one"),
    ]
    others = "".join(f", {way}" for way in ways if way)
    return f"New runs appear at the top. {blocks.selecting_keys()} in the list selects a run{others}."


FIRST_KEY: Final = ("head", 0)
"""The key of the row with the status, where the cursor starts."""


@dataclass(frozen=True, slots=True)
class DetailView:
    """What the user folded, searched and fetched on the page.

    `folds` and `fetching` (the progress of a fetch, in words) are by the label of a value; `unfolded` holds the keys
    of unfolded groups of children. `is_error_beside`: the pane beside the page shows the error of the last attempt.
    """

    folds: Mapping[str, JsonFolds] = field(default_factory=dict)
    unfolded: frozenset[Hashable] = frozenset()
    fetching: Mapping[str, str] = field(default_factory=dict)
    is_wrapped: bool = False
    is_searched: bool = False
    is_error_beside: bool = False


@dataclass(frozen=True, slots=True)
class DetailRead:
    """The last read of the run: how far it has got, and why it failed.

    `action` replaces the status word while an action is pending.
    `queue` is the run's queue, if the run waits in it and it was read. `replayed` is what is known of a replay.
    """

    stage: ReadStage = ReadStage.DONE
    failure: str | None = None
    action: Piece | None = None
    queue: QueueState | None = None
    replayed: Replayed | None = None


# The facts of a run as a table, and their rows in the detail pane.
#
# A new fact is one row of `FACTS`: the detail pane, `show` and `--json` all read the table.


MIN_VALUE_CELLS: Final = 15
"""A value takes at least this many cells, so that the facts beside it line up."""

_GAP: Final = 2

FactValue = Raw | str | int | None
"""The value of a fact as the API sends it. None: the run has no such value, or it is not known yet."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value of a run.

    * `word`: introduces the value if it shares the line of the fact above it; a fact without a word has its own line
    * `remark`: explains the label in `show`, if one line has room for it
    * `json_key`: the name in `--json`; empty if the value is not printed there

    The detail pane shows a seldom needed fact below the payload and the output. Some facts are missing in lists of
    runs, but every read of a run has them. Their places in the pane stay empty until the run was read, so that nothing
    moves.
    """

    label: str
    value: Callable[[Run], FactValue]
    word: str | None = None
    remark: str = ""
    json_key: str = ""
    is_seldom: bool = False
    is_in_lists: bool = True

    def text(self, run: Run, waits: str | None = None) -> Raw | str | None:
        """Return the value as text, or None where the run has no such value. `waits` is that of the fact `waits`."""
        value = waits if self.label == WAITS else self.value(run)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return formatting.count(value)
        return '""' if value == "" else value


def _unknown_status(run: Run) -> FactValue:
    return run.state.status.word if run.state is not None and style_of(run).glyph == "?" else None


def _named_region(run: Run) -> FactValue:
    """`eu-central-1` is a name. A run on a developer's machine has an opaque id instead, which few people need."""
    return run.fixed.region if run.fixed.region is not None and "-" in run.fixed.region else None


def _cost(run: Run) -> FactValue:
    return None if run.state is None else formatting.cost(run.state.cost_cents + run.state.base_cost_cents)


def _cost_parts(run: Run) -> FactValue:
    if (state := run.state) is None or state.cost_cents <= 0 or state.base_cost_cents <= 0:
        return None
    return f"{formatting.cost(state.cost_cents)} compute, {formatting.cost(state.base_cost_cents)} per-run fee"


WAITS: Final = "waits"
"""The label of the fact that says why a run waits. It depends on the time and on the queue: see `hold_words`."""

FACTS: Final[tuple[Fact, ...]] = (
    Fact("status", _unknown_status, remark="not known to trigger-tui"),
    Fact("shown as", lambda run: run.status.value if _unknown_status(run) is not None else None, "shown as "),
    Fact(WAITS, lambda _: None),
    Fact("version", lambda run: run.fixed.version, json_key="version"),
    Fact("region", _named_region, "", json_key="region"),
    Fact("from", lambda run: origin_words(run.fixed) or None, is_in_lists=False),
    Fact("depth", lambda run: run.fixed.depth, "depth ", json_key="depth"),
    Fact("token", token_of),
    Fact("queue", lambda run: run.fixed.queue, json_key="queue"),
    Fact("machine", lambda run: run.fixed.machine, "machine ", json_key="machine"),
    Fact("cost", _cost),
    Fact("ttl", lambda run: run.fixed.ttl, "ttl ", json_key="ttl"),
    Fact("attempts", lambda run: run.attempt_count, json_key="attemptCount", is_seldom=True, is_in_lists=False),
    Fact("test", lambda run: run.fixed.is_test, "test ", json_key="isTest", is_seldom=True),
    Fact("env", lambda run: run.fixed.environment, remark="environment", json_key="env", is_seldom=True),
    Fact("kind", lambda run: run.fixed.task_kind, "kind ", "task kind", json_key="taskKind", is_seldom=True),
    Fact("region", lambda run: None if _named_region(run) else run.fixed.region, json_key="region", is_seldom=True),
    Fact("compute", _cost_parts, is_seldom=True),
    Fact("batch", lambda run: run.fixed.batch_id, json_key="batchId", is_seldom=True),
    Fact("key", lambda run: run.fixed.idempotency_key, None, "idempotency key", "idempotencyKey", is_seldom=True),
)
"""Every fact of a run, in the order of the page."""


def fact_text(run: Run, label: str) -> Raw | str | None:
    """Return the whole text of the fact with this label, or None where the run has no such value."""
    return next((text for fact in FACTS if fact.label == label and (text := fact.text(run)) is not None), None)


def fact_keys(run: Run) -> dict[str, FactValue]:
    """Return the raw values of all known facts by their names in `--json`."""
    return {fact.json_key: value for fact in FACTS if fact.json_key and (value := fact.value(run)) is not None}


def fact_lines(run: Run, limit: int, waits: str | None = None) -> list[Line]:
    """Return one line for each known fact, with its remark. A long value wraps at `limit` cells."""
    lines: list[Line] = []
    for fact in FACTS:
        if (text := fact.text(run, waits)) is not None:
            lines += labelled(fact.label, [(Piece(text),)], limit, remark=fact.remark)
    return lines


def fact_rows(run: Run, limit: int, *, is_seldom: bool, is_wrapped: bool, unread: str, waits: str | None) -> list[Row]:
    """Return the facts that are needed often, or those needed seldom, in rows of at most `limit` cells. Short facts
    share a row.

    `unread` stands in the place of facts that every read of a run has, before the first read.
    """
    rows: list[Row] = []
    for group in _grouped(run, (fact for fact in FACTS if fact.is_seldom is is_seldom), unread, waits):
        if len(group) > 1 and (line := _shared_line(group, limit)) is not None:
            rows.append(Row(line, ("fact", group[0][0].label)))
            continue
        for fact, text in group:
            rows += _own_rows(fact.label, text, limit, is_wrapped=is_wrapped)
    return rows


def tag_rows(run: Run, limit: int) -> list[Row]:
    """Return the tags in rows of at most `limit` cells."""
    if run.state is None or not run.state.tags:
        return []
    return _keyed(labelled("tags", [(Piece(tag),) for tag in run.state.tags], limit), "tags")


def _grouped(run: Run, facts: Iterable[Fact], unread: str, waits: str | None) -> Iterator[list[tuple[Fact, Raw | str]]]:
    """Yield the known facts, those that may share a row together."""
    group: list[tuple[Fact, Raw | str]] = []
    for fact in facts:
        if fact.word is None and group:
            yield group
            group = []
        if (text := fact.text(run, waits)) is None and run.body is None and not fact.is_in_lists:
            text = unread
        if text is not None:
            group.append((fact, text))
    if group:
        yield group


def _shared_line(group: list[tuple[Fact, Raw | str]], limit: int) -> Line | None:
    """Return the facts beside each other, or None where `limit` leaves no room for that."""
    (first, text), *others = group
    line: Line = (label_piece(first.label), Piece(text, Token.FAINT if text is formatting.NOT_READ else Token.TEXT))
    for column, (fact, other) in enumerate(others, start=1):
        line = pad(line, max(LABEL + column * MIN_VALUE_CELLS, line_width(line) + _GAP))
        line = (*line, Piece(fact.word or "", Token.FAINT), Piece(other, Token.MUTED))
    return line if line_width(line) <= limit else None


def _own_rows(label: str, text: Raw | str, limit: int, *, is_wrapped: bool) -> list[Row]:
    room = limit - LABEL
    key = ("fact", label)
    # An idempotency key may be a megabyte long. Do not measure more characters than can fill the rows.
    max_characters = room * WRAPPED_ROWS + 1
    value: Line = (Piece(text[:max_characters]),)
    if line_width(value) <= room:
        return [Row((label_piece(label), *value), key)]
    lines = fold(value, room) if is_wrapped else [cut(value, room)]
    if len(lines) > WRAPPED_ROWS or (is_wrapped and len(text) > max_characters):
        *kept, last = lines[:WRAPPED_ROWS]
        lines = [*kept, (*cut((*last, Piece(" ")), room - 1), Piece("…"))]
    action = blocks.ShowWhole(ValuePath(label, ()))
    first, *others = [(label_piece("" if index else label), *line) for index, line in enumerate(lines)]
    return [Row(first, key, action), *(Row(line, (*key, index), action) for index, line in enumerate(others, 1))]


def label_piece(text: str) -> Piece:
    """Return a label, padded so that all values start in one column."""
    return Piece(f"{text:<{LABEL}}", Token.FAINT)


# The timeline of a run: when it was created, queued, started and finished, as a drawing and as lines.
#
# The attempts of the run have an axis of their own in `features.attempts.words`.


_MAX_WIDTH: Final = 60
_MIN_STROKES: Final = 2


class _Phase(NamedTuple):
    """One phase of the timeline, from its glyph to the glyph of the next phase."""

    glyph: Piece
    text: str
    length: timedelta
    stroke: str
    token: Token


def timeline_line(run: Run, now: Now, limit: int) -> Line:
    """Return `○╌╌ 67ms ╌╌◐━━━━━━ 6.3s ━━━━━━✗`, to scale, within `limit` cells; empty where it does not fit."""
    phases = _phases(run, now)
    end = (style_of(run).mark,) if run.is_final else ()
    least = sum(3 + len(phase.text) + 2 * _MIN_STROKES for phase in phases)
    spare = min(limit, _MAX_WIDTH) - len(end) - least
    if not phases or spare < 0:
        return ()
    whole = sum((phase.length for phase in phases), timedelta()) or timedelta(seconds=1)
    line: list[Piece] = []
    for glyph, text, length, stroke, token in phases:
        cells = 2 * _MIN_STROKES + int(spare * (length / whole))
        middle = Piece(f" {text} ", Token.BLUE if token is Token.BLUE else Token.MUTED)
        line += [glyph, Piece(stroke * (cells // 2), token), middle, Piece(stroke * (cells - cells // 2), token)]
    return (*line, *end)


def _phases(run: Run, now: Now) -> list[_Phase]:
    created, state = run.created_at, run.state
    if created is None or state is None:
        return []
    here = now.until
    end = (state.finished_at or state.expired_at or state.updated_at) if run.is_final else here
    queued_from = max(created, min(state.delayed_until, end)) if state.delayed_until is not None else created
    spans: list[_Phase] = []

    def add(word: str, start: datetime, stop: datetime, stroke: str, token: Token) -> None:
        is_open = not run.is_final and stop == here
        text = now.duration(stop - start, is_running=is_open)
        glyph = Piece(STATUS_STYLES[word].glyph, token if token is Token.BLUE else Token.MUTED)
        length = max(stop - start, timedelta())
        spans.append(_Phase(glyph, text, now.drawn(length) if is_open else length, stroke, token))

    if queued_from > created:
        add("Delayed", created, queued_from, "╌", Token.GUIDE)
    if state.started_at is None:
        if queued_from < end or not spans:
            add("Queued", queued_from, end, "╌", Token.GUIDE)
        return spans
    add("Queued", queued_from, state.started_at, "╌", Token.GUIDE)
    is_running = run.status in EXECUTING_FAMILY
    token = Token.BLUE if is_running else Token.GUIDE
    add("Executing", state.started_at, end, "━" if is_running or run.is_final else "╌", token)
    return spans


def time_lines(run: Run, now: Now, limit: int, *, shows_zone: bool = False) -> list[Line]:
    """Return the times, one a line. `shows_zone` adds their zone, for screens without a clock."""
    lines: list[Line] = []

    def at(label: str, time: datetime | None, remark: str = "") -> None:
        if time is not None:
            lines.extend(labelled(label, [(Piece(formatting.moment(time, now.at)),)], limit, remark=remark))

    created, state = run.created_at, run.state
    zone = f" · times are {formatting.zone_name(now.at)}" if shows_zone else ""
    when = due_words(run, now) or ("" if created is None else now.ago(created))
    at("created", created, f"{when}{zone}")
    if state is None:
        return lines
    until, here = state.delayed_until, now.until
    is_due = until is not None and until > here and not run.is_final
    at("delayed", until, f"in {now.duration(until - here)}" if until is not None and is_due else "")
    if state.started_at is not None:
        queued = time_in_queue(run, state.started_at)
        at("started", state.started_at, "" if queued is None else f"{formatting.duration(queued)} in queue")
    ran = run.took(here)
    running = f"{formatting.duration(state.compute)} of it running" if state.compute else ""
    at("finished", state.finished_at, ", ".join(filter(None, [formatting.duration(ran) if ran else "", running])))
    at("expired", state.expired_at)
    if not run.is_final and ran is not None:
        lines += labelled("so far", [(Piece(now.duration(ran), style_of(run).row.took),)], limit, remark=running)
    return lines


def updated_lines(run: Run, now: Now, limit: int) -> list[Line]:
    """Return the line about the last change."""
    if run.state is None:
        return []
    at = run.state.updated_at
    return labelled("updated", [(Piece(formatting.moment(at, now.at)),)], limit, remark=f"{now.ago(at)}")


# The root, the parent and the children of a run: a line each, with a summary of the children by status.


_MAX_TASK_CELLS: Final = 24
_ID_CELLS: Final = 11
_DURATION_CELLS: Final = 7
_FOLDED_FROM: Final = 10
"""More children than this with one status fold into one row."""

_FAILED_SHOWN: Final = 50
"""The failed children that keep a row of their own while their group is folded."""


class Relatives(NamedTuple):
    """The related runs that the store knows. `children` is None until they have been read."""

    root: Run | None = None
    parent: Run | None = None
    children: Sequence[Run] | None = None

    @classmethod
    def of(cls, run: Run, store: Store, get: Callable[[RunId], Run | None]) -> Self:
        """Return the relatives of a run. `get` returns a run as it is shown: during a pause, as it was before."""
        root_id, parent_id = run.fixed.root_id, run.fixed.parent_id
        children = None
        if run.children_read_at is not None:
            children = tuple(child for each in store.children_of(run.id) if (child := get(each.id)) is not None)
        return cls(None if root_id is None else get(root_id), None if parent_id is None else get(parent_id), children)


def children_by_status(children: Iterable[Run]) -> dict[StatusStyle, list[Run]]:
    """Group the children by status: failed groups first, then live ones, then the rest."""
    groups: dict[StatusStyle, list[Run]] = {}
    for child in children:
        groups.setdefault(style_of(child), []).append(child)
    order = sorted(groups, key=lambda style: (not style.is_bold, groups[style][0].is_final))
    return {style: groups[style] for style in order}


def children_summary(groups: dict[StatusStyle, list[Run]], limit: int) -> list[Line]:
    """Return how many children there are in each status, in lines of at most `limit` cells."""
    if not groups:
        return labelled("children", [(Piece("none", Token.FAINT),)], limit)
    parts: list[Line] = [(Piece(formatting.count(sum(map(len, groups.values())))),)]
    parts += [
        (style.mark, Piece(f" {formatting.count(len(runs))} ", Token.MUTED), style.name)
        for style, runs in groups.items()
    ]
    return labelled("children", parts, limit)


def ancestor_rows(run: Run, around: Relatives, now: Now, limit: int, unread: str = formatting.NOT_READ) -> list[Row]:
    """Return a row for the root and one for the parent. A parent that is the root has one row.

    Until the run is read, its depth says which of them it has. Their rows then have the word `unread`, so that nothing
    moves when they are read.
    """
    fixed = run.fixed
    if run.body is None and fixed.parent_id is None and fixed.depth:
        labels = ("root", "parent") if fixed.depth > 1 else ("parent",)
        return [Row((label_piece(label), Piece(unread, Token.FAINT)), (label, None)) for label in labels]
    task_cells = _task_cells([around.root, around.parent], limit)
    known = [("root", fixed.root_id, around.root)] if fixed.root_id != fixed.parent_id else []
    known.append(("parent", fixed.parent_id, around.parent))
    return [_relative_row(name, each, other, now, task_cells, limit) for name, each, other in known if each is not None]


def child_rows(around: Relatives, now: Now, limit: int, unfolded: frozenset[Hashable]) -> list[Row]:
    """Return the summary of the children, then a row for each child or for each folded group.

    A group of more than ten children folds unless its key is in `unfolded`. Of a failed group, fifty stay visible.
    """
    if around.children is None:
        return []
    groups = children_by_status(around.children)
    rows = _keyed(children_summary(groups, limit), "children")
    task_cells = _task_cells(around.children, limit)
    for style, runs in groups.items():
        rows += _group_rows(style, runs, now, task_cells, limit, unfolded)
    return rows


def _task_cells(runs: Iterable[Run | None], limit: int) -> int:
    """Return a width for the task names at which the ids line up, with each other and with the facts above."""
    widest = max((cell_len(run.fixed.task or formatting.NONE) for run in runs if run is not None), default=0)
    return max(1, min(max(widest, MIN_VALUE_CELLS - 4), _MAX_TASK_CELLS, limit - LABEL - 15))


def _relative_row(label: str, run_id: RunId, run: Run | None, now: Now, task_cells: int, limit: int) -> Row:
    action = blocks.GoToRun(run_id)
    if run is None:
        return Row((label_piece(label), *cut((Piece(run_id),), limit - LABEL)), (label, run_id), action)
    style = style_of(run)
    name = fit((Piece(run.fixed.task or formatting.NONE, style.row.task),), task_cells)
    elapsed = run.took(now.until)
    duration = Piece(now.duration(elapsed, is_running=not run.is_final), style.row.took)
    run_id_cells = fit(short_id(run_id, Token.FAINT), _ID_CELLS)
    line = (label_piece(label), style.mark, Piece(" "), *name, Piece("  "), *run_id_cells)
    longer = (*line, Piece("  "), *pad((duration,), _DURATION_CELLS, "right"))
    return Row(cut(longer if line_width(longer) <= limit else line, limit), (label, run_id), action)


def _group_rows(
    style: StatusStyle, runs: Sequence[Run], now: Now, task_cells: int, limit: int, unfolded: frozenset[Hashable]
) -> list[Row]:
    key: Hashable = ("children", style.word)
    is_unfolded, shown = key in unfolded, len(runs)
    if not is_unfolded and len(runs) > _FOLDED_FROM:
        shown = _FAILED_SHOWN if style.is_bold else 0
    rows = [_relative_row("", run.id, run, now, task_cells, limit) for run in runs[:shown]]
    if len(runs) <= _FOLDED_FROM or (shown >= len(runs) and not is_unfolded):
        return rows
    is_rest = 0 < shown < len(runs)
    count = formatting.count(len(runs) - shown if is_rest else len(runs))
    text = Piece(f" {count}{' more' if is_rest else ''} ", Token.MUTED)
    head = (label_piece(""), Piece("▾ " if is_unfolded else "▸ ", Token.FAINT), style.mark, text, style.name)
    fold_row = Row(cut(head, limit), key, blocks.ToggleFold(key))
    return [*rows, fold_row] if is_rest else [fold_row, *rows]


# Payload, output, metadata and schedule: where a run keeps them, and their rows in the detail pane.


VALUES: Final = ("payload", "output", "metadata", "schedule")
"""The labels, in the order of the page."""

FETCHING: Final = "fetching…"

MAX_VALUE_ROWS: Final = 60
MAX_SEARCHED_ROWS: Final = 400
"""The rows of one value while a search is open, so that its matches are visible."""


def value_of(run: Run, label: str) -> tuple[Json | Absent, str | None]:
    """Return one of `VALUES`, and the URL of a value that the server stores apart.

    The value is `ABSENT` where the run has none, or where it is not known.
    """
    if label in {"payload", "output"}:
        body = run.body[1] if run.body else Body()
        return (body.payload, body.payload_url) if label == "payload" else (body.output, body.output_url)
    if label == "metadata":
        return (run.metadata_values or ABSENT), None
    return (ABSENT if run.fixed.schedule is None else run.fixed.schedule), None


def missing_words(run: Run, label: str, stage: ReadStage = ReadStage.DONE) -> str | None:
    """Return what the page says where a value is absent, or None where it leaves the value out."""
    if label in {"metadata", "schedule"} or (label == "output" and not run.is_final):
        return None
    if run.body is None:
        return stage.words
    return "none (the run failed)" if label == "output" and run.status.is_failed else "none"


def value_rows(run: Run, read: DetailRead, view: DetailView, limit: int, values: ValueRows) -> list[Row]:
    """Return the rows of all values, each at most `limit` cells wide."""
    rows: list[Row] = []
    for label in VALUES:
        value, url = value_of(run, label)
        if value is not ABSENT:
            folds = view.folds.get(label, JsonFolds())
            max_rows = MAX_SEARCHED_ROWS if view.is_searched else MAX_VALUE_ROWS
            rows += values.rows(label, value, folds, limit, is_wrapped=view.is_wrapped, max_rows=max_rows)
        elif url is not None:
            rows += _stored_apart_rows(label, view.fetching.get(label, ""), limit)
        elif (text := missing_words(run, label, read.stage)) is not None:
            rows.append(_labelled_row(label, (Piece(text, Token.FAINT),), limit))
    return rows


def _labelled_row(label: str, line: Line, limit: int, action: blocks.FetchValue | None = None) -> Row:
    return Row((label_piece(label), *cut(line, limit - LABEL)), label, action)


def _stored_apart_rows(label: str, progress: str, limit: int) -> list[Row]:
    """Return the rows for a value that has to be fetched from its own URL."""
    if progress == FETCHING:
        return [_labelled_row(label, (Piece(progress, Token.MUTED),), limit)]
    action = blocks.FetchValue(label)
    if not progress:
        hint = enter_hint("reads it")
        return [_labelled_row(label, (Piece("large value  ", Token.MUTED), *hint), limit, action)]
    lines = [*_sentence(progress, Token.AMBER, limit - LABEL), enter_hint("tries again")]
    rows = [_labelled_row("" if index else label, line, limit, action) for index, line in enumerate(lines)]
    return [row._replace(key=(label, index)) for index, row in enumerate(rows)]


# Payload, output, metadata and schedule as `show` prints them: on one line where they fit, else indented and cut.


MAX_ROWS: Final = 60
MAX_ROW_CHARACTERS: Final = 400
"""The length of one key with its value, or of one item. A longer text is cut so that it does not hide the next ones."""

_STORED_APART: Final = "too large for the answer; --json prints the URL to fetch it from"


def body_lines(run: Run, limit: int) -> list[Line]:
    """Return the values of a run in lines of at most `limit` cells; nothing for those that were not read."""
    lines: list[Line] = []
    for label in VALUES:
        value, url = value_of(run, label)
        if value is not ABSENT:
            lines += json_lines(label, value, limit)
        elif run.body is not None:
            text = missing_words(run, label) if url is None else _STORED_APART
            if text is not None:
                lines += labelled(label, [(Piece(row, Token.FAINT),) for row in wrap(text, limit - LABEL)], limit)
    return lines


def json_lines(label: str, value: Json, limit: int) -> list[Line]:
    """Return a labelled JSON value in lines of at most `limit` cells. The last line counts what was cut."""
    room = max(limit - LABEL, LABEL)
    short = opening(value, room)
    if cell_len(short) <= room:
        return labelled(label, [(Piece(short),)], limit)
    shown: list[Line] = []
    cut_lines = cut_characters = 0
    for depth, text in rows(value):
        if len(shown) >= MAX_ROWS:
            cut_lines += 1
            continue
        cut_characters += max(0, len(text) - MAX_ROW_CHARACTERS)
        kept = text if len(text) <= MAX_ROW_CHARACTERS else f"{text[:MAX_ROW_CHARACTERS]}…"
        indent = min(2 * depth, room // 2)
        shown += blocks.indented(fold((Piece(kept),), room - indent), indent)
    first, *others = shown
    lines = labelled(label, [first], limit) + blocks.indented(others, LABEL)
    counts = ((cut_lines, "line"), (cut_characters, "character"))
    if cuts := [formatting.plural(*each) for each in counts if each[0]]:
        note = f"… without {' and '.join(cuts)}; {blocks.WHOLE}"
        lines += blocks.indented([(Piece(row, Token.FAINT),) for row in wrap(note, room)], LABEL)
    return lines


# The order of the page. Every known field of a run is on it, or one Enter away from it.


MIN_WIDTH: Final = 30


def detail_rows(
    run: Run, around: Relatives, read: DetailRead, view: DetailView, now: Now, width: int, values: ValueRows
) -> list[Row]:
    """Return the page in rows of at most `width` cells (at least 30), with an empty row before each block.

    `values` caches the rows of the values: pass the same object for as long as the page shows one run.
    """
    limit = max(width, MIN_WIDTH)
    children = child_rows(around, now, limit, view.unfolded)
    again = read.replayed
    life, waits = timeline_line(run, now, limit), hold_words(run, read.queue, now)
    # One word is enough for all of them. It stands at the payload.
    unread = NOT_READ if read.stage is ReadStage.DONE else ""
    sections = (
        [
            *_keyed(head_lines(run, now, limit, read.action), "head"),
            *([Row(cut(again.line, limit), "replayed", again.run_id and GoToRun(again.run_id))] if again else []),
        ],
        _keyed(failure_lines(run, read.failure, limit), "failure"),
        [] if view.is_error_beside and _last_error(run) is not None else error_rows(run, limit),
        [
            *([Row(life, "life")] if life else []),
            *_keyed(time_lines(run, now, limit), "time"),
            *ancestor_rows(run, around, now, limit, unread),
            *fact_rows(run, limit, is_seldom=False, is_wrapped=view.is_wrapped, unread=unread, waits=waits),
            *tag_rows(run, limit),
        ],
        children if around.children else [],
        value_rows(run, read, view, limit, values),
        [
            *fact_rows(run, limit, is_seldom=True, is_wrapped=view.is_wrapped, unread=unread, waits=waits),
            *_keyed(updated_lines(run, now, limit), "updated"),
            *(children if not around.children else []),
        ],
    )
    return [row for block in sections if block for row in (Row(()), *block)]


def whole_of(run: Run, path: ValuePath) -> Json | Absent:
    """Return all of a cut error, fact or value for a screen of its own; `ABSENT` if the run no longer has it."""
    if path.label == ERROR:
        error = best_error(run)
        return ABSENT if error is None else f"{error.message}\n\n{error.stack}" if error.stack else error.message
    if (text := fact_text(run, path.label)) is not None:
        return text
    value, _ = value_of(run, path.label)
    return value if value is ABSENT else value_at(value, path.path)


def _keyed(lines: list[Line], key: str) -> list[Row]:
    return [Row(line, (key, index)) for index, line in enumerate(lines)]
