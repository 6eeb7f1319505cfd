"""The words of the list of runs: its end, its summary, the server's filters."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, assert_never

from tui.domain.filters import (
    MAX_SEARCHED_BODIES,
    InvalidPeriod,
    RunFilters,
    SearchProgress,
    SearchStep,
    fingerprint_of,
    period_text,
    read_period,
    time_span_text,
)
from tui.domain.run import (
    EXECUTING_FAMILY,
    FAILED,
    FINAL,
    LIVE,
    QUEUED_FAMILY,
    STATUS_TABLE,
    AttemptStatus,
    Environment,
    Run,
    RunStatus,
    Wait,
    WaitKind,
)
from tui.domain.text import Raw, clean, shortened
from tui.domain.update import HistoryRead, SourceRetrying, SourceStopped
from tui.features.runs.columns import time_in_queue
from tui.kit.words import advice_on, without_request
from tui.lazy_dataclass import dataclass
from tui.store.filter import Filter
from tui.store.freshness import Freshness, Level
from tui.store.server_filter import KnownValues, ServerFilter, server_filter
from tui.text import formatting
from tui.text.blocks import Now, selecting_keys, with_key
from tui.text.formatting import count, time_of_day, zone_name
from tui.text.status import DESCRIPTIONS_BY_CODE, STATUS_STYLES, UNKNOWN, UNSURE_DESCRIPTIONS, style_of
from tui.text.styled import Line, Piece, Token, cut, joined, line_width, opening_line, pad, wrap

# What the code of a run waits for: `waits for a token since 02:08`.


DATED_AFTER: Final = timedelta(seconds=60)
"""If the trace was read longer ago, a wait shows the time of that read. Visible runs are read more often than that."""


MAX_RUNNING_AGE: Final = timedelta(seconds=30)
"""Code that ran when the trace was read may wait by now. After this time it is not called running any more."""


_MAX_TASK: Final = 60


def waiting_words(run: Run, now: Now) -> str:
    """Return what the run waits for and since when; empty if it does not wait, or if that is not known."""
    if (wait := run.wait) is None:
        return _retry_words(run, now)
    if run.attempts is None or wait.is_over(now.until):
        return ""
    read_at = run.attempts[0].read_at
    as_of = f" (as of {formatting.time_of_day(read_at, now.at)})" if now.at - read_at > DATED_AFTER else ""
    return f"waits {_for_what(wait, now)} since {formatting.time_of_day(wait.since, now.at)}{as_of}"


def _retry_words(run: Run, now: Now) -> str:
    """Return `waits for attempt 2, due 13:49:12.500`. A run keeps its status during a wait of less than 30 s."""
    history = run.history
    if run.status not in EXECUTING_FAMILY or not history.attempts or history.retry_at is None:
        return ""
    last = history.attempts[-1]
    if last.status is AttemptStatus.EXECUTING or history.retry_at <= now.until:
        return ""
    return f"waits for attempt {last.number + 1}, due {formatting.moment(history.retry_at, now.at)}"


def token_of(run: Run) -> Raw | None:
    """Return the token that the run waits for, if its events contain it."""
    wait = run.wait
    return wait.subject if wait is not None and wait.kind is WaitKind.TOKEN else None


def meaning_words(run: Run, now: Now) -> str:
    """Return the meaning of the status word; empty if the page already says what the run waits for.

    Code is called running only if the trace was read: an executing run may be waiting.
    """
    if run.state is None or run.is_waiting_to_retry or waiting_words(run, now):
        return ""
    style = style_of(run)
    if not run.is_final and due_words(run, now):
        return "waits for its scheduled time"
    if style.word in UNSURE_DESCRIPTIONS and not is_known_to_run(run, now):
        return UNSURE_DESCRIPTIONS[style.word]
    error = run.error_value
    code = "" if error is None else error.code or ""
    return DESCRIPTIONS_BY_CODE.get((style.word, code), style.meaning)


def is_known_to_run(run: Run, now: Now) -> bool:
    """Return whether the trace was read within `MAX_RUNNING_AGE` and shows that the run's code runs."""
    if run.attempts is None or run.state is None or run.wait is not None:
        return False
    stamp, history = run.attempts
    is_newest = run.state.updated_at <= stamp.updated_at and now.at - stamp.read_at <= MAX_RUNNING_AGE
    is_open = bool(history.attempts) and history.attempts[-1].status is AttemptStatus.EXECUTING
    return run.status in EXECUTING_FAMILY and is_newest and is_open and history.is_complete


def _for_what(wait: Wait, now: Now) -> str:
    match wait.kind:
        case WaitKind.TOKEN:
            return "for a token"
        case WaitKind.INPUT:
            return "for input"
        case WaitKind.TIME:
            return _for_how_long(wait, now)
        case WaitKind.RUNS:
            return _for_which_runs(wait)
        case _:
            assert_never(wait.kind)


def _for_how_long(wait: Wait, now: Now) -> str:
    if (lasts := wait.duration) is not None:
        return f"{_rounded(lasts)},"
    if (until := wait.until) is not None:
        return f"until {formatting.moment(until, now.at).partition('.')[0]},"
    return "for a time" if wait.subject is None else f"for {wait.subject[:_MAX_TASK]},"


def _rounded(value: timedelta) -> str:
    """Return `10m` where a running duration would be `10m00s`."""
    text = formatting.duration(value)
    return text[:-3] if text.endswith(("m00s", "h00m")) else text


def _for_which_runs(wait: Wait) -> str:
    count, task = len(wait.runs), wait.task or wait.subject
    if count > 1:
        part = f"{formatting.count(wait.open_count)} of " if 0 < wait.open_count < count else ""
        return f"for {part}{formatting.count(count)} children"
    if not count:
        return f"for runs of {task[:_MAX_TASK]}" if task else "for children"
    return f"for its child {task[:_MAX_TASK]}" if task else "for a child"


# The line below the last run of the list, and the words for how far back the list reaches.
#
# The line says which runs the filter did not search, or that older runs exist. Enter on it asks the server for more.
# While this search runs, the line shows its progress.


NOT_A_RUN: Final = "not a run: this line says which runs are not in the list"
NOT_A_RUN_SENTENCE: Final = f"{NOT_A_RUN.capitalize()}."

ASKS_SERVER: Final = "on this line: search the server"
_SHORTER: Final = {ASKS_SERVER: "on this line: search"}
"""Short forms for narrow panes."""

UNSEARCHED: Final = "not searched: "
_DOT: Final = Piece(" · ", Token.FAINT)


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What is known about the list, for its last line and for the sentences in its place while it is empty.

    * `since`: the start of the shown period; `period`: how far back the list goes, None: no limit
    * `history`: how far back the list was read
    * `progress`: the progress of the server search
    * `run_count`: how many runs pass the server's `filters`; `found`: how many of them match the typed filter
    * `is_filtered`: there is a typed filter; `filter_errors`: why words of it could not be parsed
    * `failed_count`: the number of failed runs; None unless the filter searches errors
    * `unread_count`: those of them whose error was never read
    * `bodiless_count`: the runs that may match once their payloads are read, of the `possible_count` that match or do
      not match by these; if `is_bodiless_cut`, there may be more; if `are_bodiless_new`, they came since the search
    * `filters_queues`: the filter names a queue, and the server's run lists do not contain queues
    * `is_relayed`: the data comes from a relay
    """

    now: datetime
    since: datetime
    history: HistoryRead | None
    progress: SearchProgress = SearchProgress()
    run_count: int = 0
    found: int = 0
    is_filtered: bool = False
    filter_errors: tuple[str, ...] = ()
    filters: RunFilters = RunFilters()
    period: timedelta | None = None
    unread_count: int | None = None
    failed_count: int | None = None
    bodiless_count: int = 0
    possible_count: int = 0
    is_bodiless_cut: bool = False
    are_bodiless_new: bool = False
    filters_queues: bool = False
    freshness: Freshness = Freshness(Level.CONNECTING)
    api_url: str = ""
    is_relayed: bool = False
    environment: Environment | None = None


def reach_words(history: HistoryRead | None, run_count: int, now: datetime) -> str | None:
    """Return `newest 5,048, back to 21:40` if a limit ended the read of the list, else None."""
    if history is None or not history.is_cut:
        return None
    return f"newest {formatting.count(run_count)}, back to {formatting.time_of_day(history.reached, now)}"


def end_line(facts: ListFacts, width: int) -> Line | None:
    """Return the last line in at most `width` cells, or None if there is nothing to say."""
    if facts.filter_errors:
        return None
    if facts.progress.step is not None:
        return _fitted(_running(facts), ("Esc", "stops"), width)
    if not (parts := _parts(facts)):
        return None
    if facts.is_filtered:
        parts.insert(0, Piece(f"{formatting.count(facts.found)} found", Token.TEXT))
    return _fitted(parts, end_key(facts), width)


def end_key(facts: ListFacts) -> tuple[str, str] | None:
    """Return the key for the last line and its effect, or None if there is nothing left to ask.

    The effect says where, because Enter does something else on a run and in the prompt.
    """
    progress = facts.progress
    if progress.step is not None:
        return None
    if not facts.is_filtered:
        return ("Enter", "on this line: read more") if progress.has_lists else None
    if progress.failure and progress.has_lists:
        return "Enter", "on this line: try again"
    if facts.bodiless_count:
        is_part = facts.bodiless_count > MAX_SEARCHED_BODIES
        return "Enter", "on this line: read more" if is_part else "on this line: read them"
    if progress == SearchProgress():
        return "Enter", ASKS_SERVER
    if progress.skips_older and facts.filters_queues:
        return "Enter", "on this line: search again"  # New runs may have arrived, and their queues are unknown.
    if _unread(facts) or (progress.has_lists and not (progress.is_at_end or progress.skips_older)):
        return "Enter", "on this line: read more"
    return None


def _fitted(parts: list[Piece], key: tuple[str, str] | None, width: int) -> Line:
    """Join the parts with dots and append the key. Too long parts are cut, so that the key stays visible."""
    line: list[Piece] = []
    for part in parts:
        line += [_DOT, part] if line else [part]
    tail = _tail(key)
    if key is not None and line_width(tuple(line)) + line_width(tail) > width:
        tail = _tail((key[0], _SHORTER.get(key[1], key[1])))
    return (*cut(tuple(line), max(0, width - line_width(tail))), *tail)


def _tail(key: tuple[str, str] | None) -> Line:
    return () if key is None else (Piece("   "), Piece(key[0], is_bold=True), Piece(f" {key[1]}", Token.FAINT))


def _parts(facts: ListFacts) -> list[Piece]:
    """Return what the filter did not search, the most important first, then what it searched."""
    # What was searched comes last, because a narrow screen cuts the end.
    progress, parts = facts.progress, list[Piece]()
    done = [Piece(answer, Token.TEXT) for answer in progress.answers]
    if progress.failure:
        parts.append(Piece(f"stopped: {without_request(progress.failure)}", Token.AMBER))
    if unread := _unread(facts):
        parts.append(Piece(f"{formatting.plural(unread, 'error')} not loaded yet", Token.AMBER))
    elif progress.unreadable_count:
        parts.append(Piece(f"{formatting.plural(progress.unreadable_count, 'error')} could not be read", Token.AMBER))
    if facts.filters_queues and not progress.answers:
        parts.append(Piece("queues not read yet", Token.AMBER))
    bodiless = formatting.count(facts.bodiless_count)
    if facts.bodiless_count and not facts.are_bodiless_new:
        total = formatting.count(facts.possible_count, at_least=facts.is_bodiless_cut)
        parts.append(Piece(f"{UNSEARCHED}{bodiless} of {total} payloads", Token.AMBER))
    elif facts.possible_count and progress.bodies_asked_at is not None:
        newer = f", {bodiless} newer not" if facts.bodiless_count else ""
        searched = formatting.plural(facts.possible_count - facts.bodiless_count, "payload")
        (parts if newer else done).append(Piece(f"{searched} searched{newer}", Token.MUTED))
    is_all_read = facts.failed_count and not _unread(facts) and not progress.unreadable_count
    if is_all_read and progress.needs_errors and progress != SearchProgress():
        done.insert(0, Piece(f"all {formatting.plural(facts.failed_count or 0, 'error')} read", Token.MUTED))
    return [*parts, *_older(facts), *done]


def _older(facts: ListFacts) -> list[Piece]:
    """Return how far back the list was not searched."""
    progress, history = facts.progress, facts.history
    if progress.skips_older:
        return []
    if history is None or not history.is_complete:
        return [Piece("still reading older runs", Token.MUTED)] if facts.is_filtered else []
    if not facts.is_filtered and not history.is_cut:
        return []
    if progress.is_at_end:
        return [Piece(f"searched back to {time_of_day(progress.reached or facts.since, facts.now)}", Token.MUTED)]
    reached = progress.reached or (history.reached if history.is_cut else facts.since)
    head = (
        "" if facts.bodiless_count and not facts.are_bodiless_new else UNSEARCHED if facts.is_filtered else "not read: "
    )
    token = Token.AMBER if history.is_cut else Token.MUTED
    return [Piece(f"{head}runs older than {time_of_day(reached, facts.now)}", token)]


def _running(facts: ListFacts) -> list[Piece]:
    progress = facts.progress
    match progress.step:
        case SearchStep.ERRORS | SearchStep.OLDER_ERRORS if progress.error_count:
            what = f"{count(progress.errors_read)} of {formatting.plural(progress.error_count, 'error')} read"
        case SearchStep.ERRORS | SearchStep.OLDER_ERRORS:
            what = "in the error groups of the server"
        case SearchStep.BODIES:
            what = f"{count(progress.bodies_read)} of {formatting.plural(progress.body_count, 'payload')} read"
            if progress.bodies_read and progress.bodies_since is not None:
                left = (facts.now - progress.bodies_since) * (progress.body_count / progress.bodies_read - 1)
                what += f", about {formatting.duration(left, in_minutes=True)} left; task: narrows it"
        case SearchStep.LIST:
            what = "still reading older runs"
        case SearchStep.IDS:
            what = "by id"
        case SearchStep.NAMES:
            what = f"by name, {formatting.plural(progress.older_read, 'run')} read"
        case _:
            back = "" if progress.reached is None else f", back to {time_of_day(progress.reached, facts.now)}"
            what = f"{formatting.plural(progress.older_read, 'older run')} read{back}"
    return [Piece(f"searching, {what}" if facts.is_filtered else f"loading more, {what}", Token.TEXT)]


def _unread(facts: ListFacts) -> int:
    progress = facts.progress
    return max(0, (facts.unread_count or 0) - progress.unreadable_count) if progress.needs_errors else 0


# The sentences in place of an empty list: why it is empty, and what the user can do.


_MAX_EMPTY_WIDTH: Final = 96
"""Longer lines are hard to read."""

NO_GROUP_ON_RELAY: Final = "the runs of an error group cannot be listed through a relay"


def empty_lines(facts: ListFacts, width: int) -> list[Line]:
    """Return the sentences in lines of at most `width` cells (at least 20), after an empty line."""
    lines: list[Line] = [()]
    for index, (text, token) in enumerate(_paragraphs(facts)):
        if index == 1:
            lines.append(())
        lines += [(Piece(row, token),) for row in wrap(text, min(max(width, 20), _MAX_EMPTY_WIDTH))]
    return lines


def _paragraphs(facts: ListFacts) -> Sequence[tuple[str, Token]]:
    freshness = facts.freshness
    if facts.filter_errors:
        sentence = f"{clean(Raw('; '.join(facts.filter_errors)))}."
        return [
            (sentence[:1].upper() + sentence[1:], Token.AMBER),
            ("Nothing matches until the filter is corrected. Esc clears it.", Token.TEXT),
        ]
    if facts.is_relayed and facts.filters.errors:
        return [(f"{NO_GROUP_ON_RELAY.capitalize()}.", Token.TEXT)]
    if facts.run_count and facts.is_filtered:
        is_all_read = facts.history is None or facts.history.is_complete
        so_far = "." if is_all_read else " so far. Older runs are still being read."
        return [(f"No runs match{so_far} Esc clears the filter.", Token.TEXT)]
    if freshness.failure is not None:
        return _failure_paragraphs(facts, freshness.failure)
    if freshness.is_slow:
        sentence = f"No runs from {facts.api_url} for {formatting.wait(freshness.waited)}. Still trying."
        return [(formatting.LOADING, Token.MUTED), (sentence, Token.TEXT)]
    if freshness.confirmed_at is None or facts.history is None:
        return [(formatting.LOADING, Token.MUTED)]
    if not facts.history.is_complete:
        return [(f"{formatting.LOADING} older pages are still being read", Token.MUTED)]
    if not facts.filters.is_empty:
        return [
            (f"No runs match the server filters.{with_key('server-filters', 'f', ' {} changes them.')}", Token.TEXT)
        ]
    if facts.history.run_count and facts.period is not None:
        further = with_key("server-filters", "f", " {} looks further back.")
        return [(f"No runs in the last {formatting.wait(facts.period)}.{further}", Token.TEXT)]
    where = f" in {clean(facts.environment.slug)}" if facts.environment is not None and facts.environment.slug else ""
    return [
        (f"No runs yet{where}.", Token.BRIGHT),
        ("Trigger one from your code or the dashboard's Test page; it shows up here by itself.", Token.TEXT),
    ]


def _failure_paragraphs(facts: ListFacts, failure: SourceRetrying | SourceStopped) -> Sequence[tuple[str, Token]]:
    advice = advice_on(failure, facts.api_url, is_relayed=facts.is_relayed)
    paragraphs = [(advice.sentence, Token.BRIGHT)]
    if advice.todo:
        paragraphs.append((advice.todo, Token.TEXT))
    match failure:
        case SourceRetrying():
            left = failure.next_at - facts.now
            now = with_key("refresh", "r", "; {} tries now")
            is_due = left <= timedelta(seconds=0.5)
            again = "Trying again now." if is_due else f"Trying again in {formatting.wait(left)}{now}."
            paragraphs.append((again, Token.TEXT))
        case SourceStopped():
            is_filtered = not facts.filters.is_empty
            ways = [
                with_key("refresh", "r", "{} tries again"),
                with_key("server-filters", "f", "{} changes the server filters") if is_filtered else "",
                with_key("close", "q", "{} ends the program") or "ctrl-q ends the program",
            ]
            paragraphs.append((f"{', '.join(filter(None, ways))}.", Token.TEXT))
    if advice.quote:
        paragraphs.append((f"The server said: {advice.quote}" if failure.status else advice.quote, Token.FAINT))
    return paragraphs


# The remark about words of a filter that could not be parsed.


def invalid_word_line(parsed: Filter) -> Line:
    """Return why the first invalid word could not be parsed; empty if all words are valid."""
    return tuple(Piece(invalid.reason, Token.AMBER) for invalid in parsed.invalid_words[:1])


# Two lines about the selected run, where its detail page is not visible.
#
# The first line has the run and its status. The second one gives the reason: the error, the runs below, or the wait.


_SECOND: Final = timedelta(seconds=1)
_MIN_TASK: Final = 8


def summary_lines(
    run: Run | None,
    children: Sequence[Run],
    now: Now,
    width: int,
    *,
    overlay: Piece | None = None,
    is_list_end: bool = False,
) -> tuple[Line, Line]:
    """Return two lines of at most `width` cells.

    `children` are the known direct children. `overlay` replaces the status while an action is pending. Without a run
    the lines are a hint, or the explanation of the list's last line.
    """
    if run is None:
        hint = NOT_A_RUN_SENTENCE if is_list_end else f"New runs appear at the top. {selecting_keys()} selects a run."
        return (cut((Piece(f"  {hint}", Token.MUTED),), width), ())
    # The right edge stays free, as in the list.
    return (_run_line(run, width - 1, overlay), cut((Piece("    "), *_reason_line(run, children, now)), width - 1))


def _run_line(run: Run, limit: int, overlay: Piece | None) -> Line:
    """Return the first line. The id stays whole so that it can be copied: the attempt is dropped, and the task cut.

    The attempt is last, since it is often read after the rest.
    """
    style = style_of(run)
    status: Line = (Piece("  "), style.mark, Piece(" "), overlay or style.name)
    task: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),)
    run_id: Line = (Piece(run.id, Token.FAINT),)
    others = [each for each in (run_id, _attempt(run)) if each]
    if _room_beside([status, *others], limit) < min(_MIN_TASK, line_width(task)):
        others = [run_id]
    task = cut(task, max(_room_beside([status, *others], limit), 1))
    return cut(joined([status, task, *others]), limit)


def _room_beside(parts: Sequence[Line], limit: int) -> int:
    return limit - sum(line_width(part) + 2 for part in parts)


def _attempt(run: Run) -> Line:
    count = run.attempt_count or 0
    if run.status.is_failed and count:
        text = f"after {formatting.plural(count, 'attempt')}"
    elif count > 1 and not run.is_waiting_to_retry:
        text = f"attempt {count}"
    else:
        return ()
    return (Piece(text, Token.MUTED),)


def _reason_line(run: Run, children: Sequence[Run], now: Now) -> Line:
    error = run.error_value
    is_shown = run.status.is_failed or run.is_waiting_to_retry
    if error is not None and run.status is RunStatus.CANCELLED:
        is_shown = error.code is not None  # its worker was lost; "Canceled by user" has no code
    if error is not None and is_shown:
        name: Line = (Piece(f"{error.name} ", Token.ROSE),) if error.name else ()
        return (*name, Piece(opening_line(error.message) or formatting.NONE, Token.BRIGHT))
    return joined(part for part in (_duration_text(run, now), _children_counts(children)) if part)


def _duration_text(run: Run, now: Now) -> Line:
    """Return how long the run waits, runs or ran. A duration alone would not say which of these."""
    token = style_of(run).row.took if not run.is_final else Token.MUTED
    ran = run.took(now.until)
    duration = now.duration(ran, is_running=not run.is_final)
    since = run.state.finished_at if run.state else None
    ago = f", {now.ago(since)}" if since is not None else ""
    waits = waiting_words(run, now)
    if run.state is None:
        text = "only its id is known"
    elif run.is_gone:
        text = "no longer on the server"
    elif run.is_waiting_to_retry:
        count = run.attempt_count
        text = f"waiting to retry after {formatting.plural(count, 'attempt')}" if count else "waiting to retry"
    elif run.status in QUEUED_FAMILY:
        text = _waiting_text(run, now)
    elif run.status in EXECUTING_FAMILY:
        verb = "running" if is_known_to_run(run, now) else "executing"
        text = f"{verb} for {duration}" if ran is not None else "dequeued by a worker, not started yet"
        text = waits or text
    elif run.status is RunStatus.WAITING_TO_RESUME:
        waits = waits or "waits"
        text = f"started {duration} ago, {waits}" if ran is not None else f"it {waits}"
    elif run.status is RunStatus.EXPIRED:
        text = f"expired before it started{f', its TTL is {run.fixed.ttl}' if run.fixed.ttl else ''}"
    elif ran is None:
        text = f"{'canceled before it started' if run.status is RunStatus.CANCELLED else 'ended'}{ago}"
    else:
        text = f"took {duration}{ago}"
    return (Piece(text, token),)


def due_words(run: Run, now: Now) -> str:
    """Return `due in 3.9s` for a scheduled run, which is created at its due time. A wrong clock is off by less."""
    ahead = timedelta() if run.created_at is None else run.created_at - now.until
    return f"due in {now.duration(ahead)}" if ahead >= _SECOND else ""


def _waiting_text(run: Run, now: Now) -> str:
    starts = run.state.delayed_until if run.state else None
    if run.status is RunStatus.DELAYED and starts is not None and starts > now.until:
        return f"queued in {now.duration(starts - now.until)}"
    if due := due_words(run, now):
        return due
    waited = now.duration(time_in_queue(run, now.until))
    if run.status is RunStatus.WAITING_FOR_DEPLOY:
        return f"waiting for a version with its task for {waited}"
    return f"queued for {waited} in {run.fixed.queue}" if run.fixed.queue else f"queued for {waited}"


_ROLL_UP: Final = (
    ("✗", FAILED, Token.ROSE),
    ("E", EXECUTING_FAMILY, Token.BLUE),
    ("W", frozenset({RunStatus.WAITING_TO_RESUME}), Token.MUTED),
    ("Q", frozenset({RunStatus.QUEUED}), Token.MUTED),
    ("D", frozenset({RunStatus.DELAYED}), Token.MUTED),
    ("P", frozenset({RunStatus.WAITING_FOR_DEPLOY}), Token.AMBER),
    ("✓", frozenset({RunStatus.COMPLETED_SUCCESSFULLY}), Token.FAINT),
    (STATUS_STYLES["Canceled"].glyph, frozenset({RunStatus.CANCELLED}), Token.FAINT),
    (STATUS_STYLES["Expired"].glyph, frozenset({RunStatus.EXPIRED}), Token.FAINT),
)


def _children_counts(children: Sequence[Run]) -> Line:
    """Return `✗1 E2 Q7 ✓15 ⊘3 below it`: the direct children by family, without zeros.

    Only completed runs have a tick. Canceled and expired runs have their own glyphs, and an unknown status is `?`.
    """
    counts = Counter(child.status for child in children if not _is_unknown(child))
    parts: list[Line] = []
    for letter, family, token in _ROLL_UP:
        if number := sum(counts[status] for status in family):
            parts.append((Piece(f"{letter}{formatting.count(number)}", token, is_bold=token is Token.ROSE),))
    if unknown := sum(_is_unknown(child) for child in children):
        parts.append((Piece(f"{UNKNOWN.glyph}{formatting.count(unknown)}", Token.MUTED),))
    return (*joined(parts), Piece(" below it", Token.FAINT)) if parts else ()


def _is_unknown(run: Run) -> bool:
    """Return whether the status was never read or is a word that the program does not know."""
    return style_of(run).glyph == UNKNOWN.glyph


# The filters of the server in words, and the lines of the dialog that sets them. `store.server_filter` matches runs.


_CHOICES: Final = {row.title: row for row in STATUS_TABLE if row.filter and row.title != "Reattempting"}
"""The statuses that can be chosen, by title. The API reports and filters Reattempting as Executing."""

STATUS_NAMES: Final = {row.filter: row.word.replace("-", " ").capitalize() for row in STATUS_TABLE if row.filter}
"""Single statuses, by the words of the API: `Threw` for Failed, since `failed` means every kind of failure."""

FAMILIES: Final = tuple(
    (name, tuple(title for title in STATUS_STYLES if title in _CHOICES and _CHOICES[title].canonical in statuses))
    for name, statuses in (("live", LIVE), ("failed", FAILED), ("finished", FINAL - FAILED))
)
"""The columns of statuses, by title."""

PERIODS: Final = ("1h", "6h", "24h", "7d", "30d")
MAX_SHOWN_CHARS: Final = 12
"""The part of a wrong period that its sentence repeats."""

MAX_NAMED_VALUES: Final = 2
"""If a field has more values than this, they are counted instead of named."""

_SHORT_FINGERPRINT: Final = 8


TYPED_LISTS: Final = ("task", "tag", "version", "queue")
"""The lists that the dialog shows as a text field."""


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
    return _CHOICES[title].filter


def words_of(family: int) -> frozenset[str]:
    """Return the words of a whole column."""
    return frozenset(word_of(title) for title in FAMILIES[family][1])


def values_of(text: str) -> tuple[str, ...]:
    """Split a list at its commas, and keep each value once, in order."""
    return tuple(dict.fromkeys(value.strip() for value in text.split(",") if value.strip()))


def typed_of(chosen: ServerFilter, zone: tzinfo = UTC) -> Typed:
    """Return the initial content of the dialog, with times in the zone in which they are read again."""
    filters = chosen.filters
    texts = {word: ", ".join(filters.lists[word]) for word in TYPED_LISTS}
    return Typed(frozenset(filters.statuses), **texts, period=period_words(filters, chosen.period, zone))


def period_words(filters: RunFilters, period: timedelta, zone: tzinfo = UTC) -> str:
    """Return a period as it can be typed: `24h`, or `2026-11-26 02:50-03:20` in a zone."""
    begin = filters.created_from
    return period_text(period) if begin is None else time_span_text(begin.astimezone(zone), filters.created_to)


def absolute_period_words(filters: RunFilters, period: timedelta) -> str:
    """Return a period as it is understood in every zone: `24h`, or `2026-11-26 02:50-03:20z`."""
    return period_words(filters, period) + ("" if filters.created_from is None else "z")


def read_typed(typed: Typed, default_period: timedelta, now: datetime) -> ServerFilter | None:
    """Return the chosen filter, or None if `period_error` finds a mistake. An empty period means the default."""
    text = typed.period.strip()
    try:
        period = read_period(text, now) if text else default_period
    except InvalidPeriod:
        return None
    order = [row.filter for row in _CHOICES.values()]
    lists: dict[str, Sequence[str]] = {word: values_of(getattr(typed, word)) for word in TYPED_LISTS}
    filters = RunFilters.of(lists | {"status": [word for word in order if word in typed.statuses]})
    return server_filter(filters, period, now)


def filter_words(filters: RunFilters, period: timedelta | None) -> str:
    """Return `failed, charge-card, last 24h`. A whole family is in lower case, one status has a capital."""
    parts = [_statuses(filters.statuses)]
    for word, values in filters.lists.items():
        if word == "error":
            parts.append(_several("error group", [fingerprint_of(each)[:_SHORT_FINGERPRINT] for each in values]))
        elif word != "status":
            parts.append(_several(word, values))
    if filters.created_from is not None:
        parts.append(f"{time_span_text(filters.created_from, filters.created_to)} {zone_name(filters.created_from)}")
    elif period is not None:
        parts.append(f"last {period_text(period)}")
    return ", ".join(part for part in parts if part)


def older_words(
    filters: RunFilters, older_count: int, *, is_cut: bool, period: timedelta, reach: timedelta | None
) -> str:
    """Return ` and 12 older live runs`, after the period of a list that shows some.

    `is_cut` means that the server may have more of them, `reach` how far back they are read, if there is a bound.
    """
    if filters.created_from is not None:
        return ""
    if reach is not None and reach > period:
        return (
            f" and {f'≥{count(older_count)} older ' if older_count else ''}live runs of the last {period_text(reach)}"
        )
    if not older_count:
        return ", older live runs not read" if is_cut else ""
    noun = "older live run" if older_count == 1 and not is_cut else "older live runs"
    return f" and {count(older_count, at_least=is_cut)} {noun}"


def recalled_line(chosen: ServerFilter, kept_at: datetime | None, now: datetime, width: int) -> Line:
    """Return `filters from yesterday 18:02: failed, last 24h · 0 clears`, for a start with saved filters."""
    text = f"filters {_since(kept_at, now)}: {filter_words(chosen.filters, chosen.period)}"
    key: Line = (Piece(" · ", Token.FAINT), Piece("0", is_bold=True), Piece(" clears", Token.FAINT))
    return (*cut((Piece(text, Token.AMBER),), max(0, width - line_width(key))), *key)


def _since(kept_at: datetime | None, now: datetime) -> str:
    if kept_at is None:
        return "from an earlier session"
    local = kept_at.astimezone(now.tzinfo)
    day = {0: "today ", 1: "yesterday "}.get((now.date() - local.date()).days)
    return f"from {time_of_day(kept_at, now)}" if day is None else f"from {day}{time_of_day(local, local)}"


def _statuses(words: Sequence[str]) -> str:
    left, names = set(words), list[str]()
    for index, (family, _) in enumerate(FAMILIES):
        if words_of(index) <= left:
            names.append(family)
            left -= words_of(index)
    names += [STATUS_NAMES.get(word, word) for word in words if word in left]
    return " or ".join(names) if len(names) <= MAX_NAMED_VALUES else f"{len(words)} statuses"


def _several(noun: str, values: Sequence[str]) -> str:
    if len(values) > MAX_NAMED_VALUES:
        return f"{len(values)} {noun}s"
    return f"{'' if noun == 'task' else f'{noun} '}{' or '.join(values)}" if values else ""


# Suggestions and mistakes.


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


def period_error(text: str, now: datetime) -> str | None:
    """Return a sentence about a period that is not valid, or None."""
    if shown := text.strip():
        try:
            read_period(shown, now)
        except InvalidPeriod as error:
            return f"“{shortened(shown, MAX_SHOWN_CHARS)}” {error}."
    return None


def doubtful_value(field: str, text: str, known: KnownValues) -> str | None:
    """Return a sentence about a value that is probably a mistake. The server would accept it."""
    values = values_of(text)
    if any("*" in value or "?" in value for value in values):
        return "The server needs full names; for patterns use the / filter."
    if field == "version" or not known.is_all:
        return None
    all_known = () if field == "queue" else known.of(field)
    unknown_value = next((value for value in values if all_known and value not in all_known), None)
    return None if unknown_value is None else f"No run here has the {field} “{unknown_value}” yet."


# The lines of the dialog.


def band_line(
    width: int, *, needs_rules: bool, title: str = "server filters", remark: str = "kept after a restart"
) -> Line:
    """Return the top of a dialog. `needs_rules`: rules mark its edges, since it has no background of its own."""
    edge, between = ("── ", "─") if needs_rules else ("   ", " ")
    left: Line = (Piece(edge, Token.LINE), Piece(title, Token.BRIGHT, is_bold=True), Piece(" "))
    right: Line = (Piece(f" {remark}", Token.MUTED), Piece(edge[::-1], Token.LINE))
    return (*left, Piece(between * max(0, width - line_width(left) - line_width(right)), Token.LINE), *right)


def shows_line(typed: Typed, default_period: timedelta, now: datetime) -> Line:
    """Return the result of the current filter in words."""
    if (chosen := read_typed(typed, default_period, now)) is None:
        return (Piece("   shows  ", Token.FAINT), Piece("nothing new until the period is valid", Token.MUTED))
    words = ("every run, " if chosen.filters.is_empty else "") + filter_words(chosen.filters, chosen.period)
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
    return (*pad(cut(tuple(line), room), room + 1), *key)


def sentence_line(text: str, *, is_wrong: bool) -> Line:
    """Return a remark about a typed value."""
    return (Piece(f"   {text}", Token.BRIGHT if is_wrong else Token.MUTED, is_bold=is_wrong),)


def keys_line(*keys: tuple[str, str]) -> Line:
    """Return keys and their effects, as in the footer."""
    line: list[Piece] = [Piece("   ")]
    for index, (key, words) in enumerate(keys):
        line += [Piece("   " * bool(index) + key, is_bold=True), Piece(f" {words}", Token.FAINT)]
    return tuple(line)


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
    return (Piece(FAMILIES[family][0], Token.BRIGHT if is_all else Token.MUTED, is_bold=is_all),)


def status_cell(title: str, chosen: frozenset[str]) -> Line:
    """Return one status. It is coloured if it is chosen, or if no status is, which means all."""
    style, name = STATUS_STYLES[title], STATUS_NAMES[word_of(title)]
    if word_of(title) in chosen:
        return style.mark, Piece(" "), Piece(name, Token.BRIGHT, is_bold=True)
    if chosen:
        return (Piece(f"{style.glyph} {name}", Token.FAINT),)
    return style.mark, Piece(" "), Piece(name, Token.TEXT)
