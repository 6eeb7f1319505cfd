"""The filters of the server in words, and the lines of the dialog that sets them.

This module reads the typed values, explains them, and points out mistakes. `store.server_filter` matches runs.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from tui.domain.filters import RunFilters, fingerprint_of, parse_period, period_text
from tui.domain.ids import TaskId
from tui.domain.status import STATUS_TABLE
from tui.domain.time_span import InvalidSpan, parse_time_span, read_time_span, time_span_text
from tui.lazy_dataclass import dataclass
from tui.present.formatting import count, time_of_day, zone_name
from tui.present.status import STATUS_STYLES
from tui.present.styled import Line, Piece, Token, cut, line_width, pad
from tui.store.server_filter import KnownValues, ServerFilter

FAMILIES: Final = (
    ("live", ("Delayed", "Queued", "Pending version", "Dequeued", "Executing", "Waiting")),
    ("failed", ("Failed", "Crashed", "Timed out", "System failure", "Interrupted")),
    ("finished", ("Completed", "Canceled", "Expired")),
)
"""The columns of statuses, by title.

Reattempting is missing, since the API reports and filters it as Executing. So is Failed to run: a server that does not
know the word refuses the whole request.
"""

PERIODS: Final = ("1h", "6h", "24h", "7d", "30d")
SPAN_MARGIN: Final = timedelta(days=1)
"""The list is read this much further back than a span begins, since the begin of the read moves with the time."""

MAX_SHOWN_CHARS: Final = 12
"""The part of a wrong period that its sentence repeats."""

MAX_NAMED_VALUES: Final = 2
"""More values of one field than this are counted instead of named."""

_SHORT_FINGERPRINT: Final = 8

_WORDS: Final = {row.title: row.rest or row.legacy for row in STATUS_TABLE}
_TITLES: Final = {word: row.title for row in STATUS_TABLE for word in (row.legacy, row.rest) if word}


@dataclass(frozen=True, slots=True)
class Typed:
    """The content of the dialog: statuses by the words of the API, everything else as text."""

    statuses: frozenset[str] = frozenset()
    task: str = ""
    tag: str = ""
    version: str = ""
    queue: str = ""
    period: str = ""


def word_of(title: str) -> str:
    """Return the word of the API for a status."""
    return _WORDS[title]


def words_of(family: int) -> frozenset[str]:
    """Return the words of a whole column."""
    return frozenset(word_of(title) for title in FAMILIES[family][1])


def values_of(text: str) -> tuple[str, ...]:
    """Split a list at its commas, and keep each value once, in order."""
    return tuple(dict.fromkeys(value.strip() for value in text.split(",") if value.strip()))


def typed_of(chosen: ServerFilter, zone: tzinfo = UTC) -> Typed:
    """Return the initial content of the dialog, with times in the zone in which they are read again."""
    filters = chosen.filters
    return Typed(
        frozenset(filters.statuses),
        ", ".join(filters.tasks),
        ", ".join(filters.tags),
        ", ".join(filters.versions),
        ", ".join(filters.queues),
        period_words(filters, chosen.period, zone),
    )


def period_words(filters: RunFilters, period: timedelta, zone: tzinfo = UTC) -> str:
    """Return a period as it can be typed: `24h`, or `2026-11-26 02:50-03:20` in a zone."""
    begin = filters.created_from
    return period_text(period) if begin is None else time_span_text(begin.astimezone(zone), filters.created_to)


def absolute_period_words(filters: RunFilters, period: timedelta) -> str:
    """Return a period as it is understood in every zone: `24h`, or `2026-11-26 02:50-03:20z`."""
    return period_words(filters, period) + ("" if filters.created_from is None else "z")


def read_typed(typed: Typed, default_period: timedelta, now: datetime | None = None) -> ServerFilter | None:
    """Return the chosen filter, or None if `period_error` finds a mistake. An empty period means the default.

    Without `now`, a begin and an end are not understood.
    """
    text = typed.period.strip()
    period = parse_period(text) if text else default_period
    span = parse_time_span(text, now) if now is not None else None
    if span is not None and now is not None:
        period = now.astimezone(UTC) - span.begin.astimezone(UTC) + SPAN_MARGIN
    if period is None:
        return None
    order = [word_of(title) for _, titles in FAMILIES for title in titles]
    filters = RunFilters(
        statuses=tuple(word for word in order if word in typed.statuses),
        tasks=tuple(map(TaskId, values_of(typed.task))),
        tags=values_of(typed.tag),
        versions=values_of(typed.version),
        queues=values_of(typed.queue),
        created_from=span.begin if span is not None else None,
        created_to=span.end if span is not None else None,
    )
    return ServerFilter(filters, period)


def filter_words(filters: RunFilters, period: timedelta | None) -> str:
    """Return `failed, charge-card, last 24h`. A whole family is in lower case, one status has a capital."""
    parts = [
        _statuses(filters.statuses),
        _several("task", filters.tasks),
        _several("tag", filters.tags, "tag "),
        _several("version", filters.versions, "version "),
        _several("queue", filters.queues, "queue "),
        _several("error group", [fingerprint_of(each)[:_SHORT_FINGERPRINT] for each in filters.errors], "error group "),
    ]
    if filters.created_from is not None:
        span = time_span_text(filters.created_from, filters.created_to)
        parts.append(f"{span} {zone_name(filters.created_from)}")
    elif period is not None:
        parts.append(f"last {period_text(period)}")
    return ", ".join(part for part in parts if part)


def window_words(filters: RunFilters, period: timedelta, older_count: int, *, is_cut: bool) -> str:
    """Return the period, with older live runs: `last 24h and 12 older live runs`.

    `is_cut` means that the server may have more of them.
    """
    words = filter_words(filters, period)
    if filters.created_from is not None:
        return words
    if not older_count:
        return f"{words}, older live runs not read" if is_cut else words
    noun = "older live run" if older_count == 1 and not is_cut else "older live runs"
    return f"{words} and {count(older_count, at_least=is_cut)} {noun}"


def recalled_line(chosen: ServerFilter, kept_at: datetime | None, now: datetime, width: int) -> Line:
    """Return `filters from yesterday 18:02: failed, last 24h · 0 clears`, for a start with saved filters."""
    text = f"filters {_since(kept_at, now)}: {filter_words(chosen.filters, chosen.period)}"
    key: Line = (Piece(" · ", Token.FAINT), Piece("0", is_bold=True), Piece(" clears", Token.FAINT))
    return (*cut((Piece(text, Token.AMBER),), max(0, width - line_width(key))), *key)


def _since(kept_at: datetime | None, now: datetime) -> str:
    if kept_at is None:
        return "of an earlier session"
    days = (now.date() - kept_at.astimezone(now.tzinfo).date()).days
    day, local = {0: "today ", 1: "yesterday "}.get(days), kept_at.astimezone(now.tzinfo)
    return f"from {time_of_day(kept_at, now)}" if day is None else f"from {day}{time_of_day(local, local)}"


def _statuses(words: Sequence[str]) -> str:
    left = set(words)
    names = []
    for index, (family, _) in enumerate(FAMILIES):
        if words_of(index) <= left:
            names.append(family)
            left -= words_of(index)
    names += [_TITLES.get(word, word) for word in words if word in left]
    return " or ".join(names) if len(names) <= MAX_NAMED_VALUES else f"{len(words)} statuses"


def _several(noun: str, values: Sequence[str], prefix: str = "") -> str:
    if len(values) > MAX_NAMED_VALUES:
        return f"{len(values)} {noun}s"
    return prefix + " or ".join(values) if values else ""


# --- suggestions and mistakes


def candidates(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the known values that match the last value of a list, those that begin with it first."""
    *earlier_values, last_value = text.split(",")
    needle, before = last_value.strip().casefold(), {value.strip() for value in earlier_values}
    free = [value for value in known if value not in before and value != last_value.strip()]
    starting = {value: None for value in free if value.casefold().startswith(needle)}
    return (*starting, *(value for value in free if needle in value.casefold() and value not in starting))


def completed(text: str, value: str) -> str:
    """Return the list with its last value replaced."""
    earlier_values = text.rpartition(",")[0].strip()
    return f"{earlier_values}, {value}" if earlier_values else value


def is_incomplete(text: str, known: Sequence[str]) -> bool:
    """Return whether the last value of a list is incomplete, so that Tab completes it."""
    last_value = text.rpartition(",")[2].strip()
    return bool(last_value) and last_value not in known and bool(candidates(text, known))


def period_error(text: str, now: datetime | None = None) -> str | None:
    """Return a sentence about a period that is not valid, or None. Without `now`, spans of time are not understood."""
    shown = text.strip()
    if not shown or parse_period(shown) is not None:
        return None
    problem = "is not a period: 7d, 2:50-3:20, yesterday 2:50-3:20"
    if now is not None:
        try:
            if read_time_span(shown, now) is not None:
                return None
        except InvalidSpan as error:
            problem = str(error)
    quoted = f"“{shown}”" if len(shown) <= MAX_SHOWN_CHARS else f"“{shown[: MAX_SHOWN_CHARS - 1]}…”"
    return f"{quoted} {problem}."


def doubtful_value(field: str, text: str, known: KnownValues) -> str | None:
    """Return a sentence about a value that is probably a mistake. The server would accept it."""
    values = values_of(text)
    if any("*" in value or "?" in value for value in values):
        return "The server takes whole names; patterns are for /."
    if field == "version" or not known.is_all:
        return None
    all_known = {"task": known.tasks, "tag": known.tags, "queue": ()}[field]
    unknown_value = next((value for value in values if all_known and value not in all_known), None)
    return None if unknown_value is None else f"No run here has the {field} “{unknown_value}” yet."


# --- lines


def band_line(
    width: int, *, needs_rules: bool, title: str = "server filters", remark: str = "kept over restarts"
) -> Line:
    """Return the top of a dialog. `needs_rules`: rules mark its edges, since it has no background of its own."""
    edge, between = ("── ", "─") if needs_rules else ("   ", " ")
    left: Line = (Piece(edge, Token.LINE), Piece(title, Token.BRIGHT, is_bold=True), Piece(" "))
    right: Line = (Piece(f" {remark}", Token.MUTED), Piece(edge[::-1], Token.LINE))
    return (*left, Piece(between * max(0, width - line_width(left) - line_width(right)), Token.LINE), *right)


def end_line(width: int, *, needs_rules: bool) -> Line:
    """Return the bottom of the dialog."""
    return (Piece("─" * width, Token.LINE),) if needs_rules else ()


def shows_line(typed: Typed, default_period: timedelta, now: datetime | None = None) -> Line:
    """Return the result of the current filter in words."""
    chosen = read_typed(typed, default_period, now)
    if chosen is None:
        return (Piece("   shows  ", Token.FAINT), Piece("nothing new, until the period is one", Token.MUTED))
    every = "every run, " if chosen.filters.is_empty else ""
    words = every + filter_words(chosen.filters, chosen.period)
    return (Piece("   shows  ", Token.FAINT), Piece(words, Token.TEXT))


def offer_line(offered: Sequence[str], width: int, *, is_tab: bool) -> Line:
    """Return as many values to choose from as fit. Completion takes the first one."""
    if not offered:
        return ()
    key: Line = (Piece("Tab" if is_tab else "→", is_bold=True), Piece(" completes   ", Token.FAINT))
    room = width - line_width(key) - 1
    line: list[Piece] = [Piece("   ")]
    used, named_count = 3, 0
    for value in offered:
        piece = Piece(value, Token.FAINT if named_count else Token.TEXT)
        cells = line_width((piece,)) + 2
        if named_count and used + cells > room - 6:
            break
        line += [piece, Piece("  ")]
        used, named_count = used + cells, named_count + 1
    if named_count < len(offered):
        line.append(Piece(f"+{len(offered) - named_count}", Token.FAINT))
    left = cut(tuple(line), room)
    return (*pad(left, room + 1), *key)


def sentence_line(text: str, *, is_wrong: bool) -> Line:
    """Return a remark about a typed value."""
    return (Piece(f"   {text}", Token.BRIGHT if is_wrong else Token.MUTED, is_bold=is_wrong),)


def keys_line(*keys: tuple[str, str]) -> Line:
    """Return keys and their effects, as in the footer."""
    line: list[Piece] = [Piece("   ")]
    for index, (key, words) in enumerate(keys):
        line += [Piece("   " * bool(index) + key, is_bold=True), Piece(f" {words}", Token.FAINT)]
    return tuple(line)


def run_limit_line(limit: int) -> Line:
    """Return the sentence about the maximum number of runs of a period."""
    return (Piece(f"   at most the newest {count(limit)} runs", Token.FAINT),)


def label_line(name: str, *, is_focused: bool) -> Line:
    """Return the name of a field."""
    edge = Piece(" ▌ " if is_focused else "   ", Token.ACCENT)
    return edge, Piece(name, Token.BRIGHT if is_focused else Token.FAINT, is_bold=is_focused)


def periods_line(text: str) -> Line:
    """Return the usual periods, the chosen one marked."""
    line: list[Piece] = [Piece("  ")]
    for period in PERIODS:
        is_chosen = period == text.strip()
        line.append(Piece(f"{period}   ", Token.BRIGHT if is_chosen else Token.FAINT, is_bold=is_chosen))
    return tuple(line)


def heading_cell(family: int, chosen: frozenset[str]) -> Line:
    """Return the title of a column, which stands for all of its statuses."""
    is_all = words_of(family) <= chosen
    token = Token.BRIGHT if is_all else Token.MUTED
    return (Piece(FAMILIES[family][0], token, is_bold=is_all),)


def status_cell(title: str, chosen: frozenset[str]) -> Line:
    """Return one status. It is coloured if it is chosen, or if no status is, which means all."""
    style = STATUS_STYLES[title]
    if word_of(title) in chosen:
        return style.mark, Piece(" "), Piece(title, Token.BRIGHT, is_bold=True)
    if chosen:
        return (Piece(f"{style.glyph} {title}", Token.FAINT),)
    return style.mark, Piece(" "), Piece(title, Token.TEXT)
