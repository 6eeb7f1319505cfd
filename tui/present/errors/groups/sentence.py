"""The sentences about a group: in which versions, how many runs, how often, and whether it goes on."""

from datetime import datetime

from tui.present import formatting
from tui.present.columns import Now
from tui.present.errors.groups.facts import GroupFacts, Minutes
from tui.present.errors.groups.words import first_known, state_piece
from tui.present.styled import Line, Piece, Token


def sentences(facts: GroupFacts, now: Now) -> list[Line]:
    """Return the state with the version, then the runs with their rate."""
    group = facts.group
    state = state_piece(group.state)
    head: Line = (state, Piece("  ")) if group.state is not None and state.text else ()
    where = version_words(facts)
    first: Line = (*head, Piece(where, Token.TEXT)) if where else head
    verb = "run failed" if group.count == 1 else "runs failed"
    number = Piece(formatting.count(group.count, at_least=not facts.is_complete), Token.ROSE, is_bold=True)
    return [line for line in (first, (number, Piece(f" {verb}, {course_words(facts, now)}", Token.TEXT))) if line]


def version_words(facts: GroupFacts) -> str:
    """Return `1 min after the first run of 20261126.3`, `only in 20261126.3`, or `in 3 versions`.

    While not every failed run was read, an older one or another version may follow. Of a group that the server knows
    from before the span, the versions of those failures are not known.
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
    """Return `9 to 14 a minute, and it goes on`, or `the last one 3h ago`.

    While the data is stale, the words name the time of the last failure: whether it goes on is not known.
    """
    last = facts.group.last_seen
    if now.frozen_at is not None:
        return f"the last one known at {_time(last, now.at)}"
    if not facts.goes_on(now.at):
        ago = f"{now.age(last)} ago"  # as in the rule and in the list of runs
        return ago if facts.group.count == 1 else f"the last one {ago}"
    rate = rate_words(facts.minutes, facts.group.first_seen) if facts.is_complete else ""
    return f"{rate}, and it goes on" if rate else "and it goes on"


def rate_words(minutes: Minutes | None, first_seen: datetime) -> str:
    """Return `9 to 14 a minute` for the minutes that are over and lie wholly behind the first failure."""
    if minutes is None:
        return ""
    counts = minutes.counts[:-1]
    behind = int((first_seen - minutes.start).total_seconds() // 60) + 1
    counts = counts[max(0, behind) :]
    if len(counts) < 2 or not max(counts):
        return ""
    least, most = min(counts), max(counts)
    return f"{formatting.count(least)} a minute" if least == most else f"{least:,} to {most:,} a minute"


def _time(at: datetime, now: datetime) -> str:
    return formatting.time_of_day(at, now)
