"""The sentences about a trace and about its selected span."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.span import Span, SpanDetail
from tui.domain.traces.waterfall import ROOT, Extents, RowTree, SpanKind, SpanState, Waterfall
from tui.features.detail.words import best_error
from tui.features.waterfall.page import RowParts, look_of, name_of
from tui.kit.words import RuleText, could_not_read, rule_line
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
        found.append(could_not_read("The trace", failure))
    return found


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
_PATH_ARROW: Final = " → "
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
    """The span under the cursor. `attributes` may still be read; `current` is the selected run."""

    parts: RowParts
    index: int
    attributes: SpanAttributes | ReadStage
    current: RunId | None

    @property
    def span(self) -> Span:
        """The span itself."""
        return self.parts.waterfall.spans[self.index]

    def name(self, token: Token, *, is_bold: bool = False) -> Line:
        """Return the glyph and the name."""
        look = look_of(self.parts, self.index)
        name = Piece(look.name, token, is_bold=is_bold)
        return (name,) if look.style is None else (look.style.mark, Piece(" "), name)

    def belongs_to(self) -> Line:
        """Return what the span is, and of which run."""
        if self.index == ROOT:
            return (Piece("the run of this trace", Token.FAINT),)
        waterfall = self.parts.waterfall
        kind = waterfall.kinds[self.index]
        of = waterfall.parents[self.index] if kind is SpanKind.RUN else self.index
        run = waterfall.spans[waterfall.run_spans[waterfall.spans[of].run_id]]
        return (Piece(f"{_KIND_WORDS.get(kind, 'span of')} ", Token.FAINT), Piece(run.message, Token.TEXT))

    def start(self) -> str:
        """Return when the span starts on the axis: `at 10.6s`. Of the root: its time of day."""
        if self.index == ROOT:
            return f"at {formatting.moment(self.span.started_at, self.parts.clock.at)}"
        return f"at {_moment(self.parts.waterfall.starts[self.index])}"

    def took(self) -> Line:
        """Return how long the span took."""
        extents, start = self.parts.extents, self.parts.waterfall.starts[self.index]
        state = extents.states[self.index]
        if state is SpanState.UNKNOWN:
            return (Piece("its end is not known", Token.MUTED),)
        took = timedelta(microseconds=extents.end(self.index, self.parts.now) - start)
        if state is SpanState.RUNNING:
            return (Piece(self.parts.clock.duration(took), Token.BLUE), Piece(" so far"))
        return (Piece(formatting.duration(took)), Piece(" long"))

    def took_with_queue(self) -> Line:
        """Return how long the span took, and how much of it was in the queue, unless its end is not known."""
        waterfall, is_unknown = self.parts.waterfall, self.parts.extents.states[self.index] is SpanState.UNKNOWN
        start = waterfall.starts[self.index]
        queued = timedelta(microseconds=waterfall.dequeued.get(self.index, start) - start)
        if is_unknown or queued <= timedelta():
            return self.took()
        return (*self.took(), Piece(f", {formatting.duration(queued)} of it queued", Token.MUTED))

    def path(self, room: int) -> Line:
        """Return the names from the root to the span. Where they do not fit, the first ones are left out."""
        parts, index = self.parts, self.index
        remark = Piece("  holds up the root", Token.FAINT)
        tail: Line = (remark,) if index in parts.path and index != ROOT else ()
        line: Line = (Piece(self._path_name(index), Token.BRIGHT, is_bold=True),)
        arrow = Piece(_PATH_ARROW, Token.FAINT)
        room -= line_width(tail) + line_width(line)
        for above in parts.tree.ancestors(index) if index in parts.tree.above else ():
            step: Line = (Piece(self._path_name(above)), arrow)
            if line_width(step) + len(_PATH_ARROW) + 1 > room:
                return (Piece(ELLIPSIS, Token.FAINT), arrow, *line, *tail)
            line = (*step, *line)
            room -= line_width(step)
        return (*line, *tail)

    def _path_name(self, index: int) -> Raw:
        return first_line(Raw(name_of(self.parts.waterfall, index)))

    def error(self) -> Line:
        """Return what the span threw. A run that crashed threw nothing in its trace: the run itself has the reason."""
        error, run_id = self.span.exception, self.span.run_id
        if error is None and self.parts.waterfall.run_spans.get(run_id) == self.index:
            run = self.parts.get_run(run_id)
            error = None if run is None else best_error(run)
        if error is None:
            return ()
        name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
        return (*name, Piece(first_line(error.message), Token.BRIGHT))

    def logs(self) -> list[int]:
        """Return the log lines inside the span or below it, in order of time."""
        waterfall = self.parts.waterfall
        return sorted(waterfall.logs_below(self.index), key=lambda log: (waterfall.starts[log], log))

    def last_log(self) -> Line:
        """Return the last log line. Of a cut trace it is the last one that came."""
        if not (logs := self.logs()):
            return ()
        waterfall = self.parts.waterfall
        span = waterfall.spans[logs[-1]]
        is_live = self.parts.extents.is_live
        when = self.parts.clock.ago(span.started_at) if is_live else _after_root(waterfall.starts[logs[-1]])
        rest = ", later lines are cut" if waterfall.trace.is_truncated else ""
        return (_level(span), Piece("  "), Piece(first_line(span.message)), Piece(f"  {when}{rest}", Token.FAINT))

    def hidden(self) -> Line:
        """Return how many spans have no row, and the key that shows them."""
        return not_shown(self.parts.waterfall, self.parts.tree)

    def facts(self, room: int) -> Iterator[tuple[str, list[Line]]]:
        """Yield the label of each fact, and its lines."""
        start = self.start() if self.index == ROOT else _after_root(self.parts.waterfall.starts[self.index])
        yield "starts", [(Piece(f"{start}, "), *self.took_with_queue())]
        yield "path", [self.path(room)]
        if error := self.error():
            yield "error", [error]
        if log := self.last_log():
            yield "last log", [log]
        yield "attrs", _attributes(self.attributes, room)
        hint = Piece("  Enter goes there", Token.FAINT)
        yield "run", [(Piece(self.span.run_id, Token.MUTED), *((hint,) if self.span.run_id != self.current else ()))]


def detail_lines(selected: SelectedSpan, width: int, height: int) -> list[Line]:
    """Return the rule and the facts of a span, in at most `height` lines of at most `width` cells.

    In a wide pane its log lines stand beside them.
    """
    if width < LOGS_FROM:
        return _fact_lines(selected, width)[:height]
    left_width = width // 2
    left = [*_fact_lines(selected, left_width), *([()] * height)]
    right = [*_log_lines(selected, width - left_width - 1, height), *([()] * height)]
    joints = (Piece("│" if place else "┬", Token.LINE) for place in range(height))
    return [(*fit(left[place], left_width), joint, *right[place]) for place, joint in enumerate(joints)]


def _fact_lines(selected: SelectedSpan, width: int) -> list[Line]:
    left = (*selected.name(Token.TEXT), Piece(" · ", Token.FAINT), *selected.belongs_to())
    right: Line = (Piece("follows", Token.MUTED),) if selected.parts.extents.is_live else ()
    lines: list[Line] = [rule_line(RuleText(left=left, right=right), width), ()]
    for label, facts in selected.facts(max(width - _INDENT - _LABEL - 1, 2)):
        for place, line in enumerate(facts):
            head = Piece(" " * _INDENT + (label if not place else "").ljust(_LABEL), Token.FAINT)
            lines.append(cut((head, *line), width - 1))
    if hidden := selected.hidden():
        lines += [(), (Piece(" " * _INDENT), *cut(hidden, width - _INDENT - 1))]
    return lines


def _log_lines(selected: SelectedSpan, width: int, height: int) -> list[Line]:
    """Return the rule and the last log lines inside a span and below it: time, level, message."""
    waterfall, logs = selected.parts.waterfall, selected.logs()
    left = (Piece("logs", Token.TEXT), Piece(" · this span and below", Token.FAINT))
    count = f"{'first ' * waterfall.trace.is_truncated}{formatting.plural(len(logs), 'line')}"
    lines = [rule_line(RuleText(left=left, right=(Piece(count, Token.MUTED),)), width), ()]
    for log in logs[max(len(logs) - max(height - 2, 0), 0) :]:
        at = f"{waterfall.starts[log] / 1_000_000:.1f}".rjust(_LOG_TIME)
        head = (Piece(f"  {at}   ", Token.FAINT), *fit((_level(waterfall.spans[log]),), _LOG_LEVEL))
        lines.append(cut((*head, Piece(first_line(waterfall.spans[log].message))), width - 1))
    return lines


def _level(span: Span) -> Piece:
    return Piece(*_LEVELS.get(span.level, (span.level.lower(), Token.MUTED)))


def strip_lines(selected: SelectedSpan, width: int) -> list[Line]:
    """Return two lines: the span with its start and its duration; below it its error or its last log line."""
    name: Line = (Piece("  "), *selected.name(Token.BRIGHT, is_bold=True))
    start: Line = (Piece(f"starts {selected.start()}", Token.MUTED),)
    took, belongs_to = selected.took(), (*selected.belongs_to(), Piece(", ", Token.MUTED), *start)
    first = joined([name, belongs_to, selected.took_with_queue()])
    for shorter in ([name, belongs_to, took], [name, start, took], [name, took]):
        if line_width(first) > width:
            first = joined(shorter)
    second = selected.error() or selected.last_log() or selected.hidden()
    return [cut(first, width), cut((Piece("    "), *second), width)]


def _after_root(us: int) -> str:
    """Return `10.6s after the root`."""
    return f"{_moment(abs(us))} {'before' if us < 0 else 'after'} the root"


def _moment(us: int) -> str:
    """Return `10.6s`: tenths up to a minute, since spans that follow each other differ by less than a second."""
    sign, tenths = ("-" if us < 0 else ""), (abs(us) + 50_000) // 100_000
    if 10 <= tenths < 600:
        return f"{sign}{tenths // 10}.{tenths % 10}s"
    return sign + formatting.duration(timedelta(microseconds=abs(us)))


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
