"""The words of every view: why a list is empty, what a source's failure or an outage means, the rule of a pane."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple

from tui.domain.run import FEEDS, RELAY, RunId
from tui.domain.update import SourceRetrying, SourceStopped
from tui.lazy_dataclass import dataclass
from tui.settings.settings import PREVIEW_BRANCH
from tui.store.freshness import Completeness, Gap, MissedRuns, SourceFailure
from tui.text import formatting
from tui.text.blocks import tries_again, with_key
from tui.text.styled import Line, Piece, Token, cut, line_width, offset_in

# Explains the failure of a source to the user: in a few words, in a sentence, and what to do about it.
#
# `advice_on` is a table by HTTP status. The header, the empty list and the messages show its result.


_PART_UNREAD: Final = re.compile("the (?:run|trace) could not be read: ")
_REQUEST: Final = re.compile(r"(?<![A-Z])[A-Z]+ (?:/\S*|the stored data at \S+): ")
_STATUS: Final = re.compile(r"\d{3},? ?")


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice about a failure. `short` is for the header, `sentence` explains, `todo` says what to do (empty: wait),
    and `quote` quotes the server.
    """

    short: str
    sentence: str
    todo: str = ""
    quote: str = ""

    @property
    def text(self) -> str:
        """All of it as sentences."""
        text = f"{self.sentence.removesuffix('.')}: {self.quote.removesuffix('.')}." if self.quote else self.sentence
        return f"{text} {self.todo}".rstrip()


_SET_KEY: Final = "Set TRIGGER_SECRET_KEY to the secret key of an environment: dashboard, page API keys."
_SET_BRANCH: Final = f"Set {PREVIEW_BRANCH} to the branch of the preview environment: its key alone is refused."
_SET_URL: Final = "Set TRIGGER_API_URL to the address of the server, as the dashboard's page API keys shows it."
_NEEDS_SCOPE: Final = "A public access token needs the scope read:runs; a secret key always works."
_ON_THE_RELAY: Final = "On the relay: "
_CHECK_RELAY: Final = "Set TRIGGER_TUI_RELAY_TOKEN to one of the tokens in the relay's file."


NOTHING_SELECTED: Final = "No run is selected."


def no_order(title: str) -> str:
    """Return that a click on a column's title sorts nothing."""
    return f"{title or 'this column'}: the list has no such order"


def without_request(reason: str) -> str:
    """Return the text of an error without the method and the path of its request."""
    return _REQUEST.sub("", reason, count=1)


def could_not_read(subject: str, failure: str) -> str:
    """Return why the subject of a pane could not be read, and the key that tries again."""
    reason = _PART_UNREAD.sub("", without_request(failure), count=1).rstrip(".")
    return f"{subject} could not be read: {reason}{'' if reason.endswith('?') else '.'}{tries_again()}"


def advice_on(failure: SourceFailure, api_url: str, *, is_relayed: bool = False) -> Advice:
    """Return advice about the last failure of a source. `is_relayed` means that the source belongs to a relay."""
    if failure.source == RELAY:
        return _advice_on_relay(failure)
    advice = _advice_on_api(failure, api_url)
    if not is_relayed or not advice.todo:
        return advice
    # A relay has its own key, address and period. The user of this screen cannot change them.
    if failure.status == 422:
        return replace(advice, short="the period is too long (422)", todo="")
    return replace(advice, todo=_ON_THE_RELAY + advice.todo[0].lower() + advice.todo[1:])


def _advice_on_api(failure: SourceFailure, api_url: str) -> Advice:
    quote = without_request(failure.reason)
    quote = quote[match.end() :] if (match := _STATUS.match(quote)) else quote
    status = failure.status
    if status is None:
        return Advice("no answer", f"No answer from {api_url}.", quote=quote)
    match status:
        case 401:
            todo = _SET_BRANCH if PREVIEW_BRANCH in quote else _SET_KEY
            return Advice("the key was refused (401)", "The key was refused (401).", todo)
        case 422:
            short = f"the period is too long (422){with_key('server-filters', 'f', ', {} shortens it')}"
            sentence = "The server wants a shorter period for the list of runs (422)."
            todo = with_key("server-filters", "f", "Press {} and choose a shorter period.")
            return Advice(short, sentence, todo or "Choose a shorter period.", quote)
        case 403:
            return Advice("the key may not list runs (403)", "This key may not list runs (403).", _NEEDS_SCOPE, quote)
        case 429:
            return Advice("429 from the server", "The rate limit of the server is reached (429).", quote=quote)
        case 404 | 405:
            short = f"no such API there ({status})"
            return Advice(short, f"There is no API of Trigger.dev at {api_url} ({status}).", _SET_URL)
        case _ if status < 400 and "web page" in quote:
            return Advice("a web page answers", f"{api_url} returns a web page, not the API.", _SET_URL)
        case _ if status < 400:
            short = "not an API of Trigger.dev"
            return Advice(short, f"{api_url} is not the API of Trigger.dev.", _SET_URL, quote)
        case _ if status < 500:
            return Advice(f"{status} from the server", f"The server refused the list of runs ({status}).", quote=quote)
        case _:
            return Advice(f"{status} from the server", f"The server failed ({status}).", quote=quote)


def secondary_failure(failure: SourceFailure, now: datetime) -> str:
    """Return the failure of a source that another one replaces, in short: `no live feed (403), retrying in 5 min`."""
    code = "" if failure.status is None else f" ({failure.status})"
    text = "no live feed" if failure.source in FEEDS else "list not read"
    retry = "" if isinstance(failure, SourceStopped) else f", {retry_words(failure, now)}"
    return f"{text}{code}{retry}"


def retry_words(failure: SourceRetrying, now: datetime) -> str:
    """Return `retrying in 4 s`, or `retrying now`."""
    remaining = failure.next_at - now
    return f"retrying in {formatting.wait(remaining)}" if remaining > timedelta(seconds=0.5) else "retrying now"


def feed_sentence(failure: SourceFailure) -> str:
    """Return a message about the failure of a feed, while polling continues."""
    return f"There is no live feed: {without_request(failure.reason).removesuffix('.')}. Changes are shown later."


def _advice_on_relay(failure: SourceFailure) -> Advice:
    match failure.status:
        case None:
            if isinstance(failure, SourceRetrying):
                return Advice("no answer", "The relay does not answer.", quote=failure.reason)
            # For example it speaks another version of the protocol.
            return Advice("no connection to the relay", "The relay cannot be used.", quote=failure.reason)
        case 401 | 403:
            short = f"the token was refused ({failure.status})"
            return Advice(short, f"The relay refused the token ({failure.status}).", _CHECK_RELAY)
        case _:
            return Advice("the relay has trouble", "The relay cannot be used.", quote=failure.reason)


# The effect of an outage in words: in a gap of the list, in the rule of the list, and in a message.


_GUTTER = "  "
_DOT = Piece(" · ", Token.MUTED)


def gap_words(gap: Gap, now: datetime, *, is_short: bool = False) -> str:
    """Return `no data 13:22–13:36`, or `no data for 44 s at 13:22` if both ends are in one minute."""
    if gap.since.replace(second=0, microsecond=0) == gap.until.replace(second=0, microsecond=0):
        at = "" if is_short else f" at {formatting.time_of_day(gap.since, now)}"
        return f"no data for {formatting.wait(gap.until - gap.since)}{at}"
    return f"no data {formatting.time_span(gap.since, gap.until, now)}"


def gap_line(gap: Gap, missed: MissedRuns, now: datetime, width: int) -> Line:
    """Return the line of a gap, between newer and older runs, in exactly `width` cells if it fits."""
    line = gap_remark(gap, missed, now, is_short=False)
    if line_width(line) > width - 1:
        line = gap_remark(gap, missed, now, is_short=True)
    line = (Piece(_GUTTER), *line)
    # The right edge stays free, as in every row of the list.
    room = width - line_width(line) - len(_GUTTER) - 1
    return (*line, Piece(_GUTTER), Piece("╌" * room, Token.LINE)) if room > 0 else line


def gap_remark(gap: Gap, missed: MissedRuns, now: datetime, *, is_short: bool) -> Line:
    """Return the words about a gap. The rule has them while the gap's own line is not visible."""
    extent = Piece(_extent_words(missed, is_short=is_short), Token.MUTED)
    failed = [piece for text in _failed_words(missed) for piece in (_DOT, Piece(text, Token.ROSE, is_bold=True))]
    return (Piece(gap_words(gap, now, is_short=is_short), Token.AMBER), _DOT, extent, *failed)


def gap_sentence(gap: Gap, missed: MissedRuns, now: datetime) -> str:
    """Return a sentence about a gap for the messages."""
    return f"There was {gap_words(gap, now)}: {', '.join([_extent_words(missed), *_failed_words(missed)])}."


def _extent_words(missed: MissedRuns, *, is_short: bool = False) -> str:
    """Return `37 runs changed meanwhile`, in short `37 runs`, with a remark while the count is not final."""
    none, begin, end = {
        Completeness.ALL: ("nothing missed", "", " changed meanwhile"),
        Completeness.SO_FAR: ("catching up", "catching up, ", " so far"),
        Completeness.AT_LEAST: ("changes meanwhile not known", "at least ", " changed meanwhile"),
    }[missed.completeness]
    return f"{begin}{formatting.plural(missed.run_count, 'run')}{'' if is_short else end}" if missed.run_count else none


def _failed_words(missed: MissedRuns) -> list[str]:
    return [f"{formatting.count(missed.failed_count)} failed"] if missed.failed_count else []


class Replayed(NamedTuple):
    """What is known of an earlier replay of a run: a mark for its row, a line, and the run that it started."""

    mark: Piece
    line: Line
    run_id: RunId | None


# The titled rule above a pane: the pane's number and name, and its own texts on both sides.


@dataclass(frozen=True, slots=True)
class Tab:
    """One pane's name in a rule. Panes that share a place on the screen share a rule, with one tab for each.

    `is_visible`: the pane is shown too, below the one that is open.
    """

    number: int
    name: str
    is_open: bool = True
    is_visible: bool = False


_MIN_LEFT: Final = 8
"""Cells of a cut left text beside tabs, and of its rest after its first part: fewer say nothing."""

_LEFT_SHARE: Final = 3
"""The first part of the left text gets a third of the room for texts, if it needs that much."""

_TAB_GAP: Final = "  "

_RIGHT_EDGES: Final = 3
_JOINTS: Final = (" · ", " and ", ", ")
"""Cells around the right text: a space before it, a space and the end of the rule after it."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """`─ 1:runs · left ──── right ─`. With `is_stale` it is dashed and amber, with the word STALE after `left`."""

    tabs: tuple[Tab, ...] = ()
    left: Line = ()
    right: Line = ()
    is_focused: bool = False
    is_stale: bool = False


def _parts(line: Line) -> list[Line]:
    """Return the parts of a text. Each begins with a piece that begins as `_JOINTS` do, except the first one."""
    parts: list[Line] = []
    for piece in line:
        if not parts or piece.text.startswith(_JOINTS):
            parts.append(())
        parts[-1] = (*parts[-1], piece)
    return parts


def rule_line(text: RuleText, width: int, *, is_colorless: bool = False) -> Line:
    """Return the rule in exactly `width` cells. The left text stands after the tab that is open.

    A narrow rule omits parts that are muted: those of the left text, then those after the first one of the right text.
    Then it omits the other tabs, cuts the left text after its first part, and omits the last parts of the right text,
    of which only the first part is cut.
    """
    dash = "╌" if text.is_stale else "━" if text.is_focused and is_colorless else "─"
    stroke = Token.AMBER if text.is_stale else Token.ACCENT if text.is_focused else Token.LINE
    stale: Line = (Piece("  "), Piece("STALE", Token.AMBER, is_bold=True)) if text.is_stale else ()
    begin = Piece(f"{dash} ", stroke)
    needed = (*chain(*(part for part in _parts(text.left) if not _is_muted(part))), *chain(*_parts(text.right)[:1]))
    if line_width((*_head(text, (), begin, width), *stale, *needed)) + 2 + _RIGHT_EDGES > width:
        text = replace(text, tabs=tuple(tab for tab in text.tabs if tab.is_open))
    left, right = _fitted(text, line_width((*_head(text, (), begin, width), *stale)) + 2, width)
    tail: Line = (Piece(" "), *right, Piece(f" {dash}", stroke)) if right else (Piece(dash, stroke),)
    room = max(0, width - line_width(tail) - 2)
    left = cut((*_head(text, left, begin, max(0, room - line_width(stale))), *stale), room)
    fill = max(0, width - line_width(left) - line_width(tail) - 1)
    return (*left, Piece(" "), Piece(dash * fill, stroke), *tail)


def _fitted(text: RuleText, around: int, width: int) -> tuple[Line, Line]:
    """Return the left and the right text without what has no room beside the `around` cells of the rest."""
    left, right = _parts(text.left), _parts(text.right)
    room = width - around - (_RIGHT_EDGES if right else 1)
    for parts, kept in ((left, 0), (right, 1)):
        for part in reversed(parts[kept:]):
            if _is_muted(part) and _cells(left) + _cells(right) > room:
                parts.remove(part)
    # A long left text, which may be a user's own, leaves most of the rule to the right one.
    first_cells = _cells(left[:1])
    limit = room - min(first_cells, room // _LEFT_SHARE)
    while len(right) > 1 and _cells(right) > limit:
        right.pop()
    shown = cut(tuple(chain(*right)), limit)
    left_room = room - line_width(shown)
    if _cells(left) > left_room and left_room - first_cells < _MIN_LEFT:
        left = left[:1]
    return tuple(chain(*left)), shown


def _is_muted(part: Line) -> bool:
    return all(piece.token in {Token.MUTED, Token.FAINT} for piece in part if piece.text != " · ")


def _cells(parts: Sequence[Line]) -> int:
    return sum(map(line_width, parts))


def _head(text: RuleText, left: Line, begin: Piece, room: int) -> Line:
    """Return the tabs with the left text in at most `room` cells."""
    parts: list[list[Piece]] = [[begin], []]
    is_behind = False
    for index, tab in enumerate(text.tabs):
        parts[is_behind] += [*((Piece(_TAB_GAP),) if index else ()), *_tab(tab, is_focused=text.is_focused)]
        is_behind = is_behind or tab.is_open
    before, behind = map(tuple, parts)
    left_room = room - line_width(before) - line_width(behind)
    has_room = not text.tabs or left_room >= min(_MIN_LEFT, line_width(left))
    return cut((*before, *(cut(left, left_room) if has_room else ()), *behind), room)


def tab_at(text: RuleText, width: int, x: int) -> Tab | None:
    """Return the tab that stands in a cell of a rule."""
    line = rule_line(text, width)
    return next((tab for tab in text.tabs if offset_in(line, f"{tab.number}:{tab.name}", x) is not None), None)


def _tab(tab: Tab, *, is_focused: bool) -> Line:
    if is_focused and tab.is_open:
        return (Piece(f"{tab.number}:", Token.ACCENT, is_bold=True), Piece(tab.name, Token.BRIGHT, is_bold=True))
    token = Token.TEXT if tab.is_visible or (tab.is_open and not is_focused) else Token.MUTED
    return (Piece(f"{tab.number}:", Token.MUTED), Piece(tab.name, token))
