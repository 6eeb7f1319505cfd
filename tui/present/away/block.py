"""The block that says what happened while the user was away: findings, failures by group, counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tui.domain.findings.finding import FindingWord
from tui.domain.status import RunStatus, title_of
from tui.domain.text import Raw, clean
from tui.present import formatting
from tui.present.findings.sentences import day_or_time, short_sentence, subject
from tui.present.styled import Line, Piece, Token, cut, line_width, pad
from tui.store.away.log import Episode
from tui.store.away.report import AwayReport, FailureGroup

TITLE: Final = "while you were away"
CLOSES: Final = "Esc closes"
NOT_WATCHED: Final = "findings are not known: nothing watched them, or the server was silent"
MIN_ROOMY_ROWS: Final = 11
"""With fewer rows there are empty lines only if everything has room beside them."""

_WORD_CELLS: Final = 7
_MAX_NAME_CELLS: Final = 24
_TOKENS: Final = {FindingWord.FAILING: Token.ROSE}
_LEFT: Final = Piece("  ")
_GAP: Final = Piece("  ")
"""A gutter as in the panes."""


def away_lines(report: AwayReport, now: datetime, width: int, rows: int, *, joint: int | None = None) -> list[Line]:
    """Return the block in at most `rows` lines of `width` cells, its rule first. What does not fit is counted.

    `now` has the zone of the times of day. `joint` is the cell of the rule at which a hairline above ends.
    """
    limit = width - 1
    findings = [_episode_line(each, now, report) for each in _worst_first(report.episodes)]
    if not report.was_judged:
        findings.append((_LEFT, Piece(NOT_WATCHED, Token.FAINT)))
    if report.dropped_episodes:
        words = f"  and {formatting.plural(report.dropped_episodes, 'earlier finding')}"
        findings.append((_LEFT, Piece(words, Token.FAINT)))
    groups = [_group_line(each, report) for each in report.groups]
    others = _others(report)
    content = len([*findings, *groups, *others, *_outage_lines(report, now)])
    needed = content + 4 + bool(findings and groups)  # with the rule, the counts, and empty lines
    blank: list[Line] = [()] if rows >= min(needed, MIN_ROOMY_ROWS) else []
    first = [*blank, *_outage_lines(report, now)]
    last = [*blank, _counts_line(report)]
    between = blank if findings and groups else []
    room = rows - 1 - len(first) - len(between) - len(last)
    groups_room = min(len(groups) + len(others), max(room - len(findings), room // 2, 1))
    shown = _fitting(findings, max(room - groups_room, 1), "finding")
    groups = _fitting(groups, max(groups_room - len(others), 1), "error group")
    lines = [*first, *shown, *between, *groups, *others][: rows - 1 - len(last)]
    return [_rule(report, now, width, joint), *(cut(line, limit) for line in [*lines, *last])]


def _rule(report: AwayReport, now: datetime, width: int, joint: int | None) -> Line:
    since, until = day_or_time(report.since, now), formatting.time_of_day(report.until, now)[:5]
    took = formatting.wait(report.until - report.since)
    head: Line = (
        Piece("─ ", Token.LINE),
        Piece(TITLE, Token.BRIGHT, is_bold=True),
        Piece(f" · {since} to {until}, {took} ", Token.MUTED),
    )
    foot: Line = (
        Piece(" "),
        Piece("Esc", Token.ACCENT),
        Piece(CLOSES.removeprefix("Esc"), Token.MUTED),
        Piece(" ─", Token.LINE),
    )
    start = line_width(head)
    room = max(0, width - start - line_width(foot))
    dashes = "─" * room
    if joint is not None and 0 <= (at := joint - start) < room:
        dashes = f"{dashes[:at]}┴{dashes[at + 1 :]}"
    return cut((*head, Piece(dashes, Token.LINE), *foot), width)


def _worst_first(episodes: Sequence[Episode]) -> list[Episode]:
    """Return the findings that are still there first, worst first, then those that went, the last first."""
    words = list(FindingWord)
    still = sorted((each for each in episodes if each.went_at is None), key=lambda each: words.index(each.finding.word))
    went = [(each.went_at, number, each) for number, each in enumerate(episodes) if each.went_at is not None]
    return [*still, *(each for *_, each in sorted(went, reverse=True))]


def _episode_line(episode: Episode, now: datetime, report: AwayReport) -> Line:
    finding = episode.finding
    is_over = episode.went_at is not None
    word = Piece(finding.word, Token.MUTED if is_over else _TOKENS.get(finding.word, Token.AMBER), is_bold=not is_over)
    name = Piece(subject(finding), Token.TEXT if is_over else Token.BRIGHT)
    at = report.until if episode.went_at is None else episode.went_at
    cells = min(_MAX_NAME_CELLS, max(line_width((Piece(subject(each.finding)),)) for each in report.episodes))
    times_cells = max(len(_times(each, now)) for each in report.episodes)
    return (
        _LEFT,
        *pad((word,), _WORD_CELLS),
        _GAP,
        *pad(cut((name,), cells), cells),
        _GAP,
        *pad((Piece(_times(episode, now), Token.TEXT if is_over else Token.BRIGHT),), times_cells),
        _GAP,
        Piece(short_sentence(finding, at, now), Token.FAINT if is_over else Token.MUTED),
    )


def _times(episode: Episode, now: datetime) -> str:
    came = None if episode.came_at is None else day_or_time(episode.came_at, now)
    went = None if episode.went_at is None else day_or_time(episode.went_at, now)
    if went is None:
        return f"came {came}"  # not since: that is when the trouble began
    return f"went {went}" if came is None else f"{came} to {went}"


def _group_line(group: FailureGroup, report: AwayReport) -> Line:
    cells = len(formatting.count(max(each.count for each in report.groups)))
    names = [(Piece(_name(each)),) for each in report.groups]
    name_cells = min(_MAX_NAME_CELLS, max(map(line_width, names)))
    return (
        _LEFT,
        Piece("✗ ", Token.ROSE),
        Piece(f"{formatting.count(group.count):>{cells}}", Token.ROSE, is_bold=True),
        _GAP,
        *pad(cut((Piece(_name(group), Token.BRIGHT),), name_cells), name_cells),
        _GAP,
        Piece(_error(group), Token.MUTED if group.kind is not None else Token.FAINT),
    )


def _name(group: FailureGroup) -> str:
    return formatting.NONE if group.task is None else clean(Raw(group.task))


def _error(group: FailureGroup) -> str:
    if group.kind is None:
        return "its errors were not read"
    name = "" if group.kind.type is None else f"{clean(group.kind.type)}: "
    return f"{name}{clean(group.kind.message)}"


def _others(report: AwayReport) -> list[Line]:
    if not report.ungrouped:
        return []
    return [(_LEFT, Piece(f"  and {formatting.plural(report.ungrouped, 'earlier failed run')}", Token.FAINT))]


def _outage_lines(report: AwayReport, now: datetime) -> list[Line]:
    outage = report.outage
    if outage is None:
        return []
    took = formatting.wait(outage.until - outage.since)
    words = f"no data from {day_or_time(outage.since, now)} to {day_or_time(outage.until, now)}, {took}"
    return [(_LEFT, Piece("~ ", Token.AMBER), Piece(words, Token.AMBER))]


def _counts_line(report: AwayReport) -> Line:
    total = sum(report.counts.values())
    order = sorted(report.counts, key=lambda each: (not each.is_failed, each.value))
    done = RunStatus.COMPLETED_SUCCESSFULLY
    order = [*(each for each in order if each is not done), *(each for each in order if each is done)]
    parts: list[Piece] = []
    for each in order:
        words = f"{formatting.count(report.counts[each])} {title_of(each).lower()}"
        parts += (Piece(" · ", Token.MUTED), Piece(words, Token.ROSE if each.is_failed else Token.MUTED))
    if not total:
        return (_LEFT, Piece("no run ended", Token.MUTED))
    return (_LEFT, Piece(f"{formatting.plural(total, 'run')} ended", Token.TEXT), *parts)


def _fitting(lines: list[Line], room: int, noun: str) -> list[Line]:
    """Return at most `room` lines; the last one counts those that do not fit."""
    if len(lines) <= room:
        return lines
    more = len(lines) - room + 1
    words = f"{formatting.count(more)} more {noun}{'s' if more > 1 else ''}"
    return [*lines[: room - 1], (_LEFT, Piece(f"  {words}", Token.FAINT))]
