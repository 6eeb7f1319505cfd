"""The findings of the wall: the verdict in letters, a line for each finding, and the four series of the hour."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, assert_never

from tui.domain.facts import FactSource
from tui.domain.finding import (
    NOT_KNOWN,
    OK,
    ApprovalWaits,
    Finding,
    FindingWord,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.text import clean
from tui.features.alerts.words import (
    CALM,
    FINDING_TOKENS,
    day_or_time,
    limit_words,
    ok_sentence,
    ok_words,
    quiet_words,
    sentence,
    short_sentence,
    since,
    since_words,
    unread_sentence,
)
from tui.features.queues.words import standstill_text
from tui.features.wall.blocks import (
    LETTER_ROWS,
    NUMBER_ROWS,
    Band,
    BlockRow,
    Opened,
    PlacedLine,
    WallView,
    aged,
    big_number,
    big_word,
    block_rule,
    run_target,
    series,
    series_bars,
    span_words,
    time_marks,
    two_row_series,
)
from tui.store.findings.rows import FourLines, QueueRow
from tui.store.findings.rows import Line as Series
from tui.text import formatting
from tui.text.blocks import ListRuns
from tui.text.formatting import brief_duration, waited
from tui.text.styled import Line, Piece, Token, cut, line_width, wrap

# The number of a finding that is read across a room, and its unit in words. `features.alerts.words` has the sentences.


class Headline(NamedTuple):
    """A number that is read across a room, and two short lines that explain it."""

    number: str
    what: str
    more: str


def headline(finding: Finding, at: datetime, now: datetime) -> Headline:
    """Return the number of a finding. `at` is the time of running durations, `now` has the zone of times of day."""
    since = since_words(finding, now)
    match finding.evidence:
        case TaskFails() as fails:
            quiet = quiet_words(finding, at, now)
            only = f", only in {fails.only_version}" if fails.only_version else ""
            what = f"of {formatting.count(fails.ended)} runs failed"
            return Headline(formatting.count(fails.failed), what, f"{since}{quiet}{only}")
        case QueueWaits() as queue:
            limit = f", limit {queue.running}/{queue.limit}" if queue.is_at_limit else ""
            still = queue.standstill  # it may have begun at another time than the oldest wait
            more = f"{since}{limit}" if still is None else standstill_text(still, at, now)
            what = f"wait, the oldest {waited(at - queue.oldest_at)}"
            return Headline(formatting.count(queue.queued), what, more)
        case TaskSlow() as slow:
            return Headline(brief_duration(slow.p95), f"is its p95, usually {brief_duration(slow.normal_p95)}", since)
        case ScheduleMissed(due_at=due_at):
            return Headline(waited(at - due_at), "late, no run", f"due at {day_or_time(due_at, now)}")
        case RunOverdue() as overdue:
            p95 = "not known" if overdue.p95 is None else brief_duration(overdue.p95)
            return Headline(waited(at - overdue.started_at), f"executing, its p95 is {p95}", since)
        case RunHangs(title=title):
            return Headline(waited(at - finding.since), clean(title).lower(), since)
        case ApprovalWaits() as approval:
            what = ", ".join(approval.tags) or "somebody"
            return Headline(waited(at - approval.created_at), f"waiting for {what}", since)
        case _:
            assert_never(finding.evidence)


# The four series of the wall: done, failed, queued, running, on one axis, with their figures and the deploy.


_FIGURE_ENDS: Final = (9, 20, 31, 42)
"""Where the figures end, in cells from the end of the series."""

WIDE: Final = 110


class HourForm(NamedTuple):
    """How the series stand: the width, one or two rows each, and whether a row below them marks the deploy."""

    width: int
    is_tall: bool = False
    has_deploy: bool = False

    @property
    def rows(self) -> int:
        """The rows of the block with its rule."""
        return 1 + (8 if self.is_tall else 4) + self.has_deploy


class _Named(NamedTuple):
    name: str
    line: Series
    is_level: bool


def hour_block(view: WallView, form: HourForm) -> list[BlockRow]:
    """Return the block of the four series."""
    lines, width = view.board.lines, form.width
    is_wide = width >= WIDE
    at = (13 if form.is_tall else 14) if is_wide else 19
    room = width - at - (_FIGURE_ENDS[1] + 1 if is_wide else 1)
    cells = min(lines.span.count, room)
    repeat = min(2, max(1, (width - at - _FIGURE_ENDS[3] - 3) // cells)) if is_wide else 1
    end = at + cells * repeat
    span = span_words(lines.span, cells, view.now, is_earlier=view.is_earlier)
    ends = [end + form.is_tall + each for each in _FIGURE_ENDS if end + each < width - 1] if is_wide else []
    heads = list(zip(ends, ("now", span if len(span) < 11 else "in all", "normal", "last 24h"), strict=False))
    old = (FactSource.NORMALS, None) if len(ends) > 2 else ()
    title = aged((Piece(span, Token.TEXT),), view, *old)
    marks = time_marks(lines.span, at, cells, repeat, view.now)
    rows = [block_rule(title, width, view.look, marks=marks, heads=heads, is_stale=view.is_stale)]
    placing = _Placing(at, cells, repeat, ends)
    for each in (
        _Named("done", lines.done, is_level=False),
        _Named("failed", lines.failed, is_level=False),
        _Named("queued", lines.queued, is_level=True),
        _Named("running", lines.running, is_level=True),
    ):
        rows += _series_rows(each, view, placing, form)
    if form.has_deploy:
        rows.append(_deploy_row(lines, view.now, placing, form))
    return [BlockRow(row) for row in rows]


class _Placing(NamedTuple):
    at: int
    cells: int
    repeat: int
    ends: Sequence[int]


def _series_rows(each: _Named, view: WallView, placing: _Placing, form: HourForm) -> list[Line]:
    cells = each.line.cells[-placing.cells :]
    abnormal = () if view.is_stale else each.line.is_abnormal[-placing.cells :]
    bars = series_bars(each.name, cells, each.line.normal, is_stale=view.is_stale, repeat=placing.repeat)
    drawn: Sequence[Line] = (series(cells, bars, view.look, abnormal),)
    if form.is_tall:
        drawn = two_row_series(cells, bars, view.look, abnormal)
    rows = [PlacedLine() for _ in drawn]
    last = rows[-1]
    last.put(2, (Piece(each.name, Token.FAINT),))
    now = _now(each, view)
    if not placing.ends:
        last.right(17, (now,))
    for row, bar in zip(rows, drawn, strict=True):
        row.put(placing.at, bar)
    if placing.ends and not view.is_stale:
        for end, piece in zip(placing.ends, (now, *_totals(each)), strict=False):
            last.right(end, (piece,))
    elif placing.ends:
        last.right(placing.ends[0], (now,))
    return [row.line(form.width) for row in rows]


def _now(each: _Named, view: WallView) -> Piece:
    """Return the newest figure: amber and rose where it is not normal, `~` and grey where it is old."""
    number = each.line.now
    if view.is_stale:
        text = "" if not each.is_level or number is None else f"{formatting.count(round(number))}~"
        return Piece(text, Token.MUTED)
    if number is None:
        return Piece(formatting.NONE, Token.FAINT)
    text = f"{number:.1f}" if not each.is_level and 0 < number < 1 else formatting.count(round(number))
    if not each.is_level:
        text = f"{text}/min" if number else ""
    is_abnormal = bool(each.line.is_abnormal) and each.line.is_abnormal[-1]
    token = Token.BRIGHT
    if each.name == "failed" and number:
        token = Token.ROSE
    elif is_abnormal and each.name != "done":
        token = Token.AMBER
    return Piece(text, token, is_bold=token in {Token.ROSE, Token.AMBER})


def _totals(each: _Named) -> tuple[Piece, ...]:
    line, max_word = each.line, "max " if each.is_level else ""
    values = (line.in_span, None if line.normal is None else round(line.normal), line.last_day)
    return tuple(
        Piece(
            formatting.NONE if value is None else f"{max_word}{formatting.count(value)}",
            Token.FAINT if value is None else Token.TEXT if index == 0 else Token.MUTED,
        )
        for index, value in enumerate(values)
    )


def _deploy_row(lines: FourLines, now: datetime, placing: _Placing, form: HourForm) -> Line:
    """Return the marks of the deploys below their cells. The newest one is named."""
    row = PlacedLine()
    first = lines.span.start + (lines.span.count - placing.cells) * lines.span.cell
    newest = max(lines.deployments, key=lambda each: each.deployed_at, default=None)
    for deployment in sorted(lines.deployments, key=lambda each: each.deployed_at):
        cell = (deployment.deployed_at - first) // lines.span.cell
        if not 0 <= cell < placing.cells:
            continue
        x = placing.at + cell * placing.repeat
        mark = Piece("┆", Token.GUIDE)
        words = f"{deployment.version} deployed"
        if form.is_tall:
            words += f" {formatting.time_of_day(deployment.deployed_at, now)}"
        name: Line = (Piece(words, Token.FAINT),) if deployment is newest else ()
        is_left = x + 1 + line_width(name) > form.width
        if is_left and x - line_width(name) >= row.width:
            row.put(x - line_width(name), (*name, mark))
        elif x >= row.width:
            row.put(x, (mark, *name), form.width - x)
    return row.line(form.width)


# The findings of the wall: one line each, with a band behind the worst; and the one verdict in letters.


MAX_LINES: Final = 4
LETTERS_HEIGHT: Final = 9
"""The rows of the verdict in letters, with the empty ones above and below."""

_WORD_AT: Final = 2
_MARGIN: Final = 2


def verdict_word(view: WallView) -> str:
    """Return the one word. OK needs a verdict, and an answer that is not too old."""
    verdict = view.board.verdict
    if not view.is_known or verdict is None or not verdict.is_known:
        return NOT_KNOWN
    return verdict.word


def verdict_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the findings in at most four lines, after NOT KNOWN where they are old."""
    verdict = view.board.verdict
    findings = () if verdict is None else verdict.findings
    word = verdict_word(view)
    if word == OK and verdict is not None:
        return [BlockRow(_ok_line(verdict, view, width), key=OK)]
    if word == NOT_KNOWN:
        unknown = BlockRow(_not_known(_unknown_words(view), width), Band.AMBER)
        return [unknown, *_finding_rows(findings, view, width, is_old=True)]
    unread = _unread_rows(verdict, view, width)
    return [*_finding_rows(findings, view, width, is_old=False, most=MAX_LINES - len(unread)), *unread]


def letter_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the verdict in letters, three numbers beside it, and the other findings below it."""
    word, verdict = verdict_word(view), view.board.verdict
    findings = () if verdict is None else verdict.findings
    is_known = word != NOT_KNOWN
    first = findings[0] if is_known and findings else None
    token = Token.TEXT if word == OK else Token.AMBER if first is None else FINDING_TOKENS[first.word]
    band = Band.NONE if word == OK else Band.FAILING if word == FindingWord.FAILING else Band.AMBER
    if first is not None and first.identity in view.fresh:
        band = Band.NEW
    rows = [PlacedLine() for _ in range(LETTERS_HEIGHT)]
    letters = big_word(word)
    for row, text in zip(rows[1 : 1 + LETTER_ROWS], letters, strict=True):
        row.put(3, (Piece(text, token),))
    at = max(3 + len(letters[0]) + 4, width * 46 // 100)
    _put_subject(rows, at, view, first, width - (60 if is_known else 0) - at - 2)
    if is_known:
        _put_numbers(rows, view, width - 60)
    key = None if first is None else ("finding", first.identity)
    opens = None if first is None else _opened(first)
    lines = [row.line(width) for row in rows]
    shown = [BlockRow(lines[0], band), BlockRow(lines[1], band, key, opens)]
    shown += [BlockRow(line, band) for line in lines[2:]]
    rest = findings[1:] if first is not None else findings
    others = _finding_rows(rest, view, width, is_old=not is_known, most=MAX_LINES - 1, is_behind_first=True)
    return [*shown, *others, *(_unread_rows(verdict, view, width) if first is not None else ())]


def _finding_rows(
    findings: Sequence[Finding],
    view: WallView,
    width: int,
    *,
    is_old: bool,
    most: int = MAX_LINES,
    is_behind_first: bool = False,
) -> list[BlockRow]:
    shown = findings if len(findings) <= most else findings[: most - 1]
    rows: list[BlockRow] = []
    bands = {Token.ROSE: Band.FAILING, Token.AMBER: Band.AMBER}
    if is_behind_first:
        bands.pop(Token.ROSE)
    for finding in shown:
        band = Band.NONE if is_old else bands.pop(FINDING_TOKENS[finding.word], Band.NONE)
        if finding.identity in view.fresh and not is_old:
            band = Band.NEW
        line = _finding_line(finding, view, width, is_old=is_old)
        rows.append(BlockRow(line, band, ("finding", finding.identity), _opened(finding)))
    if len(shown) < len(findings):
        rows.append(BlockRow(_others_line(findings[len(shown) :], is_old=is_old)))
    return rows


def _unread_rows(verdict: Verdict | None, view: WallView, width: int) -> list[BlockRow]:
    """Return the row that says what is not known beside the findings, if anything is."""
    if verdict is None or not verdict.unread:
        return []
    return [BlockRow(_not_known(unread_sentence(verdict, view.now), width))]


def _finding_line(finding: Finding, view: WallView, width: int, *, is_old: bool) -> Line:
    is_wide = width >= WIDE
    line = PlacedLine()
    token = Token.MUTED if is_old else FINDING_TOKENS[finding.word]
    line.put(_WORD_AT, (Piece(finding.word.value, token, is_bold=not is_old),))
    name_at = _WORD_AT + 8 + (2 if width >= 180 else 1)
    name_cells = 26 if width >= 150 else 16 if is_wide else 15 if width >= 72 else 12
    begun = since(finding, view.now)
    end: Line = (Piece(f"since {begun}" if is_wide else begun, Token.FAINT if is_old else Token.MUTED),)
    name = Piece(finding.subject.name, Token.MUTED if is_old else Token.BRIGHT, is_bold=not is_old)
    line.put(name_at, (name,), name_cells)
    words_at = name_at + name_cells + 1
    say = sentence if is_wide else short_sentence
    words = say(finding, view.timers_at, view.now, is_frozen=is_old)
    room = width - _MARGIN - line_width(end) - 2 - words_at
    line.put(words_at, (Piece(words, Token.FAINT if is_old else Token.TEXT),), room)
    line.right(width - _MARGIN, end)
    return line.line(width)


def _others_line(others: Sequence[Finding], *, is_old: bool) -> Line:
    counts = Counter(finding.word for finding in others)
    pieces = [Piece("  "), Piece(f"and {formatting.count(len(others))} more", Token.MUTED)]
    for word, count in counts.items():
        token = Token.FAINT if is_old else FINDING_TOKENS[word]
        pieces += [Piece("   "), Piece(word.value, token), Piece(f" {formatting.count(count)}", Token.MUTED)]
    return tuple(pieces)


def _ok_line(verdict: Verdict, view: WallView, width: int) -> Line:
    head: Line = (Piece("  "), Piece("✓", Token.GREEN), Piece(f" {ok_words(verdict)}", Token.TEXT))
    if limit_words(verdict):
        words, gap = _limits(verdict), 3
    else:
        words, gap = CALM if width < WIDE else ok_sentence(verdict, view.now), 7
    return cut((*head, Piece(" " * gap), Piece(words, Token.MUTED)), width - _MARGIN)


def _limits(verdict: Verdict) -> str:
    """Return which sources the key may not read, or that not all runs are listed."""
    return "not " + ", ".join(source for source, _ in verdict.refused) if verdict.refused else CALM


def _not_known(text: str, width: int) -> Line:
    word = Piece(NOT_KNOWN, Token.AMBER, is_bold=True)
    return cut((Piece("  "), word, Piece(f"  {text}", Token.TEXT)), width - _MARGIN)


def _unknown_words(view: WallView) -> str:
    if view.heard_at is None:
        return "nothing was read yet"
    verdict = view.board.verdict
    if view.is_known and verdict is not None and verdict.is_known and verdict.unread:
        return unread_sentence(verdict, view.now)
    if view.is_known:
        return "what was read is not judged yet"
    since = formatting.time_of_day(view.heard_at, view.now)
    silent = formatting.duration(view.now - view.heard_at)
    below = "; below is what was known at " + since if view.board.verdict and view.board.verdict.findings else ""
    return f"nothing was heard for {silent}{below}"


def _opened(finding: Finding) -> Opened:
    if finding.subject.kind is SubjectKind.QUEUE:
        return ListRuns(finding.filter_text, queue=finding.subject.key)
    return run_target(finding.run_id, finding.filter_text)


def _put_subject(rows: Sequence[PlacedLine], at: int, view: WallView, first: Finding | None, room: int) -> None:
    """Put the subject of the worst finding beside the letters: its name, its number, two to four lines about it."""
    if first is None:
        is_unknown = verdict_word(view) == NOT_KNOWN
        words, verdict = "", view.board.verdict
        if is_unknown:
            words = _unknown_words(view)
            heard_at = None if view.is_known else view.heard_at
            since = "" if heard_at is None else f" since {formatting.time_of_day(heard_at, view.now)}"
            rows[1].put(at, (Piece(f"{NOT_KNOWN}{since}", Token.BRIGHT, is_bold=True),), room)
        elif verdict is not None:
            limit = limit_words(verdict)
            words = f"{limit}; {_limits(verdict)}" if limit else ok_sentence(verdict, view.now)
        halves = wrap(words.replace("; ", ";\n"), room) if len(words) > room else [words]
        for row, text in zip(rows[4:], halves, strict=False):
            row.put(at, (Piece(text, Token.TEXT),), room)
        return
    said = headline(first, view.timers_at, view.now)
    rows[1].put(at, (Piece(first.subject.name, Token.BRIGHT, is_bold=True),), room)
    _put_number(rows, at, said.number, Token.BRIGHT, view)
    x = at + (len(said.number) if view.look.is_ascii else len(big_number(said.number)[0])) + 2
    beside = at + room - x
    parts = ([text] if len(text) <= beside else text.split(", ", 1) for text in (said.what, said.more))
    lines = [text for part in parts for text in part]
    for row, text in zip(rows[7 - len(lines) : 7], lines, strict=True):
        row.put(x, (Piece(text, Token.TEXT),), beside)


def _put_number(rows: Sequence[PlacedLine], x: int, text: str, token: Token, view: WallView) -> None:
    """Put a number in half blocks, from the fourth row on. In ASCII it is plain text."""
    if view.look.is_ascii or not big_number(text)[0]:
        rows[5].put(x, (Piece(text, token, is_bold=True),))
        return
    for row, part in zip(rows[3 : 3 + NUMBER_ROWS], big_number(text), strict=True):
        row.put(x, (Piece(part, token),))


def _put_numbers(rows: Sequence[PlacedLine], view: WallView, x: int) -> None:
    lines, minutes = view.board.lines, view.board.lines.span.cell.total_seconds() / 60 * view.board.lines.span.count
    usual = lines.done.normal / minutes if lines.done.normal is not None else None
    oldest = max((_waits(view, row) for row in view.board.queues), key=lambda each: each[0], default=(-1.0, ""))
    is_waiting = bool(lines.queued.is_abnormal) and lines.queued.is_abnormal[-1]
    level = Token.AMBER if is_waiting else Token.TEXT
    # Whether it is known of each queue that no run waits in it. A paused queue does not count.
    nothing_waits = bool(view.board.queues) and all(row.is_paused or row.queued == 0 for row in view.board.queues)
    numbers = (
        ("done/min", _whole(lines.done.now), Token.TEXT, usual),
        ("queued", _whole(lines.queued.now), level, lines.queued.normal),
        ("oldest waits", oldest[1] or ("0s" if nothing_waits else ""), level, None),
    )
    for index, (title, text, token, normal) in enumerate(numbers):
        at = x + 20 * index
        rows[1].put(at, (Piece(title, Token.MUTED),))
        _put_number(rows, at, text or formatting.NONE, token if text else Token.FAINT, view)
        if normal is not None:
            rows[7].put(at, (Piece(f"normal {formatting.count(round(normal))}", Token.MUTED),))


def _waits(view: WallView, row: QueueRow) -> tuple[float, str]:
    if row.is_paused or row.oldest_at is None or not row.queued:
        return -1.0, ""
    lasts = view.since(row.oldest_at)
    text = waited(lasts, in_minutes=view.is_slow_link)
    # Three signs at most fit in their place; hours need no minutes here.
    return lasts.total_seconds(), text if len(text) <= 3 else brief_duration(lasts).partition("h")[0] + "h"


def _whole(number: float | None) -> str:
    if number is None:
        return ""
    whole = round(number)
    return f"{whole}" if whole < 10_000 else f"{whole // 1000}k"
