"""The words of error groups: their sentences, their page, their rule, their newest failure."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from rich.cells import cell_len

from tui.domain.error import RunError
from tui.domain.error_kinds import ErrorKind, OwnFrame
from tui.domain.facts import ErrorState, FailuresProgress, ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.run import ABSENT, Environment, Run, RunId, TaskId, title_of
from tui.domain.text import Raw, clean
from tui.features.attempts.words import ReadProgress, equal_errors, selected_attempt, sentence
from tui.features.detail.words import full_error, head_lines, missing_words, remarks, value_of
from tui.features.errors.error import ErrorLayout, error_line, error_rows
from tui.features.runs.columns import short_id
from tui.lazy_dataclass import dataclass
from tui.store.error_groups import ErrorGroup
from tui.text import formatting
from tui.text.bars import Bars, series, top_of
from tui.text.blocks import LABEL, GoToRun, Now, ReadStage, Row, code_block, code_span, labelled, spaced, tries_again
from tui.text.json import inline
from tui.text.status import STATUS_STYLES
from tui.text.styled import Line, Piece, Token, cut, fit, fold, joined, line_width, pad, plain, wrap

# What the pane of a group shows beside the group itself. `features.errors.model` collects it from the store.


GOES_ON_FOR: Final = timedelta(minutes=2)
"""The rate of a group whose last failure is older is not said, since it may have ended."""


@dataclass(frozen=True, slots=True)
class VersionStart:
    """When the first run of a version started. It exists only if earlier runs of other versions are known too."""

    version: Raw
    at: datetime


@dataclass(frozen=True, slots=True)
class Minutes:
    """The failures in each of some whole minutes, oldest first. `end` is the end of the last one."""

    counts: tuple[int, ...]
    end: datetime

    @property
    def start(self) -> datetime:
        """The start of the first minute."""
        return self.end - timedelta(minutes=len(self.counts))


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group and its surroundings.

    * `span_words`: the shown span, like `last 24h`
    * `task_runs`: all runs of the group's only task in the span; None: not all of them are known. `later_runs` of them
      are newer than the group's runs, and have ended
    * `version_start`: the start of the group's only version
    * `first_start`: when the first run of the group started; None: it is not known
    * `detail`: the server's only group with its detail, if that was read
    * `minutes`: the failures a minute around the last failure
    * `state_problem`: why the state is not known, as a sentence; empty: it is known
    * `is_complete`: every failed run of the span was read
    """

    group: ErrorGroup
    span_words: str
    first_run: RunId | None = None
    newest: Run | None = None
    task_runs: int | None = None
    later_runs: int = 0
    version_start: VersionStart | None = None
    first_start: datetime | None = None
    detail: ServerGroupDetail | None = None
    minutes: Minutes | None = None
    state_problem: str = ""
    is_complete: bool = True

    @property
    def version(self) -> Raw | None:
        """The only version of the group."""
        return self.group.versions[0][0] if len(self.group.versions) == 1 else None

    @property
    def failed(self) -> str:
        """How many runs failed: `131`, `≥131`."""
        return formatting.count(self.group.count, at_least=not self.is_complete)

    @property
    def share(self) -> str:
        """How many runs failed, of those of the only task: `131 of 264 runs`; empty if that is not known."""
        is_known = self.task_runs is not None and len(self.group.tasks) == 1
        return f"{self.failed} of {formatting.plural(self.task_runs or 0, 'run')}" if is_known else ""


# The words for the parts of an error group: its type, place, state and times.


_SOURCE_FOLDER: Final = re.compile(r"^(?:src|dist)/")

SHORT_FINGERPRINT: Final = 8
"""Characters of a fingerprint on the screen."""

STATES: Final = {
    ErrorState.NEW: ("NEW", "NEW", Token.ROSE),
    ErrorState.REGRESSED: ("regressed", "again", Token.AMBER),
    ErrorState.ACKNOWLEDGED: ("acknowledged", "known", Token.FAINT),
    ErrorState.UNRESOLVED: ("", "", Token.TEXT),
}
"""The word of each state in the list, its narrow form, and their colour. An unresolved group is usual: it has none."""


def short_fingerprint(group: ErrorGroup) -> str:
    """Return the first characters of the fingerprint, in the form that the list's filter accepts."""
    return group.fingerprint[:SHORT_FINGERPRINT]


def is_acknowledged(group: ErrorGroup) -> bool:
    """Return whether the group is acknowledged, so that it is grey."""
    return group.state is ErrorState.ACKNOWLEDGED


def state_piece(state: ErrorState | None, *, is_narrow: bool = False) -> Piece:
    """Return the word of a state; `·` where it is not known."""
    if state is None:
        return Piece(formatting.NONE, Token.FAINT)
    word, narrow, token = STATES[state]
    return Piece(narrow if is_narrow else word, token, is_bold=state is ErrorState.NEW)


def task_words(tasks: Sequence[tuple[TaskId, int]]) -> str:
    """Return the task, or how many there are."""
    if not tasks:
        return formatting.NONE
    return tasks[0][0] if len(tasks) == 1 else formatting.plural(len(tasks), "task")


def place_words(kind: ErrorKind, line: int | None, limit: int) -> str:
    """Return `lib/stripe.ts:88`, or without its folder if that is too long; `·` without a frame of the project.

    `line` is the line in the newest failure.
    """
    if kind.frame is None:
        return formatting.NONE
    position = "" if line is None else f":{line}"
    path = clean(Raw(_SOURCE_FOLDER.sub("", kind.frame.file)))
    return path + position if cell_len(path) + len(position) <= limit else path.rpartition("/")[2] + position


def frame_text(frame: OwnFrame) -> str:
    """Return a frame as a stack trace has it, without the line: `chargeCard (src/lib/psp.ts)`."""
    return frame.file if frame.function is None else f"{frame.function} ({frame.file})"


def first_known(group: ErrorGroup) -> datetime:
    """Return when the group was first seen. The server may know of a failure before the span."""
    theirs = (each.first_seen for each in group.server_groups if each.first_seen is not None)
    return min([group.first_seen, *theirs])


# The sentences about a group: in which versions, how many runs, how often, and whether it goes on.


def sentences(facts: GroupFacts, now: Now) -> list[Line]:
    """Return the state with the version, then the runs with their rate."""
    group = facts.group
    state = state_piece(group.state)
    head: Line = (state, Piece("  ")) if group.state is not None and state.text else ()
    where = version_words(facts)
    first: Line = (*head, Piece(where, Token.TEXT)) if where else head
    verb = "run failed" if group.count == 1 else "runs failed"
    number = Piece(facts.failed, Token.ROSE, is_bold=True)
    return [line for line in (first, (number, Piece(f" {verb}, {course_words(facts, now)}", Token.TEXT))) if line]


def version_words(facts: GroupFacts) -> str:
    """Return `1 min after the first run of 20261126.3`, `only in 20261126.3`, or `in 3 versions`.

    Until every failed run was read, an older run or another version may still appear. If the server knows the group
    from before the span, the versions of those earlier failures are unknown.
    """
    group, start, failed_at = facts.group, facts.version_start, facts.first_start
    is_older = first_known(group) < group.first_seen
    if group.versions and (is_older or not facts.is_complete):
        count = len(group.versions)
        return f"in {group.versions[0][0]}" if count == 1 else f"in ≥{count:,} versions"
    if start is not None and failed_at is not None and start.version == facts.version and failed_at >= start.at:
        return f"{formatting.wait(failed_at - start.at)} after the first run of {start.version}"
    if facts.version is not None:
        return f"only in {facts.version}"
    return f"in {formatting.plural(len(group.versions), 'version')}" if group.versions else ""


def course_words(facts: GroupFacts, now: Now) -> str:
    """Return `9 to 14 a minute, last 12s ago`, or `the last one 3h ago`: when the newest failed run was created.

    While the data is stale, the words name the time of the last failure, since it is unknown whether it goes on.
    """
    last, count = facts.group.last_seen, facts.group.count
    if now.frozen_at is not None:
        return f"the last known one at {formatting.time_of_day(last, now.at)}"
    ago = now.ago(last) if count == 1 else f"the last one {now.ago(last)}"  # as in the rule and in the list of runs
    is_recent = count > 1 and facts.is_complete and now.at - last <= GOES_ON_FOR
    rate = rate_words(facts.minutes, facts.group.first_seen) if is_recent else ""
    return f"{rate}, last {now.ago(last)}" if rate else ago


def rate_words(minutes: Minutes | None, first_seen: datetime) -> str:
    """Return `9 to 14 a minute` for the minutes that are over and lie wholly after the first failure."""
    if minutes is None:
        return ""
    behind = int((first_seen - minutes.start).total_seconds() // 60) + 1
    counts = minutes.counts[:-1][max(0, behind) :]
    if len(counts) < 2 or not max(counts):
        return ""
    least, most = min(counts), max(counts)
    return f"{formatting.count(least)} a minute" if least == most else f"{least:,} to {most:,} a minute"


# An error group as Markdown, to paste into an issue or a chat. All outside text is fenced.


MAX_MARKDOWN_NAMES = 10
MAX_MESSAGE_CHARS = 4_000
MAX_RUNS = 5
"""The newest runs that are named."""


def group_markdown(
    facts: GroupFacts,
    *,
    environment: Environment | None = None,
    redact: Callable[[str], str] = lambda text: text,
    zone: tzinfo = UTC,
) -> str:
    """Return the group, ending with a line break. `redact` removes known secrets from each text of others."""
    group, kind = facts.group, facts.group.kind
    name = code_span(redact(kind.type)) if kind.type else "Error without a type"
    head = [f"## {name}: {facts.failed} run{'' if group.count == 1 else 's'} failed in the {facts.span_words}"]
    message = code_block(redact(kind.message[:MAX_MESSAGE_CHARS])) if kind.message.strip() else ["No message."]
    return "\n\n".join("\n".join(block) for block in (head, message, _rows(facts, environment, redact, zone))) + "\n"


def _rows(facts: GroupFacts, environment: Environment | None, redact: Callable[[str], str], zone: tzinfo) -> list[str]:
    group, frame = facts.group, facts.group.kind.frame

    def code(text: str) -> str:
        return code_span(redact(text))

    def names(found: Sequence[tuple[Raw | str, int]]) -> str:
        shown = [f"{code(each)} {count:,}" for each, count in found[:MAX_MARKDOWN_NAMES]]
        more = [f"and {len(found) - MAX_MARKDOWN_NAMES:,} more"] if len(found) > MAX_MARKDOWN_NAMES else []
        return ", ".join([*shown, *more])

    is_since_known = facts.version_start is not None and facts.is_complete
    links = [(each, environment and environment.link_to(each)) for each in group.run_ids[:MAX_RUNS]]
    rows = (
        ("First frame of your code", "" if frame is None else code(frame_text(frame))),
        ("State", "not known" if group.state is None else STATES[group.state][0] or "unresolved"),
        ("First", formatting.full_moment(group.first_seen, zone)),
        ("Last", formatting.full_moment(group.last_seen, zone)),
        ("Tasks", names(group.tasks)),
        ("Share", f"{facts.share} of the task" if facts.share else ""),
        ("Versions", names(group.versions)),
        ("Since", code(version_words(facts)) if is_since_known else ""),
        ("Tags", names(group.shared_tags)),
        ("Ended", ", ".join(f"{STATUS_STYLES[title_of(status)].word} {count:,}" for status, count in group.statuses)),
        *(("Run", code(run_id) + (f" <{link}>" if link else "")) for run_id, link in links),
        ("Fingerprint", code_span(group.fingerprint)),
    )
    return [f"- {label}: {value}" for label, value in rows if value]


# The page of a group's newest failure: the run, its error with the folded stack, the payload's head, its tags.


def newest_page(run: Run, progress: ReadProgress, now: Now, layout: ErrorLayout, *, has_head: bool) -> list[Row]:
    """Return the page in rows of at most `layout.limit` cells. `has_head`: with the status, the task and the id."""
    limit = layout.limit
    blocks = [_head(run, now, limit) if has_head else [], _error(run, progress, layout)]
    rows = spaced([*blocks, [*_payload(run, progress, limit), *_tags(run, limit)]])
    return [row._replace(line=cut(row.line, limit)) for row in rows]


def _head(run: Run, now: Now, limit: int) -> list[Row]:
    lines = head_lines(run, now, limit, None)
    lasted = run.took(now.at) if run.is_final else None
    if lasted is not None:
        longer = joined([lines[0], (Piece(formatting.duration(lasted), Token.FAINT),)])
        lines[0] = longer if line_width(longer) <= limit else lines[0]
    return [Row(line, ("head", number), GoToRun(run.id)) for number, line in enumerate(lines)]


def _error(run: Run, progress: ReadProgress, layout: ErrorLayout) -> list[Row]:
    if progress.failure is not None and run.error is None:
        return sentence(f"{progress.failure.rstrip('.')}.{tries_again()}", layout, "failure", Token.AMBER)
    error = full_error(run)
    if error is None:
        words = progress.stage.words if progress.stage is not ReadStage.DONE else "The error was not read."
        return sentence(words, layout, "none")
    rows = list(error_rows(error, layout, "error", _note(run, error)))
    if error.has_code_only:
        why = {ReadStage.DUE: "", ReadStage.LATE: "reading why…"}.get(progress.stage, "The server sends only a code.")
        rows = [*rows, *sentence(why, layout, "why")]
    return rows


def _note(run: Run, error: RunError) -> str:
    """Return `the same in all 3 attempts` where the attempts failed alike."""
    selected = selected_attempt(run.history, None)
    if selected is None or selected.error is None or selected.error != error:
        return ""
    return equal_errors(run.history.attempts, selected)


def _payload(run: Run, progress: ReadProgress, limit: int) -> list[Row]:
    value, url = value_of(run, "payload")
    if url is not None:
        shown: Line = (Piece("stored separately", Token.FAINT),)
    elif value is ABSENT:
        words = missing_words(run, "payload", progress.stage)
        shown = (Piece(formatting.NONE if words is None else words, Token.FAINT),)
    else:
        shown, _ = inline(value, max(limit - LABEL, 1))
    return _fact("payload", [shown], limit)


def _tags(run: Run, limit: int) -> list[Row]:
    tags = run.state.tags if run.state is not None else ()
    lines = labelled("tags", [(Piece(tag, Token.TEXT),) for tag in tags], limit) if tags else []
    return [Row(line, ("tags", number)) for number, line in enumerate(lines)]


# The page of a group: its sentences, first and last run, tasks, versions, tags, state, and failures a minute.


MAX_NAMES: Final = 5
"""Tasks, versions and tags that have a row each."""

MAX_MESSAGE_ROWS: Final = 8
MAX_REASON_CHARS: Final = 1_000
"""The most that the server accepts."""

_VALUE: Final = 16
_GAP: Final = 2


def group_page(facts: GroupFacts, now: Now, limit: int) -> list[Row]:
    """Return the page in rows of at most `limit` cells."""
    group = facts.group
    folded = (row for line in sentences(facts, now) for row in fold(line, limit))
    blocks = [
        [Row(line, ("sentence", number)) for number, line in enumerate(folded)],
        [*_times(facts, now, limit), *_tasks(facts, limit), *_versions(group, limit)],
        _counted("tags", group.shared_tags, limit, f"of {group.count:,}"),
        _state(facts, now, limit),
        _minutes(facts.minutes, now, limit, is_grey=is_acknowledged(group)),
        _message(group, limit),
    ]
    return spaced(blocks)


def _fact(label: str, lines: Sequence[Line], limit: int, remark: str = "", *, run_id: RunId | None = None) -> list[Row]:
    """Return `label     value           remark` and further lines. A remark that does not fit beside stands below.

    `run_id` is the run that Enter opens.
    """
    room = limit - LABEL
    shown = [cut(line, room) for line in lines]
    note = (Piece(remark, Token.FAINT),)
    if remark and max(_VALUE, line_width(shown[0])) + _GAP + line_width(note) <= room:
        shown[0] = (*pad(shown[0], _VALUE), Piece(" " * _GAP), *note)
    elif remark:
        shown += [(Piece(row, Token.FAINT),) for row in wrap(remark, room)]
    heads = [pad((Piece(text, Token.FAINT),), LABEL) for text in (label, *[""] * len(shown))]
    action = None if run_id is None else GoToRun(run_id)
    return [Row((*heads[number], *line), (label, number), action) for number, line in enumerate(shown)]


def _times(facts: GroupFacts, now: Now, limit: int) -> list[Row]:
    group, first = facts.group, first_known(facts.group)
    # The server knows that there were failures before the span, but not their runs.
    first_run = facts.first_run if first == group.first_seen else None

    def rows(label: str, at: datetime, run_id: RunId | None) -> list[Row]:
        known = "" if run_id is None else plain(short_id(run_id, Token.FAINT))
        return _fact(label, [(Piece(formatting.clock(at, now.at)),)], limit, known, run_id=run_id)

    return [*rows("first", first, first_run), *rows("last", group.last_seen, group.run_ids[0])]


def _tasks(facts: GroupFacts, limit: int) -> list[Row]:
    tasks, known = facts.group.tasks, facts.task_runs
    if len(tasks) != 1:
        return _counted("tasks", tasks, limit)
    failed = formatting.count(tasks[0][1], at_least=not facts.is_complete)
    share = "" if known is None else f"{failed} of {formatting.plural(known, 'run')} failed"
    share += f", not the newest {formatting.count(facts.later_runs)}" if known and facts.later_runs else ""
    return _fact("task", [(Piece(tasks[0][0], Token.TEXT),)], limit, share)


def _versions(group: ErrorGroup, limit: int) -> list[Row]:
    versions, missing = group.versions, group.count - sum(count for _, count in group.versions)
    if len(versions) != 1:
        return _counted("versions", [*versions, ("not known", missing)] if versions and missing else versions, limit)
    known = f"{versions[0][1]:,} of {group.count:,}, {missing:,} not known" if missing else f"all {group.count:,}"
    return _fact("version", [(Piece(versions[0][0], Token.TEXT),)], limit, known if group.count > 1 else "")


def _counted(label: str, names: Sequence[tuple[Raw | str, int]], limit: int, remark: str = "") -> list[Row]:
    """Return a row for each name with its number of runs. Names beyond `MAX_NAMES` are counted."""
    shown = names[:MAX_NAMES]
    width = min(max((line_width((Piece(name),)) for name, _ in shown), default=0), max(limit - LABEL - 12, 8))
    values = [(*fit((Piece(name, Token.TEXT),), width), Piece(f"  {count:,}", Token.TEXT)) for name, count in shown]
    if len(names) > len(shown):
        values.append((Piece(f"and {len(names) - len(shown):,} more", Token.FAINT),))
    return _fact(label, values, limit, remark) if values else []


def _state(facts: GroupFacts, now: Now, limit: int) -> list[Row]:
    group = facts.group
    word = "not known" if group.state is None else STATES[group.state][0] or "unresolved"
    if group.state is ErrorState.NEW:
        word = "unresolved" if group.server_groups else "new"
    reason = "" if facts.detail is None else facts.detail.ignored_reason or ""
    why = wrap(facts.state_problem or reason[:MAX_REASON_CHARS], limit - LABEL)
    value = (Piece(word, Token.MUTED if group.state is None else Token.TEXT),)
    below = _fact("", [(Piece(row, Token.FAINT),) for row in why if row], limit)
    return [*_fact("state", [value], limit, _state_words(group, facts.detail, now.at)), *below]


def _state_words(group: ErrorGroup, detail: ServerGroupDetail | None, now: datetime) -> str:
    """Return what the server says about the state: since when, until when, by whom."""
    theirs = group.server_groups
    many = f"the server counts it as {len(theirs):,} groups" if len(theirs) > 1 else ""
    match group.state:
        case ErrorState.ACKNOWLEDGED if len(theirs) == 1:
            return _acknowledged_words(detail or theirs[0], now)
        case ErrorState.REGRESSED:
            at = max((each.resolved_at for each in theirs if each.is_regressed and each.resolved_at), default=None)
            return f"resolved {formatting.time_of_day(at, now)}, failed again" if at is not None else many
        case _:
            return many


def _acknowledged_words(theirs: ServerErrorGroup, now: datetime) -> str:
    detail = theirs if isinstance(theirs, ServerGroupDetail) else None
    if theirs.status is ServerGroupStatus.RESOLVED:
        by, at = detail and detail.resolved_by, theirs.resolved_at
        words = "resolved" if at is None else f"resolved {formatting.time_of_day(at, now)}"
    else:
        by, until = detail and detail.ignored_by, theirs.ignored_until
        words = "ignored" if until is None else f"ignored until {formatting.time_of_day(until, now)}"
    return words if by is None else f"{words} by {by}"


def _minutes(minutes: Minutes | None, now: Now, limit: int, *, is_grey: bool) -> list[Row]:
    if minutes is None or not minutes.counts:
        return []
    # The last minute may not be over, so its end must not be named yet.
    times = [formatting.time_of_day(at, now.at) for at in (minutes.start, min(minutes.end, now.at))]
    span = "–".join(dict.fromkeys(times))  # one time within the first minute
    bars = series(minutes.counts, Bars(top_of(minutes.counts), Token.GUIDE if is_grey else Token.ROSE))
    return _fact("per min", [(*bars, Piece(f"  {span}", Token.FAINT))], limit)


def _message(group: ErrorGroup, limit: int) -> list[Row]:
    """Return the whole kind of the error, because the list cuts its message."""
    frame = group.kind.frame
    rows = _fact("error", _wrapped(error_line(group.kind), max(limit - LABEL, 2))[:MAX_MESSAGE_ROWS], limit)
    if frame is not None:
        place = frame.file if frame.function is None else f"{frame.function}  {frame.file}"
        rows += _fact("in", [(Piece(place, Token.MUTED),)], limit)
    return rows


def _wrapped(line: Line, limit: int) -> list[Line]:
    """Wrap a type and a message between words. The type keeps its colour if it fits on the first row."""
    rows = wrap(plain(line), limit)
    first, name = rows[0], line[0].text
    head: Line = (line[0], Piece(first[len(name) :])) if first.startswith(name) else (Piece(first),)
    return [head, *((Piece(row),) for row in rows[1:])]


# The texts of the rule above the list of groups, and the sentences in place of an empty list.


WIDE: Final = 96
"""If the rule is at least this wide, it says whether all failed runs were read."""

_MAX_WIDTH: Final = 96
_DOT: Final = Piece(" · ", Token.MUTED)


def groups_right(read: FailuresProgress, shown: int, known: int, above: int, width: int) -> Line:
    """Return `171 failed runs, all read · 8 groups`. `above` groups have appeared above the window."""
    runs = reading_words(read, is_wide=width >= WIDE)
    if not runs:
        return ()
    groups = f"{'' if shown == known else f'{shown:,} of '}{formatting.plural(known, 'group')}"
    line: Line = (*runs, _DOT, Piece(groups, Token.TEXT))
    return (*line, _DOT, Piece(f"{above:,} new", Token.ACCENT)) if above else line


def reading_words(read: FailuresProgress, *, is_wide: bool) -> Line:
    """Return `171 failed runs, all read`, or `120 of 171 runs read`; `≥171` where more may have failed."""
    known = read.known_count
    if known is None:
        return ()
    if read.is_complete:
        noun = f"{'failed ' if is_wide else ''}run{'' if known == 1 else 's'}{', all read' if is_wide else ''}"
        return (Piece(formatting.count(known), Token.TEXT), Piece(f" {noun}", Token.MUTED))
    failed = formatting.count(read.failed_count, at_least=not read.has_all and read.server_count is None)
    # The count is amber, too: a rule that is too narrow for the reason omits it.
    token = Token.AMBER if read.failure else Token.TEXT
    words = (Piece(f"{formatting.count(read.read_count)} of {failed} runs read", token),)
    return (*words, _DOT, Piece(read.failure, Token.AMBER)) if is_wide and read.failure else words


def empty_groups_lines(
    read: FailuresProgress, span_words: str, width: int, *, is_filtered: bool, is_stale: bool
) -> list[Line]:
    """Return the sentences in place of an empty list, in lines of at most `width` cells."""
    found: list[tuple[str, Token]] = []
    if is_filtered:
        found.append(("No groups match. Esc clears the filter.", Token.TEXT))
    elif read.known_count == 0 and read.has_all:
        failed = "No failed run is known" if is_stale else "No run failed"
        found.append((f"{failed} in the {span_words}.", Token.TEXT))
    else:
        if read.failure:
            found.append((f"{read.failure[:1].upper()}{read.failure[1:].rstrip('.')}.{tries_again()}", Token.BRIGHT))
        if read.known_count:
            failed = formatting.plural(read.failed_count, "failed run")
            found.append((f"reading {failed}, {formatting.count(read.read_count)} so far", Token.MUTED))
        elif not read.failure:
            found.append((formatting.LOADING, Token.MUTED))
    room = min(max(width, 20), _MAX_WIDTH)
    return [line for text, token in found for line in ((), *((Piece(row, token),) for row in wrap(text, room)))]


# The two lines about the selected group, where its page is not visible.


_INDENT = "  "
NOTHING_SELECTED = "No group is selected."


def group_summary_lines(facts: GroupFacts, now: Now, width: int) -> tuple[Line, Line]:
    """Return `NEW charge-card  131 of 264 runs  only in 20261126.3`, then the newest run, in at most `width` cells."""
    group, limit = facts.group, width - 1
    state = state_piece(group.state)
    head: Line = (Piece(_INDENT), *((state, Piece(" ")) if group.state is not None and state.text else ()))
    task: Line = (*head, Piece(task_words(group.tasks), Token.BRIGHT, is_bold=True))
    parts = [task, (Piece(facts.share or f"{facts.failed} run{'' if group.count == 1 else 's'}", Token.TEXT),)]
    for words in (version_words(facts), course_words(facts, now)):
        if words and line_width(joined([*parts, (Piece(words),)])) <= limit:
            parts.append((Piece(words, Token.MUTED),))
    return cut(joined(parts), limit), cut(_newest(facts, now), limit)


def _newest(facts: GroupFacts, now: Now) -> Line:
    run = facts.newest
    run_id = facts.group.run_ids[0] if run is None else run.id
    said = () if run is None else tuple((Piece(text, Token.FAINT),) for text in remarks(run, now))
    return joined([(Piece(f"{_INDENT}newest", Token.FAINT),), (Piece(run_id, Token.MUTED),), *said])
