"""The page of a group: its sentences, first and last run, tasks, versions, tags, state, and failures a minute."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from tui.domain.errors.server_group import ServerErrorGroup, ServerGroupStatus
from tui.domain.ids import RunId
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun, Row
from tui.present.columns import Now, short_id
from tui.present.errors.groups.bars import failure_bars
from tui.present.errors.groups.facts import GroupFacts, Minutes
from tui.present.errors.groups.sentence import sentences
from tui.present.errors.groups.words import STATE_WORDS, error_line, first_known, is_acknowledged
from tui.present.styled import Line, Piece, Token, cut, fit, fold, line_width, pad, plain, wrap
from tui.present.text_block import LABEL
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState

MAX_NAMES: Final = 5
"""Tasks, versions and tags that have a row each."""

MAX_MESSAGE_ROWS: Final = 8
MAX_REASON_CHARS: Final = 1_000
"""As many as the server takes."""

_VALUE: Final = 16
_GAP: Final = 2


def group_page(facts: GroupFacts, now: Now, limit: int) -> list[Row]:
    """Return the page in rows of at most `limit` cells."""
    group = facts.group
    blocks = [
        [Row(line, ("sentence", number)) for number, line in enumerate(_folded(sentences(facts, now), limit))],
        [*_times(facts, now, limit), *_tasks(facts, limit), *_versions(group, limit)],
        _tags(group, limit),
        _state(facts, now, limit),
        _minutes(facts.minutes, now, limit, is_grey=is_acknowledged(group)),
        _message(group, limit),
    ]
    rows: list[Row] = []
    for block in blocks:
        if block:
            rows += [Row((), ("above", block[0].key)), *block]
    return rows


def _folded(lines: Iterable[Line], limit: int) -> list[Line]:
    return [row for line in lines for row in fold(line, limit)]


def _fact(label: str, value: Line, remark: Line, limit: int) -> Line:
    """Return `label     value           remark`. Long values push the remark to the right, and the end is cut."""
    head = pad((Piece(label, Token.FAINT),), LABEL)
    room = limit - LABEL
    if remark and line_width(value) + _GAP + line_width(remark) > room:
        value = cut(value, max(room - _GAP - line_width(remark), min(_VALUE, room)))
    value = pad(value, max(_VALUE, line_width(value))) if remark else value
    return cut((*head, *value, *((Piece(" " * _GAP), *remark) if remark else ())), limit)


def _times(facts: GroupFacts, now: Now, limit: int) -> list[Row]:
    group = facts.group
    last = group.run_ids[0] if group.run_ids else None
    first = first_known(group)
    # The server remembers failures that are older than the span, but not their runs.
    rows = [
        ("first", first, facts.first_run if first == group.first_seen else None),
        ("last", group.last_seen, last),
    ]
    return [_time_row(label, at, run_id, now.at, limit) for label, at, run_id in rows]


def _time_row(label: str, at: datetime, run_id: RunId | None, now: datetime, limit: int) -> Row:
    remark = () if run_id is None else short_id(run_id, Token.FAINT)
    line = _fact(label, (Piece(_seconds(at, now), Token.TEXT),), remark, limit)
    return Row(line, label, None if run_id is None else GoToRun(run_id))


def _tasks(facts: GroupFacts, limit: int) -> list[Row]:
    tasks, known = facts.group.tasks, facts.task_runs
    if len(tasks) == 1:
        failed = formatting.count(tasks[0][1], at_least=not facts.is_complete)
        share = "" if known is None else f"{failed} of its {formatting.plural(known, 'run')}"
        remark: Line = (Piece(share, Token.FAINT),) if share else ()
        return [Row(_fact("task", (Piece(tasks[0][0], Token.TEXT),), remark, limit), "task")]
    return _counted("tasks", tasks, limit)


def _versions(group: ErrorGroup, limit: int) -> list[Row]:
    versions, missing = group.versions, group.count - sum(count for _, count in group.versions)
    if len(versions) == 1:
        word = f"{missing:,} not known" if missing else f"all {group.count:,}"
        share = f"{versions[0][1]:,} of {group.count:,}, {word}"
        word = share if missing and LABEL + _VALUE + _GAP + len(share) <= limit else word
        value = (Piece(versions[0][0], Token.TEXT),)
        return [Row(_fact("version", value, (Piece(word, Token.FAINT),) if group.count > 1 else (), limit), "version")]
    return _counted("versions", [*versions, ("not known", missing)] if versions and missing else versions, limit)


def _counted(label: str, names: Sequence[tuple[Raw | str, int]], limit: int, remark: str = "") -> list[Row]:
    """Return a row for each name with its number of runs. Names beyond `MAX_NAMES` are counted."""
    shown = names[:MAX_NAMES]
    width = min(max((line_width((Piece(name),)) for name, _ in shown), default=0), max(limit - LABEL - 12, 8))
    rows = []
    for number, (name, count) in enumerate(shown):
        value = (*fit((Piece(name, Token.TEXT),), width), Piece(f"  {count:,}", Token.TEXT))
        extra: Line = (Piece(remark, Token.FAINT),) if remark and not number else ()
        head = pad((Piece("" if number else label, Token.FAINT),), LABEL)
        rows.append(Row(cut((*head, *value, *((Piece("  "), *extra) if extra else ())), limit), (label, number)))
    if len(names) > len(shown):
        more = f"and {len(names) - len(shown):,} more"
        rows.append(Row(cut((Piece(" " * LABEL), Piece(more, Token.FAINT)), limit), (label, "more")))
    return rows


def _tags(group: ErrorGroup, limit: int) -> list[Row]:
    tags = [(tag.tag, tag.run_count) for tag in group.shared_tags]
    return _counted("tags", tags, limit, f"of {group.count:,}")


def _state(facts: GroupFacts, now: Now, limit: int) -> list[Row]:
    group = facts.group
    word = "not known" if group.state is None else STATE_WORDS[group.state][0] or "unresolved"
    if group.state is ErrorState.NEW:
        word = "unresolved" if group.server_groups else "new"
    value: Line = (Piece(word, Token.MUTED if group.state is None else Token.TEXT),)
    detail = _state_words(group, facts.detail, now.at)
    remark: Line = (Piece(detail, Token.FAINT),) if detail else ()
    fits = LABEL + max(_VALUE, line_width(value)) + _GAP + line_width(remark) <= limit
    rows = [Row(_fact("state", value, remark if fits else (), limit), "state")]
    reason = None if facts.detail is None or facts.detail.detail is None else facts.detail.detail.ignored_reason
    below = facts.state_problem or (reason or "")[:MAX_REASON_CHARS]
    texts = ["" if fits else detail, below]
    lines = [line for text in texts if text for line in wrap(text, limit - LABEL)]
    rows += [
        Row((Piece(" " * LABEL), Piece(line, Token.FAINT)), ("state", number)) for number, line in enumerate(lines)
    ]
    return rows


def _state_words(group: ErrorGroup, detail: ServerErrorGroup | None, now: datetime) -> str:
    """Return what the server says about the state: since when, until when, by whom."""
    theirs = group.server_groups
    many = f"{len(theirs):,} groups on the server" if len(theirs) > 1 else ""
    match group.state:
        case ErrorState.ACKNOWLEDGED if len(theirs) == 1:
            return _acknowledged_words(detail or theirs[0], now)
        case ErrorState.REGRESSED:
            at = max((each.resolved_at for each in theirs if each.is_regressed and each.resolved_at), default=None)
            return f"resolved {_day(at, now)}, failed again" if at is not None else many
        case _:
            return many


def _acknowledged_words(theirs: ServerErrorGroup, now: datetime) -> str:
    if theirs.status is ServerGroupStatus.RESOLVED:
        by, at = None if theirs.detail is None else theirs.detail.resolved_by, theirs.resolved_at
        words = "resolved" if at is None else f"resolved {_day(at, now)}"
    else:
        by, until = None if theirs.detail is None else theirs.detail.ignored_by, theirs.ignored_until
        words = "ignored" if until is None else f"ignored until {_day(until, now)}"
    return words if by is None else f"{words} by {by}"


def _minutes(minutes: Minutes | None, now: Now, limit: int, *, is_grey: bool) -> list[Row]:
    if minutes is None or not minutes.counts:
        return []
    # The last minute may still run: its end is not yet a time to name.
    times = [formatting.time_of_day(at, now.at) for at in (minutes.start, min(minutes.end, now.at))]
    span = "–".join(dict.fromkeys(times))  # one time within the first minute
    bars = failure_bars(minutes.counts, Token.GUIDE if is_grey else Token.ROSE)
    head = pad((Piece("per min", Token.FAINT),), LABEL)
    return [Row(cut((*head, *bars, Piece(f"  {span}", Token.FAINT)), limit), "per min")]


def _message(group: ErrorGroup, limit: int) -> list[Row]:
    """Return the whole kind: the list cuts its message."""
    frame = group.kind.frame
    head = pad((Piece("error", Token.FAINT),), LABEL)
    lines = _wrapped(error_line(group.kind), max(limit - LABEL, 2))[:MAX_MESSAGE_ROWS]
    rows = [
        Row(((*head, *line) if not number else (Piece(" " * LABEL), *line)), ("error", number))
        for number, line in enumerate(lines)
    ]
    if frame is not None:
        place = Piece(f"{frame.file}" if frame.function is None else f"{frame.function}  {frame.file}", Token.MUTED)
        rows.append(Row(cut((*pad((Piece("in", Token.FAINT),), LABEL), place), limit), "frame"))
    return rows


def _wrapped(line: Line, limit: int) -> list[Line]:
    """Wrap a type and a message between words. The type keeps its colour if it fits on the first row."""
    rows = wrap(plain(line), limit)
    first, name = rows[0], line[0].text
    head: Line = (line[0], Piece(first[len(name) :])) if first.startswith(name) else (Piece(first),)
    return [head, *((Piece(row),) for row in rows[1:])]


def _seconds(at: datetime, now: datetime) -> str:
    local = at.astimezone(now.tzinfo)
    time = f"{local:%H:%M:%S}"
    return time if local.date() == now.date() else f"{local.day} {local:%b} {time}"


def _day(at: datetime, now: datetime) -> str:
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local.day} {local:%b %H:%M}"
