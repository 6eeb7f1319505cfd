"""The detail pane's page about one run: status, error, timeline, facts, relatives, values."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from rich.cells import cell_len

from tui.domain.finding import QueueState
from tui.domain.ids import RunId
from tui.domain.run import ABSENT, Absent, Json, Run
from tui.domain.status import EXECUTING_FAMILY
from tui.domain.text import Raw
from tui.features.detail import words
from tui.features.detail.words import Situation
from tui.features.runs.columns import short_id, time_in_queue, took
from tui.features.runs.words import token_of
from tui.lazy_dataclass import dataclass
from tui.text import blocks, formatting
from tui.text.blocks import LABEL, Now, ReadStage, Row, labelled
from tui.text.formatting import NOT_READ
from tui.text.json import WRAPPED_ROWS, JsonFolds, ValuePath, ValueRows, rows, value_at
from tui.text.status import STATUS_STYLES, StatusStyle, style_of
from tui.text.styled import Line, Piece, Token, cut, fit, fold, line_width, pad, wrap

# What the user folded and searched on the detail page, and how far the read of its run has got.


def nothing_selected() -> str:
    """Return how a run is selected, while none is."""
    ways = [
        blocks.with_key("next-run", "]", "{} selects one from any pane"),
        blocks.with_key("next-error", "x", "{} finds a failed one"),
    ]
    others = "".join(f", {way}" for way in ways if way)
    return f"The list follows new runs. {blocks.selecting_keys()} in the list selects a run{others}."


FIRST_KEY: Final = ("head", 0)
"""The key of the row with the status, where the cursor starts."""


@dataclass(frozen=True, slots=True)
class DetailView:
    """What the user folded, searched and fetched on the page.

    `folds` and `fetching` (the progress of a fetch, in words) are by the label of a value; `unfolded` holds the keys
    of unfolded groups of children.
    """

    folds: Mapping[str, JsonFolds] = field(default_factory=lambda: MappingProxyType({}))
    unfolded: frozenset[Hashable] = frozenset()
    fetching: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    is_wrapped: bool = False
    is_searched: bool = False


@dataclass(frozen=True, slots=True)
class DetailRead:
    """The last read of the run: how far it has got, and why it failed.

    `action` replaces the status word while an action is pending.
    `queue` is the run's queue, if the run waits in it and it was read.
    """

    stage: ReadStage = ReadStage.DONE
    failure: str | None = None
    action: Piece | None = None
    queue: QueueState | None = None


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

    `word` introduces the value where it shares the line of the fact above it; without a word it has its own line.
    `remark` explains the label where one line has room for it, in `show`. `json_key` is the name in `--json`, empty
    where the value is not printed there. The detail pane shows a seldom needed fact below the payload and the output.
    A fact that lists of runs lack, but every read of a run has, keeps its place in the pane until the run was read.
    `seen` takes the place of `value` for a fact that depends on the time and on the run's queue.
    """

    label: str
    value: Callable[[Run], FactValue]
    word: str | None = None
    remark: str = ""
    json_key: str = ""
    is_seldom: bool = False
    is_in_lists: bool = True
    seen: Callable[[Run, Situation], FactValue] | None = None

    def text(self, run: Run, situation: Situation | None = None) -> Raw | str | None:
        """Return the value as text, or None where the run has no such value."""
        value = self.seen(run, situation) if self.seen is not None and situation is not None else self.value(run)
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
    return f"{formatting.cost(state.cost_cents)}, and {formatting.cost(state.base_cost_cents)} for the start"


FACTS: Final[tuple[Fact, ...]] = (
    Fact("status", _unknown_status, remark="unknown to trigger-tui"),
    Fact("taken for", lambda run: run.status.value if _unknown_status(run) is not None else None, "taken for "),
    Fact("waits", lambda _: None, seen=words.hold_words),
    Fact("version", lambda run: run.fixed.version, json_key="version"),
    Fact("region", _named_region, "", json_key="region"),
    Fact("from", lambda run: words.origin_words(run.fixed) or None, is_in_lists=False),
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
    Fact(
        "key",
        lambda run: run.fixed.idempotency_key,
        remark="idempotency key",
        json_key="idempotencyKey",
        is_seldom=True,
    ),
)
"""Every fact of a run, in the order of the page."""


def fact_text(run: Run, label: str) -> Raw | str | None:
    """Return the whole text of the fact with this label, or None where the run has no such value."""
    return next((text for fact in FACTS if fact.label == label and (text := fact.text(run)) is not None), None)


def fact_keys(run: Run) -> dict[str, FactValue]:
    """Return the raw values of all known facts by their names in `--json`."""
    return {fact.json_key: value for fact in FACTS if fact.json_key and (value := fact.value(run)) is not None}


def fact_lines(run: Run, limit: int, situation: Situation | None = None) -> list[Line]:
    """Return one line for each known fact, with its remark. A long value wraps at `limit` cells."""
    lines: list[Line] = []
    for fact in FACTS:
        if (text := fact.text(run, situation)) is not None:
            lines += labelled(fact.label, [(Piece(text),)], limit, remark=fact.remark)
    return lines


def fact_rows(
    run: Run,
    limit: int,
    *,
    is_seldom: bool,
    is_wrapped: bool,
    unread: str = formatting.NOT_READ,
    situation: Situation | None = None,
) -> list[Row]:
    """Return the facts needed often or seldom in rows of at most `limit` cells; short ones share a row.

    `unread` stands for facts that every read of a run has, before the first one.
    """
    rows: list[Row] = []
    for group in _grouped(run, (fact for fact in FACTS if fact.is_seldom is is_seldom), unread, situation):
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
    lines = labelled("tags", [(Piece(tag),) for tag in run.state.tags], limit)
    return [Row(line, ("tags", index)) for index, line in enumerate(lines)]


def _grouped(
    run: Run, facts: Iterable[Fact], unread: str, situation: Situation | None
) -> Iterator[list[tuple[Fact, Raw | str]]]:
    """Yield the known facts, those that may share a row together."""
    group: list[tuple[Fact, Raw | str]] = []
    for fact in facts:
        if fact.word is None and group:
            yield group
            group = []
        if (text := fact.text(run, situation)) is None and run.body is None and not fact.is_in_lists:
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
    action = blocks.ShowWhole(ValuePath(label, ()))
    if not is_wrapped:
        return [Row((label_piece(label), *cut(value, room)), key, action)]
    lines = fold(value, room)
    if len(lines) > WRAPPED_ROWS or len(text) > max_characters:
        *kept, last = lines[:WRAPPED_ROWS]
        lines = [*kept, (*cut((*last, Piece(" ")), room - 1), Piece("…"))]
    return [
        Row((label_piece("" if index else label), *line), (*key, index), action) for index, line in enumerate(lines)
    ]


def label_piece(text: str) -> Piece:
    """Return a label, padded so that all values start in one column."""
    return Piece(f"{text:<{LABEL}}", Token.FAINT)


# The timeline of a run: when it was created, queued, started and finished, as a drawing and as lines.
#
# The attempts of the run have an axis of their own in `features.attempts.words`.


_MAX_WIDTH: Final = 60
_MIN_STROKES: Final = 2
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Phase:
    """One phase of the timeline, from its glyph to the glyph of the next phase."""

    glyph: Piece
    text: str
    length: timedelta
    stroke: str
    token: Token

    @property
    def least(self) -> int:
        """The fewest cells in which the phase can be drawn."""
        return 1 + len(self.text) + 2 + 2 * _MIN_STROKES


def timeline_line(run: Run, now: Now, limit: int) -> Line:
    """Return `○╌╌ 67ms ╌╌◐━━━━━━ 6.3s ━━━━━━✗`, to scale, within `limit` cells; empty where it does not fit."""
    spans = _phases(run, now)
    end = (style_of(run).mark,) if run.is_final else ()
    room = min(limit, _MAX_WIDTH) - len(end)
    spare = room - sum(span.least for span in spans)
    if not spans or spare < 0:
        return ()
    whole = sum((span.length for span in spans), timedelta()) or timedelta(seconds=1)
    line: list[Piece] = []
    for span in spans:
        cells = span.least + int(spare * (span.length / whole)) - 3 - len(span.text)
        before, after = span.stroke * (cells // 2), span.stroke * (cells - cells // 2)
        text = Piece(f" {span.text} ", Token.BLUE if span.token is Token.BLUE else Token.MUTED)
        line += [span.glyph, Piece(before, span.token), text, Piece(after, span.token)]
    return (*line, *end)


def _phases(run: Run, now: Now) -> list[_Phase]:
    created, state = run.created_at, run.state
    if created is None or state is None:
        return []
    here = now.frozen_at or now.at
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
    """Return the times, one a line. `shows_zone` adds their zone, where no clock on the screen says so."""
    lines: list[Line] = []

    def at(label: str, time: datetime | None, remark: str = "") -> None:
        if time is not None:
            lines.extend(labelled(label, [(Piece(formatting.moment(time, now.at)),)], limit, remark=remark))

    created, state = run.created_at, run.state
    zone = f" · times are {formatting.zone_name(now.at)}" if shows_zone else ""
    is_ahead = created is not None and created - now.at >= _SECOND  # of a schedule; clocks differ by less
    when = f"due in {now.duration(created - now.at)}" if created is not None and is_ahead else f"{now.age(created)} ago"
    at("created", created, f"{when}{zone}")
    if state is None:
        return lines
    until, here = state.delayed_until, now.frozen_at or now.at
    is_due = until is not None and until > here and not run.is_final
    at("delayed", until, f"in {now.duration(until - here)}" if until is not None and is_due else "")
    if state.started_at is not None:
        queued = time_in_queue(run, state.started_at)
        at("started", state.started_at, "" if queued is None else f"{formatting.duration(queued)} in queue")
    ran = took(run, here)
    running = f"of it {formatting.duration(state.compute)} running" if state.compute else ""
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
    return labelled("updated", [(Piece(formatting.moment(at, now.at)),)], limit, remark=f"{now.age(at)} ago")


# The root, the parent and the children of a run: a line each, with a summary of the children by status.


_MAX_TASK_CELLS: Final = 24
_ID_CELLS: Final = 11
_DURATION_CELLS: Final = 7
_FOLDED_FROM: Final = 10
"""More children than this with one status fold into one row."""

_FAILED_SHOWN: Final = 50
"""The failed children that keep a row of their own while their group is folded."""


@dataclass(frozen=True, slots=True)
class Relatives:
    """The related runs that the store knows. `children` is None until they have been read."""

    root: Run | None = None
    parent: Run | None = None
    children: Sequence[Run] | None = None


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

    Before the run was read, its depth says which of them it has. Their rows, with the word
    `unread`, keep the place, so that nothing moves then.
    """
    rows, fixed = list[Row](), run.fixed
    if run.body is None and fixed.parent_id is None and fixed.depth:
        labels = ("root", "parent") if fixed.depth > 1 else ("parent",)
        return [Row((label_piece(label), Piece(unread, Token.FAINT)), (label, None)) for label in labels]
    task_cells = _task_cells([around.root, around.parent], limit)
    if fixed.root_id is not None and fixed.root_id != fixed.parent_id:
        rows.append(_relative_row("root", fixed.root_id, around.root, now, task_cells, limit))
    if fixed.parent_id is not None:
        rows.append(_relative_row("parent", fixed.parent_id, around.parent, now, task_cells, limit))
    return rows


def child_rows(around: Relatives, now: Now, limit: int, unfolded: frozenset[Hashable]) -> list[Row]:
    """Return the summary of the children, then a row for each child or for each folded group.

    A group of more than ten children folds unless its key is in `unfolded`. Of a failed group, fifty stay visible.
    """
    if around.children is None:
        return []
    groups = children_by_status(around.children)
    rows = [Row(line, ("children", index)) for index, line in enumerate(children_summary(groups, limit))]
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
    elapsed = took(run, now.frozen_at or now.at)
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
    body = run.body[1] if run.body else None
    match label:
        case "payload":
            return (ABSENT, None) if body is None else (body.payload, body.payload_url)
        case "output":
            return (ABSENT, None) if body is None else (body.output, body.output_url)
        case "metadata":
            return (run.metadata_values or ABSENT), None
        case _:
            return (ABSENT if run.fixed.schedule is None else run.fixed.schedule), None


def missing_words(run: Run, label: str, stage: ReadStage = ReadStage.DONE) -> str | None:
    """Return what the page says where a value is absent, or None where it leaves the value out."""
    if label in {"metadata", "schedule"} or (label == "output" and not run.is_final):
        return None
    if run.body is None:
        return stage.words
    return "none, the run failed" if label == "output" and run.status.is_failed else "none"


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
        hint = words.enter_hint("fetches it")
        return [_labelled_row(label, (Piece("stored apart  ", Token.MUTED), *hint), limit, action)]
    lines: list[Line] = [(Piece(row, Token.AMBER),) for row in wrap(progress[: words.MAX_CHARACTERS], limit - LABEL)]
    rows = [_labelled_row("" if index else label, line, limit, action) for index, line in enumerate(lines)]
    rows = [row._replace(key=(label, index)) for index, row in enumerate(rows)]
    return [*rows, _labelled_row("", words.enter_hint("tries again"), limit, action)._replace(key=(label, "again"))]


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
    if (short := _on_one_line(value, room)) is not None:
        return labelled(label, [(Piece(short),)], limit)
    shown: list[Line] = []
    cut_lines = cut_characters = 0
    for depth, text in rows(value):
        if len(shown) >= MAX_ROWS:
            cut_lines += 1
            continue
        kept = text
        if len(text) > MAX_ROW_CHARACTERS:
            cut_characters += len(text) - MAX_ROW_CHARACTERS
            kept = f"{text[:MAX_ROW_CHARACTERS]}…"
        indent = min(2 * depth, room // 2)
        shown += blocks.indented(fold((Piece(kept),), room - indent), indent)
    first, *others = shown
    lines = labelled(label, [first], limit) + blocks.indented(others, LABEL)
    if cut_lines or cut_characters:
        cuts = [formatting.plural(cut_lines, "line")] if cut_lines else []
        cuts += [formatting.plural(cut_characters, "character")] if cut_characters else []
        note = f"… without {' and '.join(cuts)}; {blocks.WHOLE}"
        lines += blocks.indented([(Piece(row, Token.FAINT),) for row in wrap(note, room)], LABEL)
    return lines


def _on_one_line(value: Json, room: int) -> str | None:
    text = ""
    for _, row in rows(value):
        text += row + (" " if row.endswith(",") else "")
        if len(text) > room:
            return None
    return text if cell_len(text) <= room else None


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
    life, situation = timeline_line(run, now, limit), Situation(now, read.queue)
    # One word for all of them suffices, and it stands at the payload.
    unread = NOT_READ if read.stage is ReadStage.DONE else ""
    sections = (
        _keyed(words.head_lines(run, now, limit, read.action), "head"),
        _keyed(words.failure_lines(run, read.failure, now, limit), "failure"),
        words.error_rows(run, limit),
        [
            *([Row(life, "life")] if life else []),
            *_keyed(time_lines(run, now, limit), "time"),
            *ancestor_rows(run, around, now, limit, unread),
            *fact_rows(run, limit, is_seldom=False, is_wrapped=view.is_wrapped, unread=unread, situation=situation),
            *tag_rows(run, limit),
        ],
        children if around.children else [],
        value_rows(run, read, view, limit, values),
        [
            *fact_rows(run, limit, is_seldom=True, is_wrapped=view.is_wrapped, unread=unread),
            *_keyed(updated_lines(run, now, limit), "updated"),
            *(children if not around.children else []),
        ],
    )
    return [row for block in sections if block for row in (Row(()), *block)]


def whole_of(run: Run, path: ValuePath) -> Json | Absent:
    """Return all of a cut error, fact or value for a screen of its own; `ABSENT` if the run no longer has it."""
    if path.label == words.ERROR:
        error = words.best_error(run)
        return ABSENT if error is None else f"{error.message}\n\n{error.stack}" if error.stack else error.message
    if (text := fact_text(run, path.label)) is not None:
        return text
    value, _ = value_of(run, path.label)
    return value if value is ABSENT else value_at(value, path.path)


def _keyed(lines: list[Line], key: str) -> list[Row]:
    return [Row(line, (key, index)) for index, line in enumerate(lines)]
