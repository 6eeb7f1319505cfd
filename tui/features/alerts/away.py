"""What happened since the user's last key: the log, and the report at the key that ends it."""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.strip import Strip

from tui.domain.error_kinds import ErrorKind, kind_of
from tui.domain.finding import NOT_KNOWN, Finding, FindingWord, TaskFails, Verdict
from tui.domain.run import Run, RunId, RunStatus, TaskId, title_of
from tui.domain.text import clean
from tui.features.alerts.words import WORD_CELLS, finding_cells, subject
from tui.kit.app import AppBase
from tui.kit.lines import Cover
from tui.kit.screen import BaseScreen
from tui.kit.type_ahead import FrameVisibility
from tui.kit.workspace import COVER_ID
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.store.error_groups import known_error
from tui.store.freshness import Gap
from tui.text import formatting
from tui.text.styled import Line, Piece, Token, cut, line_width
from tui.text.table import REST, Spot, placed

# `AwayLog`: what happened since the user's last key. It is bounded, however long the user is away.


MAX_EPISODES: Final = 200
"""At most this many findings that came or went are kept. If there are more, the oldest ones are only counted."""

MAX_FAILURES: Final = 1_000
"""The errors of this many of the newest failed runs are grouped. The other runs are only counted."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A finding while the user was away.

    `came_at` is None if it was there before, `went_at` if it is still there.
    """

    finding: Finding
    came_at: datetime | None = None
    went_at: datetime | None = None


class AwayLog:
    """What happened since `since`. `present` are the findings at that moment, None while they are not known."""

    def __init__(self, since: datetime, present: Iterable[Finding] | None = None) -> None:
        self.since = since
        self.counts: Counter[RunStatus] = Counter()
        """The runs that ended, by their last status."""

        self.failed_ids: deque[RunId] = deque(maxlen=MAX_FAILURES)
        self.dropped_episodes = 0
        self.was_judged = present is not None
        """Whether findings were judged at some time since."""

        self._present: dict[Hashable, Episode] | None = None
        self._ended: deque[Episode] = deque(maxlen=MAX_EPISODES)
        if present is not None:
            self._present = {each.identity: Episode(each) for each in present}

    @property
    def failed_count(self) -> int:
        """The runs that failed for good."""
        return sum(count for status, count in self.counts.items() if status.is_failed)

    @property
    def episodes(self) -> list[Episode]:
        """The findings that came or went, in the order in which they did so first, the last MAX_EPISODES."""
        still = [each for each in (self._present or {}).values() if each.came_at is not None]
        found = sorted([*self._ended, *still], key=lambda each: each.came_at or each.went_at or self.since)
        return found[-MAX_EPISODES:]

    @property
    def has_news(self) -> bool:
        """Whether a finding came or went, or a run failed."""
        return bool(self.failed_count or self._ended or self.episodes)

    def on_changes(self, changes: Changes) -> None:
        """Count the runs that ended. A run that is new counts if it ended since."""
        for step in changes.transitions:
            before, after = step.before, step.after
            if not after.status.is_final or (before is not None and before.status.is_final):
                continue
            state = after.state
            if state is None or (before is None and (state.finished_at or state.updated_at) < self.since):
                continue
            self.counts[after.status] += 1
            if after.status.is_failed:
                self.failed_ids.append(step.run_id)

    def on_verdict(self, verdict: Verdict) -> None:
        """Record the findings that came and went. A verdict that is NOT KNOWN changes nothing.

        While a source is unread, findings do not count as gone.
        """
        if verdict.word == NOT_KNOWN:
            return
        self.was_judged = True
        now = {each.identity: each for each in verdict.findings}
        if self._present is None:
            self._present = {key: Episode(each) for key, each in now.items()}
            return
        present: dict[Hashable, Episode] = dict(self._present) if verdict.unread else {}
        for key, finding in now.items():
            known = self._present.get(key)
            present[key] = Episode(finding, verdict.at if known is None else known.came_at)
        for gone in (each for key, each in self._present.items() if key not in present):
            self.dropped_episodes += len(self._ended) == MAX_EPISODES
            self._ended.append(Episode(gone.finding, gone.came_at, verdict.at))
        self._present = present

    @property
    def present(self) -> list[Finding] | None:
        """The findings now, None while they are not known."""
        return None if self._present is None else [each.finding for each in self._present.values()]


# `AwayReport`: the content of a log at the key that ends it. It does not change after that.


RESTED_FOR: Final = timedelta(minutes=10)
"""The user counts as away after this time without a key."""

OUTAGE_FOR: Final = timedelta(minutes=1)
"""If an outage lasts longer than this and no key comes, the user counts as away, too."""

MAX_GROUPED: Final = 200
"""The errors of this many of the newest failed runs are grouped at a key. More would delay the key."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed runs of one task and one kind of error. `kind` is None if their errors were not read."""

    task: TaskId | None
    kind: ErrorKind | None
    count: int


@dataclass(frozen=True, slots=True)
class AwayReport:
    """What happened from `since` to `until`.

    `groups` are sorted by their counts; `ungrouped` failed runs are in none. `was_judged`: findings were known.
    """

    since: datetime
    until: datetime
    counts: Mapping[RunStatus, int]
    episodes: tuple[Episode, ...] = ()
    dropped_episodes: int = 0
    groups: tuple[FailureGroup, ...] = ()
    ungrouped: int = 0
    outage: Gap | None = None
    was_judged: bool = True


def is_due(log: AwayLog, now: datetime, rested: timedelta, outage: Gap | None, *, rest: timedelta = RESTED_FOR) -> bool:
    """Return whether a key shows the report: the user was away, and something has happened."""
    has_rested = rested >= rest
    if outage is not None and not has_rested:
        has_rested = min(outage.until, now) - max(outage.since, log.since) > OUTAGE_FOR
    return has_rested and log.has_news


def report_of(log: AwayLog, get: Callable[[RunId], Run | None], now: datetime, outage: Gap | None) -> AwayReport:
    """Return the report of a log. `get` returns the runs, since their errors may have been read after they failed."""
    found: dict[tuple[str, str], FailureGroup] = {}
    newest = list(log.failed_ids)[-MAX_GROUPED:]
    for run_id in newest:
        run = get(run_id)
        error, task = (None, None) if run is None else (known_error(run), run.fixed.task)
        kind = None if error is None else kind_of(error)
        key = (task or "", kind.fingerprint if kind is not None else "")
        found[key] = FailureGroup(task, kind, found[key].count + 1 if key in found else 1)
    groups = tuple(group for _, group in sorted(found.items(), key=lambda item: (-item[1].count, item[0])))
    ended, episodes, ungrouped = dict(log.counts), tuple(log.episodes), log.failed_count - len(newest)
    seen = outage if outage is not None and outage.until > log.since else None
    return AwayReport(log.since, now, ended, episodes, log.dropped_episodes, groups, ungrouped, seen, log.was_judged)


# The block that says what happened while the user was away: findings, failures by group, counts.


TITLE: Final = "while you were away"
OPENED: Final = "that key only opened this"
NOT_WATCHED: Final = "findings not known: nothing was checked, or the server did not answer"
MIN_ROOMY_ROWS: Final = 11
"""If there are fewer rows, empty lines are left out unless everything has room."""

_MAX_NAME_CELLS: Final = 24
_LEFT: Final = Piece("  ")
"""A gutter as in the panes."""


def away_lines(report: AwayReport, now: datetime, width: int, rows: int, *, joint: int | None = None) -> list[Line]:
    """Return the block in at most `rows` lines of `width` cells, its rule first. What does not fit is counted.

    `now` has the zone of the times of day. `joint` is the cell of the rule at which a hairline above ends.
    """
    limit = width - 1 - line_width((_LEFT,))
    findings = _episode_lines(report, now, limit)
    if not report.was_judged:
        findings.append((Piece(NOT_WATCHED, Token.FAINT),))
    if report.dropped_episodes:
        findings.append(_earlier(report.dropped_episodes, "finding"))
    groups = _group_lines(report, limit)
    others = [_earlier(report.ungrouped, "failed run")] if report.ungrouped else []
    outage = _outage_lines(report, now)
    content = len([*findings, *groups, *others, *outage])
    needed = content + 4 + bool(findings and groups)  # with the rule, the counts, and empty lines
    blank: list[Line] = [()] if rows >= min(needed, MIN_ROOMY_ROWS) else []
    first, last = [*blank, *outage], [*blank, _counts_line(report)]
    between = blank if findings and groups else []
    room = rows - 1 - len(first) - len(between) - len(last)
    groups_room = min(len(groups) + len(others), max(room - len(findings), room // 2, 1))
    shown = _fitting(findings, max(room - groups_room, 1), "finding")
    groups = _fitting(groups, max(groups_room - len(others), 1), "error group")
    lines = [*[*first, *shown, *between, *groups, *others][: rows - 1 - len(last)], *last]
    return [_rule(report, now, width, joint), *((_LEFT, *cut(line, limit)) if line else () for line in lines)]


def _earlier(count: int, noun: str) -> Line:
    return (Piece(f"  and {formatting.plural(count, f'earlier {noun}')}", Token.FAINT),)


def _rule(report: AwayReport, now: datetime, width: int, joint: int | None) -> Line:
    took = formatting.wait(report.until - report.since)
    when = Piece(f" · {formatting.time_span(report.since, report.until, now)}, {took} ", Token.MUTED)
    head: Line = (Piece("─ ", Token.LINE), Piece(TITLE, Token.BRIGHT, is_bold=True), when)
    foot: Line = (Piece(" Esc", Token.ACCENT), Piece(" closes", Token.MUTED), Piece(" ─", Token.LINE))
    start = line_width(head)
    room = max(0, width - start - line_width(foot))
    dashes = "─" * room
    if joint is not None and 0 <= (at := joint - start) < room:
        dashes = f"{dashes[:at]}┴{dashes[at + 1 :]}"
    return cut((*head, Piece(dashes, Token.LINE), *foot), width)


def _worst_first(episodes: Sequence[Episode]) -> list[Episode]:
    """Return the findings that are still there, worst first, then those that went, the latest first."""
    words = list(FindingWord)
    still = sorted((each for each in episodes if each.went_at is None), key=lambda each: words.index(each.finding.word))
    went = [(each.went_at, number, each) for number, each in enumerate(episodes) if each.went_at is not None]
    return [*still, *(each for *_, each in sorted(went, reverse=True))]


def _episode_lines(report: AwayReport, now: datetime, limit: int) -> list[Line]:
    episodes = [(each, _times(each, now)) for each in _worst_first(report.episodes)]
    layout = (
        Spot("word", WORD_CELLS, gap=2),
        Spot("name", _name_cells(subject(each.finding) for each, _ in episodes), gap=2),
        Spot("times", max((len(times) for _, times in episodes), default=0), gap=2),
        Spot("short", 0, REST),
    )
    lines: list[Line] = []
    for episode, times in episodes:
        finding, is_over = episode.finding, episode.went_at is not None
        strong, weak = (Token.TEXT, Token.FAINT) if is_over else (Token.BRIGHT, Token.MUTED)
        cells = finding_cells(finding, episode.went_at or report.until, now, is_old=is_over)
        cells |= {"name": (Piece(subject(finding), strong),), "times": (Piece(times, strong),)}
        # The runs are counted from the begin of the trouble, which may be before the finding came.
        counted = isinstance(finding.evidence, TaskFails)
        begin = f" since {formatting.time_of_day(finding.since, now)}" if counted else ""
        lines.append(placed(layout, limit, cells | {"short": (Piece(f"{cells['short'][0].text}{begin}", weak),)}))
    return lines


def _name_cells(names: Iterable[str]) -> int:
    return min(_MAX_NAME_CELLS, max((line_width((Piece(name),)) for name in names), default=0))


def _times(episode: Episode, now: datetime) -> str:
    came, went = episode.came_at, episode.went_at
    if came is not None and went is not None:
        return formatting.time_span(came, went, now)
    verb, at = ("seen", came) if went is None else ("gone", went)  # not `since`, the time when the trouble began
    return verb if at is None else f"{verb} {formatting.time_of_day(at, now)}"


def _group_lines(report: AwayReport, limit: int) -> list[Line]:
    groups = [(each, formatting.count(each.count), each.task or formatting.NONE) for each in report.groups]
    layout = (
        Spot("mark", 1),
        Spot("count", max((len(count) for _, count, _ in groups), default=0), align="right", gap=2),
        Spot("name", _name_cells(name for *_, name in groups), gap=2),
        Spot("error", 0, REST),
    )
    lines: list[Line] = []
    for group, count, name in groups:
        error = Piece("its errors were not read", Token.FAINT)
        if group.kind is not None:
            kind = "" if group.kind.type is None else f"{clean(group.kind.type)}: "
            error = Piece(f"{kind}{clean(group.kind.message)}", Token.MUTED)
        cells = {
            "mark": (Piece("✗", Token.ROSE),),
            "count": (Piece(count, Token.ROSE, is_bold=True),),
            "name": (Piece(name, Token.BRIGHT),),
            "error": (error,),
        }
        lines.append(placed(layout, limit, cells))
    return lines


def _outage_lines(report: AwayReport, now: datetime) -> list[Line]:
    outage = report.outage
    if outage is None:
        return []
    took = formatting.wait(outage.until - outage.since)
    return [(Piece(f"~ no data {formatting.time_span(outage.since, outage.until, now)}, {took}", Token.AMBER),)]


def _counts_line(report: AwayReport) -> Line:
    total = sum(report.counts.values())
    done = RunStatus.COMPLETED_SUCCESSFULLY
    parts = [Piece(f"{formatting.plural(total, 'run')} ended", Token.TEXT)]
    for each in sorted(report.counts, key=lambda each: (each is done, not each.is_failed, each.value)):
        words = f"{formatting.count(report.counts[each])} {title_of(each).lower()}"
        parts += (Piece(" · ", Token.MUTED), Piece(words, Token.ROSE if each.is_failed else Token.MUTED))
    return tuple(parts) if total else (Piece("no run ended", Token.MUTED),)


def _fitting(lines: list[Line], room: int, noun: str) -> list[Line]:
    """Return at most `room` lines; the last one counts those that do not fit."""
    if len(lines) <= room:
        return lines
    words = formatting.plural(len(lines) - room + 1, f"more {noun}")
    return [*lines[: room - 1], (Piece(f"  {words}", Token.FAINT),)]


# Nothing is computed until the key that ends the rest, and no timer runs.


_QUITS: Final = frozenset({"ctrl+q", "ctrl+c"})
_REFRESHES: Final = ("r", "f5", "ctrl+r")


class WhileAway:
    """The log of an app since the last key, and the block that shows it."""

    def __init__(self, app: AppBase, *, rest: timedelta = RESTED_FOR) -> None:
        """`rest`: the user counts as away after this time without a key."""
        self._app = app
        self._rest = rest
        self._session = app.session
        self._log = AwayLog(self._session.now())
        self._rested_since_s = self._session.clock.elapsed_s()
        self._verdict: Verdict | None = None
        self._block: AwayBlock | None = None
        self._screen: BaseScreen | None = None
        self._is_seen = True
        """Whether the terminal has shown the block."""
        self._session.subscribe(self._on_changes)

    def takes(self, key: str) -> bool:
        """Record a key. Return whether it only shows the block, or is ignored because the block was not seen yet."""
        acts = key in _QUITS or key in self._app.keys.get("refresh", _REFRESHES)
        if self._screen is not None and self._screen not in self._app.screen_stack:
            self._block = self._screen = None
        report = self._report_at_key()
        if self._screen is not None and not self._is_seen:
            if self._app.screen is self._screen:
                return not acts
            self._is_seen = True  # a dialog has come before it
        screen = self._app.screen
        if report is None or not isinstance(screen, BaseScreen) or screen.prompt.is_open:
            return False
        self._show(screen, report)
        if not acts:
            screen.say(OPENED)
        return not acts

    def close(self) -> bool:
        """Close the block of the screen in front. Return whether there was one."""
        if self._block is None or self._screen is not self._app.screen:
            return False
        block, screen = self._block, self._screen
        self._block = self._screen = None
        screen.workspace.uncover()
        block.remove()
        return True

    def _on_changes(self, changes: Changes) -> None:
        # The session calls this, also during a pause.
        self._log.on_changes(changes)
        verdict = self._session.store.verdict
        if verdict is not None and verdict is not self._verdict and self._session.findings.is_judged:
            self._verdict = verdict
            self._log.on_verdict(verdict)

    def _report_at_key(self) -> AwayReport | None:
        """Begin another log. Return the report of the last one if it is to be shown."""
        session, log = self._session, self._log
        now, elapsed_s = session.now(), session.clock.elapsed_s()
        rested, self._rested_since_s = timedelta(seconds=elapsed_s - self._rested_since_s), elapsed_s
        self._log = AwayLog(now, log.present if session.findings.is_judged else None)
        if not log.has_news:
            return None
        outage = self._outage()
        if not is_due(log, now, rested, outage, rest=self._rest):
            return None
        return report_of(log, session.store.get, now, outage)

    def _outage(self) -> Gap | None:
        """Return the last outage, or the present one."""
        live = self._app.live
        freshness = live.freshness
        if freshness.is_stale and freshness.confirmed_at is not None:
            return Gap(freshness.confirmed_at, self._session.now())
        return live.freshness_tracker.gap

    def _show(self, screen: BaseScreen, report: AwayReport) -> None:
        self.close()
        now = self._session.local_now()
        self._block, self._screen, self._is_seen = AwayBlock(report, now), screen, False
        screen.workspace.cover(self._block, len(away_lines(report, now, screen.size.width, MAX_ROWS)))
        screen.call_after_refresh(self._ask_terminal, self._block)

    def _ask_terminal(self, block: "AwayBlock") -> None:
        if block is not self._block:
            return
        if self._app.screen is self._screen:
            self._app.type_ahead.begin(self._on_visibility)
        else:
            self._is_seen = True  # a dialog came at once, and asks for itself

    def _on_visibility(self, visibility: FrameVisibility) -> None:
        # From a terminal that never answers, it is not known either after some seconds.
        self._is_seen = self._is_seen or visibility is not FrameVisibility.WAITING


# `AwayBlock`: the lines about what happened, over the lower part of a view.


MAX_ROWS: Final = 1_000


class AwayBlock(Cover):
    """Shows one report. It never changes by itself. `now` has the zone of the times of day."""

    def __init__(self, report: AwayReport, now: datetime) -> None:
        super().__init__(id=COVER_ID)
        self._report = report
        self._now = now
        self._lines: list[Line] = []
        self._joint: int | None = None

    def on_resize(self) -> None:
        width, height = self.size
        self._lines = away_lines(self._report, self._now, width, height, joint=self._joint)
        self.refresh()

    def join(self, joint: int | None) -> None:
        if joint != self._joint:
            self._joint = joint
            if self.size:
                self.on_resize()

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return self.painter.strip(line, self.size.width)
