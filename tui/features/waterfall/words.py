"""The sentences about a trace and about its selected span."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Json, Run
from tui.domain.text import Raw
from tui.domain.traces.span import SpanDetail
from tui.domain.traces.waterfall import ROOT, Extents, RowTree, SpanKind, SpanState, Waterfall
from tui.features.detail.words import best_error
from tui.features.waterfall.page import RowParts, SpanLook, name_of
from tui.kit.words import RuleText, rule_line, without_request
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import Now, ReadStage, key_of, tries_again
from tui.text.json import rows, scalar
from tui.text.styled import ELLIPSIS, Line, Piece, Token, cut, first_line, fit, joined, line_width

# The sentences about a whole trace: how much of it came, what has no row, and why it could not be read.


MAX_TRACE_ROWS: Final = 5_000
"""Rows of one response. A span is a row when it begins, another when it ends, and one for each of its events, so that
fewer spans come. Source: tests/wire/recordings/README.md §5."""

ROOMY: Final = 100
"""From this width on, the rule counts the spans."""

WITH_RUNS: Final = 76
"""From this width on, the rule of a cut trace counts the runs."""


def no_trace() -> str:
    """Return that there is no trace."""
    return f"The server has no trace of this run.{tries_again('reads it again')}"


def cut_words(received: int) -> str:
    """Return where the server cut a trace: `cut at 5,000 rows`, with the number of spans that came."""
    return f"{_cut_at(received)}, {formatting.plural(received, 'span')} received"


def _cut_at(received: int) -> str:
    return f"cut at {max(MAX_TRACE_ROWS, received):,} rows"


def sentences(waterfall: Waterfall, failure: str | None) -> list[str]:
    """Return the sentences below the rows: what is missing, and why the last read failed."""
    trace = waterfall.trace
    found = []
    if trace.is_truncated:
        found.append(f"Trace {cut_words(trace.received)}; the rest is not shown.")
    if trace.unreadable:
        found.append(f"{formatting.plural(trace.unreadable, 'span')} could not be read.")
    if failure:
        found.append(failure_words(failure))
    return found


def failure_words(failure: str) -> str:
    """Return why the trace could not be read, and what the user can do."""
    reason = without_request(failure).removeprefix("the trace could not be read: ").rstrip(".")
    return f"The trace could not be read: {reason}{'' if reason.endswith('?') else '.'}{tries_again()}"


def not_shown(waterfall: Waterfall, tree: RowTree) -> Line:
    """Return how many spans have no row, and the key that shows them; empty if all have one."""
    counts = hidden_counts(waterfall)
    if not counts or tree.with_engine:
        return ()
    key = Piece(key_of("engine-spans", "i"), Token.TEXT, is_bold=True)
    return (Piece(f"not shown: {counts} (", Token.FAINT), key, Piece(")", Token.FAINT))


def hidden_counts(waterfall: Waterfall) -> str:
    """Return `7 engine spans and 2 run() spans`: those that get a row only on request; empty if there are none."""
    counts = ((waterfall.engine_count, "engine span"), (waterfall.function_count, "run() span"))
    return " and ".join(formatting.plural(count, noun) for count, noun in counts if count)


def extent(
    waterfall: Waterfall, extents: Extents, span_count: int, read_at: datetime | None, now: Now, *, width: int
) -> Line:
    """Return `6 runs · 14 spans · cut at 5,000 rows · 17s so far · read 2s ago` for a rule of `width` cells.

    A narrow rule leaves the spans out, a narrower one of a cut trace the runs too. `span_count` is the number of rows.
    """
    is_narrow, is_cut = width < ROOMY, waterfall.trace.is_truncated
    line: list[Piece] = []
    if not is_cut or width >= WITH_RUNS:
        line.append(Piece(formatting.plural(len(waterfall.run_spans), "run"), Token.TEXT))
    if not is_narrow:
        line.append(Piece(f" · {formatting.plural(span_count, 'span')}", Token.MUTED))
    if is_cut:
        gap: list[Piece] = [Piece(" · ", Token.MUTED)] if line else []
        line += [*gap, Piece(_cut_at(waterfall.trace.received), Token.AMBER)]
    took = timedelta(microseconds=extents.end(ROOT, waterfall.moment(now.frozen_at or now.at)))
    if extents.is_live:
        line += [Piece(" · ", Token.MUTED), Piece(now.duration(took), Token.BLUE), Piece(" so far", Token.TEXT)]
        if read_at is not None:
            line.append(Piece(f" · {'' if is_narrow else 'read '}{now.age(read_at)} ago", Token.MUTED))
    else:
        line.append(Piece(f" · {formatting.duration(took)}", Token.TEXT))
    return tuple(line)


# The attributes of one span in a bounded form: one line of `name: value`, so that a huge value is not kept.


MAX_ATTRIBUTES: Final = 40
MAX_VALUE_CHARS: Final = 200
MAX_NAME_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class SpanAttributes:
    """The attributes of a span as pairs of a name and its value as JSON. `more` counts those that were left out.

    `failure` says why they could not be read.
    """

    items: tuple[tuple[Raw, Raw], ...] = ()
    more: int = 0
    failure: str | None = None


def attributes_of(detail: SpanDetail) -> SpanAttributes:
    """Return the attributes of a span. Names inside objects are joined by dots, as the code wrote them.

    The error of a span is no attribute: it is shown as an error.
    """
    flat = _flat(detail.properties)
    found = tuple((Raw(name[:MAX_NAME_CHARS]), _short(value)) for name, value in islice(flat, MAX_ATTRIBUTES))
    return SpanAttributes(found, more=sum(1 for _ in flat))


def _flat(properties: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    pending: list[tuple[str, Json]] = [
        (name, value) for name, value in reversed(properties.items()) if name != "error" or not isinstance(value, dict)
    ]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict) and value and len(name) < MAX_NAME_CHARS:
            pending.extend((f"{name}.{key}", item) for key, item in reversed(value.items()))
        else:
            yield name, value


def _short(value: Json) -> Raw:
    """Return the start of a value as JSON."""
    if isinstance(value, str):
        return _cut(scalar(value[: MAX_VALUE_CHARS + 1]))
    text = ""
    for _, row in rows(value):
        text += row + (" " if row.endswith(",") else "")
        if len(text) > MAX_VALUE_CHARS:
            break
    return _cut(text)


def _cut(text: str) -> Raw:
    return Raw(text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…")


# What is said about the selected span: a pane of facts below the rows, or a strip of two lines where it is low.


LOGS_FROM: Final = 160
"""From this width on, the log lines of the span stand beside its facts."""

_LABEL: Final = 10
_LOG_TIME: Final = 8
_LOG_LEVEL: Final = 7
_INDENT: Final = 2
_ARROW: Final = " → "
_MAX_ATTRIBUTE_ROWS: Final = 3
_KIND_WORDS: Final = {
    SpanKind.RUN: "run below",
    SpanKind.ATTEMPT: "attempt of",
    SpanKind.DELAY: "delay of",
    SpanKind.ENGINE: "engine span of",
    SpanKind.WAIT: "wait of",
}
_LEVELS: Final = {"ERROR": ("error", Token.ROSE), "WARN": ("warn", Token.AMBER), "LOG": ("info", Token.MUTED)}


@dataclass(frozen=True, slots=True)
class SelectedSpan:
    """The span under the cursor. `attributes` may still be read; `current` is the selected run.

    `run` is what the store knows about the span's run, if the span is the whole run.
    """

    index: int
    look: SpanLook
    attributes: SpanAttributes | ReadStage
    current: RunId | None
    run: Run | None = None


def detail_lines(selected: SelectedSpan, parts: RowParts, width: int, height: int) -> list[Line]:
    """Return the rule and the facts of a span, in at most `height` lines of at most `width` cells.

    In a wide pane its log lines stand beside them.
    """
    if width < LOGS_FROM:
        return _fact_lines(selected, parts, width)[:height]
    left_width = width // 2
    left = [*_fact_lines(selected, parts, left_width), *([()] * height)]
    right = [*_log_lines(selected, parts, width - left_width - 1, height), *([()] * height)]
    joints = (Piece("│" if place else "┬", Token.LINE) for place in range(height))
    return [(*fit(left[place], left_width), joint, *right[place]) for place, joint in enumerate(joints)]


def _fact_lines(selected: SelectedSpan, parts: RowParts, width: int) -> list[Line]:
    mark: Line = () if selected.look.style is None else (selected.look.style.mark, Piece(" "))
    left = (*mark, Piece(selected.look.name, Token.TEXT), Piece(" · ", Token.FAINT), *_belongs_to(selected, parts))
    right: Line = (Piece("follows", Token.MUTED),) if parts.extents.is_live else ()
    lines: list[Line] = [rule_line(RuleText(left=left, right=right), width), ()]
    room = max(width - _INDENT - _LABEL - 1, 2)
    for label, facts in _facts(selected, parts, room):
        for place, line in enumerate(facts):
            head = Piece(" " * _INDENT + (label if not place else "").ljust(_LABEL), Token.FAINT)
            lines.append(cut((head, *line), width - 1))
    if hidden := not_shown(parts.waterfall, parts.tree):
        lines += [(), (Piece(" " * _INDENT), *cut(hidden, width - _INDENT - 1))]
    return lines


def _log_lines(selected: SelectedSpan, parts: RowParts, width: int, height: int) -> list[Line]:
    """Return the rule and the last log lines inside a span and below it: time, level, message."""
    waterfall = parts.waterfall
    logs = list(waterfall.logs_below(selected.index))
    left = (Piece("logs", Token.TEXT), Piece(" · this span and below", Token.FAINT))
    count = f"{'first ' * waterfall.trace.is_truncated}{formatting.plural(len(logs), 'line')}"
    lines = [rule_line(RuleText(left=left, right=(Piece(count, Token.MUTED),)), width), ()]
    for log in sorted(nlargest(max(height - 2, 0), logs, key=_time_of(parts)), key=_time_of(parts)):
        span = waterfall.spans[log]
        word, token = _level(span.level)
        at = f"{waterfall.starts[log] / 1_000_000:.1f}".rjust(_LOG_TIME)
        head = (Piece(f"  {at}   ", Token.FAINT), *fit((Piece(word, token),), _LOG_LEVEL))
        lines.append(cut((*head, Piece(first_line(span.message))), width - 1))
    return lines


def _time_of(parts: RowParts) -> Callable[[int], tuple[int, int]]:
    return lambda log: (parts.waterfall.starts[log], log)


def _level(level: str) -> tuple[str, Token]:
    return _LEVELS.get(level, (level.lower(), Token.MUTED))


def strip_lines(selected: SelectedSpan, parts: RowParts, width: int) -> list[Line]:
    """Return two lines: the span with its start and its duration; below it its error or its last log line."""
    look = selected.look
    mark: Line = () if look.style is None else (look.style.mark, Piece(" "))
    name: Line = (Piece("  "), *mark, Piece(look.name, Token.BRIGHT, is_bold=True))
    start: Line = (Piece(f"starts {_start_at(parts, selected.index)}", Token.MUTED),)
    took, belongs_to = _took(selected, parts), (*_belongs_to(selected, parts), Piece(", ", Token.MUTED), *start)
    first = joined([name, belongs_to, (*took, *_queued(selected, parts))])
    for shorter in ([name, belongs_to, took], [name, start, took], [name, took]):
        if line_width(first) > width:
            first = joined(shorter)
    second: Line = _error(selected, parts) or _last_log(selected, parts) or not_shown(parts.waterfall, parts.tree)
    return [cut(first, width), cut((Piece("    "), *second), width)]


def _facts(selected: SelectedSpan, parts: RowParts, room: int) -> Iterator[tuple[str, list[Line]]]:
    """Yield the label of each fact, and its lines."""
    took = (*_took(selected, parts), *_queued(selected, parts))
    yield "starts", [(Piece(f"{_start_words(parts, selected.index)}, "), *took)]
    yield "path", [_path(selected, parts, room)]
    if error := _error(selected, parts):
        yield "error", [error]
    if log := _last_log(selected, parts):
        yield "last log", [log]
    yield "attrs", _attributes(selected.attributes, room)
    run_id = parts.waterfall.spans[selected.index].run_id
    hint = Piece("  Enter goes there", Token.FAINT)
    yield "run", [(Piece(run_id, Token.MUTED), *((hint,) if run_id != selected.current else ()))]


def _belongs_to(selected: SelectedSpan, parts: RowParts) -> Line:
    waterfall = parts.waterfall
    if selected.index == ROOT:
        return (Piece("the run of this trace", Token.FAINT),)
    kind = waterfall.kinds[selected.index]
    of = waterfall.parents[selected.index] if kind is SpanKind.RUN else selected.index
    run = waterfall.spans[waterfall.run_spans[waterfall.spans[of].run_id]]
    return (Piece(f"{_KIND_WORDS.get(kind, 'span of')} ", Token.FAINT), Piece(run.message, Token.TEXT))


def _start_words(parts: RowParts, index: int) -> str:
    """Return when a span starts: `10.6s after the root`. Of the root: its time of day."""
    return _start_at(parts, index) if index == ROOT else _after_root(parts.waterfall.starts[index])


def _start_at(parts: RowParts, index: int) -> str:
    """Return when a span starts on the axis: `at 10.6s`. Of the root: its time of day."""
    if index == ROOT:
        return f"at {formatting.moment(parts.waterfall.root.started_at, parts.now.at)}"
    return f"at {_moment(parts.waterfall.starts[index])}"


def _after_root(us: int) -> str:
    """Return `10.6s after the root`."""
    return f"{_moment(abs(us))} {'before' if us < 0 else 'after'} the root"


def _moment(us: int) -> str:
    """Return `10.6s`: tenths up to a minute, since spans that follow each other differ by less than a second."""
    sign, tenths = ("-" if us < 0 else ""), (abs(us) + 50_000) // 100_000
    if 10 <= tenths < 600:
        return f"{sign}{tenths // 10}.{tenths % 10}s"
    return sign + formatting.duration(timedelta(microseconds=abs(us)))


def _took(selected: SelectedSpan, parts: RowParts) -> Line:
    """Return how long a span took."""
    extents, index = parts.extents, selected.index
    state = extents.states[index]
    if state is SpanState.UNKNOWN:
        return (Piece("its end is not known", Token.MUTED),)
    took = timedelta(microseconds=extents.end(index, parts.scale.now) - parts.waterfall.starts[index])
    if state is SpanState.RUNNING:
        return (Piece(parts.now.duration(took), Token.BLUE), Piece(" so far"))
    return (Piece(formatting.duration(took)), Piece(" long"))


def _queued(selected: SelectedSpan, parts: RowParts) -> Line:
    """Return how much of a span's time was in the queue; empty if its end is not known."""
    waterfall, index = parts.waterfall, selected.index
    if index not in waterfall.dequeued or parts.extents.states[index] is SpanState.UNKNOWN:
        return ()
    queued = timedelta(microseconds=waterfall.dequeued[index] - waterfall.starts[index])
    return (Piece(f", {formatting.duration(queued)} of it queued", Token.MUTED),) if queued > timedelta(0) else ()


def _path(selected: SelectedSpan, parts: RowParts, room: int) -> Line:
    """Return the names from the root to the span. Where they do not fit, the first ones are left out."""
    tree = parts.tree
    above = [selected.index, *tree.ancestors(selected.index)] if selected.index in tree.above else [selected.index]
    remark = Piece("  holds up the root", Token.FAINT)
    tail: Line = (remark,) if selected.index in parts.path and selected.index != ROOT else ()
    room -= line_width(tail)
    shown: list[Line] = []
    arrow = Piece(_ARROW, Token.FAINT)
    for index in above:
        is_last = not shown
        text = first_line(Raw(name_of(parts.waterfall, index)))
        name = Piece(text, Token.BRIGHT if is_last else Token.TEXT, is_bold=is_last)
        line: Line = (name,) if is_last else (name, arrow)
        if shown and line_width(line) + len(_ARROW) + 1 > room:
            shown.append((Piece(f"{ELLIPSIS}", Token.FAINT), arrow))
            break
        shown.append(line)
        room -= line_width(line)
    return (*(piece for line in reversed(shown) for piece in line), *tail)


def _error(selected: SelectedSpan, parts: RowParts) -> Line:
    """Return what the span threw. A run that crashed threw nothing in its trace: the run itself has the reason."""
    error = parts.waterfall.spans[selected.index].exception
    if error is None and selected.run is not None:
        error = best_error(selected.run)
    if error is None:
        return ()
    name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
    return (*name, Piece(first_line(error.message), Token.BRIGHT))


def _last_log(selected: SelectedSpan, parts: RowParts) -> Line:
    """Return the last log line inside the span or below it. Of a cut trace it is the last one that came."""
    waterfall = parts.waterfall
    last = max(waterfall.logs_below(selected.index), key=_time_of(parts), default=None)
    if last is None:
        return ()
    span = waterfall.spans[last]
    word, token = _level(span.level)
    when = parts.now.ago(span.started_at) if parts.extents.is_live else _after_root(waterfall.starts[last])
    rest = ", later lines are cut" if waterfall.trace.is_truncated else ""
    return (Piece(word, token), Piece("  "), Piece(first_line(span.message)), Piece(f"  {when}{rest}", Token.FAINT))


def _attributes(read: SpanAttributes | ReadStage, room: int) -> list[Line]:
    if isinstance(read, ReadStage):
        return [(Piece(read.words, Token.MUTED),)]
    if read.failure is not None:
        return [(Piece(f"could not be read: {read.failure}", Token.MUTED),)]
    if not read.items:
        return [(Piece("none", Token.MUTED),)]
    lines: list[Line] = []
    line: Line = ()
    for place, (name, value) in enumerate(read.items):
        comma = (Piece(", ", Token.MUTED),) if place < len(read.items) - 1 else ()
        item: Line = (Piece(f"{name}: ", Token.MUTED), Piece(value), *comma)
        if line and line_width(line) + line_width(item) > room:
            lines.append(line)
            line = ()
        line = (*line, *item)
    lines.append(line)
    kept = [cut(each, room) for each in lines[:_MAX_ATTRIBUTE_ROWS]]
    if read.more or len(lines) > _MAX_ATTRIBUTE_ROWS:
        kept[-1] = (*cut(kept[-1], room - 2), Piece(f" {ELLIPSIS}", Token.MUTED))
    return kept
