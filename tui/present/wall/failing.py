"""The rows of "failing now": the error groups of the last hour, worst first. Wall and overview share them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.text import Raw
from tui.present import formatting
from tui.present.errors.groups.words import STATE_TOKENS, STATE_WORDS, day_words
from tui.present.findings.verdict_words import refused_words
from tui.present.styled import Line, Piece, Token, first_line
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.failing import FailingGroup, FailingNow

FAILED: Final = "✗"
NOTHING: Final = "only acknowledged failures"
NO_FAILURE: Final = "no run failed in the last hour"
_MIN_MESSAGE: Final = 12


class FailingColumns(NamedTuple):
    """Where the parts of a row are, in cells. None: the row has no such part.

    * `count_end`, `since_end`: where these end. `has_narrow_states`: `again` instead of `regressed`.
    * `width`: where a message ends if nothing stands behind it.
    """

    width: int
    count_end: int
    state_at: int
    task_at: int
    error_at: int
    place_at: int | None = None
    versions_at: int | None = None
    since_end: int | None = None
    has_narrow_states: bool = True
    glyph_at: int = 2


def failing_columns(width: int) -> FailingColumns:
    """Return the columns of the wall for a width."""
    if width >= 110:
        spare = min(width - 120, 60)
        place = 80 + spare // 2 if width >= 120 else width - 40
        return FailingColumns(width - 2, 8, 10, 24, 38, place, versions_at=place + 24, has_narrow_states=False)
    task_cells = 11 if width < 100 else 16
    return FailingColumns(width - 2, 8, 10, 17, 17 + task_cells + 2, since_end=width - 2)


def failing_row(group: FailingGroup, columns: FailingColumns, now: datetime, *, is_stale: bool = False) -> Line:
    """Return the row of a group. The row of an acknowledged group is grey."""
    is_grey = group.is_acknowledged
    strong = Token.MUTED if is_grey or is_stale else Token.BRIGHT
    weak = Token.FAINT if is_grey or is_stale else Token.MUTED
    row = PlacedLine()
    is_rose = not is_grey and not is_stale
    mark = Token.ROSE if is_rose else Token.FAINT if is_grey else Token.MUTED
    row.put(columns.glyph_at, (Piece(FAILED, mark, is_bold=is_rose),))
    row.right(columns.count_end, (Piece(formatting.count(group.count), strong),))
    row.put(columns.state_at, (_state(group, is_narrow=columns.has_narrow_states, is_stale=is_stale),))
    row.put(columns.task_at, (Piece(_task(group), strong),), columns.error_at - columns.task_at - 1)
    row.put(columns.error_at, _error(group, is_grey=is_grey or is_stale), _message_room(columns))
    if columns.place_at is not None and columns.versions_at is not None:
        room = columns.versions_at - columns.place_at - 1
        row.put(columns.place_at, (Piece(_place(group, room), weak),), room)
        row.put(columns.versions_at, (_versions(group, weak),), columns.width - columns.versions_at)
    if columns.since_end is not None:
        row.right(columns.since_end, (Piece(_since(group, now), Token.FAINT if is_stale else weak),))
    return row.line(columns.width)


def failing_summary(failing: FailingNow, now: datetime, *, is_narrow: bool, hides_acknowledged: bool) -> Line:
    """Return the text at the right end of the rule: `147 in 4 groups, 12 acknowledged`."""
    if not failing.is_known:
        return (Piece(formatting.NONE, Token.MUTED),)
    if not failing.failed_count:
        return ()
    groups = len(failing.groups)
    noun = ("group" if is_narrow else "error group") + ("" if groups == 1 else "s")
    known = failing.acknowledged_count
    since = "" if failing.known_since is None else f" since {formatting.time_of_day(failing.known_since, now)}"
    words = f"{formatting.count(failing.failed_count)} in {formatting.count(groups)} {noun}{since}"
    parts = [Piece(words, Token.MUTED)]
    if known and known == failing.failed_count:
        parts.append(Piece(", acknowledged", Token.MUTED))
    elif known and hides_acknowledged:
        parts += [Piece(", ", Token.MUTED), Piece(formatting.count(known)), Piece(" acknowledged", Token.MUTED)]
    if failing.unread_count:
        parts.append(Piece(f", {formatting.count(failing.unread_count)} not read", Token.MUTED))
    return tuple(parts)


def shown_groups(failing: FailingNow, *, hides_acknowledged: bool) -> Sequence[FailingGroup]:
    """Return the groups that have rows. A narrow screen only counts those that are acknowledged."""
    return [group for group in failing.groups if not (hides_acknowledged and group.is_acknowledged)]


def no_groups_line(failing: FailingNow, now: datetime) -> Line:
    """Return the sentence in place of rows. It claims nothing of a time that was not read."""
    if not failing.is_known:
        return (Piece(formatting.NONE, Token.FAINT),)
    if failing.unread_count:
        return (Piece("these failures are not read yet", Token.FAINT),)
    if failing.problem and not failing.groups:
        return (Piece(refused_words(failing.problem), Token.FAINT),)
    if failing.groups:
        return (Piece(NOTHING, Token.FAINT),)
    if failing.known_since is not None:
        words = f"no run failed since {formatting.time_of_day(failing.known_since, now)}; before that is not read"
        return (Piece(words, Token.FAINT),)
    return (Piece(NO_FAILURE, Token.FAINT),)


def _state(group: FailingGroup, *, is_narrow: bool, is_stale: bool) -> Piece:
    if group.state is None:
        return Piece("")
    token = Token.MUTED if is_stale else STATE_TOKENS[group.state]
    return Piece(STATE_WORDS[group.state][is_narrow], token, is_bold=token is Token.ROSE)


def _task(group: FailingGroup) -> Raw | str:
    return group.task if group.task_count <= 1 else formatting.plural(group.task_count, "task")


def _error(group: FailingGroup, *, is_grey: bool) -> Line:
    name, message = group.type, first_line(group.message)
    line: Line = () if not name else (Piece(name, Token.FAINT if is_grey else Token.ROSE),)
    text = Piece(message or ("" if name else "no message"), Token.FAINT if is_grey else Token.TEXT)
    return (*line, Piece(" "), text) if line else (text,)


def _message_room(columns: FailingColumns) -> int:
    end = columns.place_at if columns.place_at is not None else columns.width
    if columns.place_at is None and columns.since_end is not None:
        end = columns.since_end - 6
    return max(_MIN_MESSAGE, end - columns.error_at - 1)


def _place(group: FailingGroup, room: int) -> str:
    if group.frame is None:
        return formatting.NONE
    place = group.frame.file + ("" if group.line is None else f":{group.line}")
    return place if len(place) <= room else place.removeprefix("src/")


def _versions(group: FailingGroup, weak: Token) -> Piece:
    match group.versions:
        case ():
            return Piece(formatting.NONE, Token.FAINT)
        case (only,):
            return Piece(only, weak)
        case several:
            return Piece(formatting.plural(len(several), "version"), Token.FAINT)


def _since(group: FailingGroup, now: datetime) -> str:
    return formatting.NONE if group.since is None else day_words(group.since, now)
