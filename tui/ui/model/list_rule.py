"""The texts in the rule of the list: filters and order on the left, counts on the right."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tui.present import formatting
from tui.present.dialogs.filters import filter_words, window_words
from tui.present.frame.outage import gap_remark
from tui.present.frame.rule import rule_parts
from tui.present.list.filter_remarks import invalid_word_line
from tui.present.styled import Line, Piece, Token, cut
from tui.store.missed_runs import Gap, MissedRuns
from tui.store.orders import CREATED
from tui.ui.data.live_model import LiveModel
from tui.ui.model.list_facts import count_words
from tui.ui.model.list_views import ListViews
from tui.ui.model.run_list import RunListModel

GAP_SHOWN_FOR: Final = timedelta(minutes=2)
"""How long the rule mentions a gap whose own line is not visible."""

WIDE: Final = 100
"""From this width on, the rule has room for the long remark about a gap."""

MAX_NAME_CELLS: Final = 40
"""For the name of a filter."""

_ORDER_WORDS: Final = {CREATED.id: "newest first"}
_DOT: Final = Piece(" · ", Token.MUTED)


def rule_left(live: LiveModel, views: ListViews, filter_token: Token) -> Line:
    """Return the typed filter, the server's filters, and the order."""
    query = views.query
    typed: Line = (_DOT, Piece(f"/{query.text}", Token.TEXT)) if query.text else ()
    if query.text_name:
        typed = (*typed, Piece("  "), *cut((Piece(query.text_name, Token.MUTED),), MAX_NAME_CELLS))
    # The typed filter comes first: a narrow rule omits the end, and the filter that hides runs has to stay.
    return (*typed, *_filters(views, filter_token), *_older(live, views, filter_token), *_order(views))


def rule_spare(
    live: LiveModel,
    views: ListViews,
    rows: RunListModel,
    missed: Mapping[Gap, MissedRuns],
    filter_token: Token,
    width: int,
) -> tuple[Line, ...]:
    """Return what a narrow rule omits first, in this order.

    The count, the marks, the filters, that data was missing, and how many runs failed meanwhile stay longer.
    """
    span = _filters(views, filter_token) if views.query.filters.is_empty else ()
    extent = rule_parts(_gap(live, rows, missed, width))[1:2]
    return (_order(views), _older(live, views, filter_token), span, _new(rows), *extent)


def _filters(views: ListViews, token: Token) -> Line:
    return (_DOT, Piece(filter_words(views.query.filters, views.query.period), token))


def _older(live: LiveModel, views: ListViews, token: Token) -> Line:
    """Return ` and 12 older live runs`, if there are any."""
    query, window = views.query, live.session.store.window
    is_cut = window is not None and window.is_older_cut
    words = window_words(query.filters, query.period, views.base.older_count, is_cut=is_cut)
    words = words.removeprefix(filter_words(query.filters, query.period))
    if query.is_searched:
        words += " and older"
    return (Piece(words, token),) if words else ()


def _order(views: ListViews) -> Line:
    order = views.query.order
    return (_DOT, Piece(_ORDER_WORDS.get(order.id, f"by {order.title}"), Token.MUTED))


def rule_right(
    live: LiveModel, views: ListViews, rows: RunListModel, missed: Mapping[Gap, MissedRuns], width: int
) -> Line:
    """Return the counts of shown, marked and new runs; or the age of the data, or the error in the filter."""
    freshness = live.freshness
    if freshness.is_stale and freshness.confirmed_at is not None:
        ago = formatting.duration(live.now.at - freshness.confirmed_at, in_minutes=live.in_minutes)
        return (Piece(f"last confirmed {ago} ago", Token.AMBER),)
    if views.parsed.invalid_words:
        return invalid_word_line(views.parsed)
    words = count_words(live, views, is_wide=width >= WIDE)
    count: Line = (Piece(words, Token.TEXT),) if words else ()
    return (*count, *_marks(rows), *_new(rows), *_gap(live, rows, missed, width))


def _marks(rows: RunListModel) -> Line:
    marks = rows.marks
    hidden = f", {formatting.count(marks.hidden_count)} hidden" if marks.hidden_count else ""
    return (_DOT, Piece(f"{formatting.count(len(marks))} marked{hidden}", Token.ACCENT)) if len(marks) else ()


def _new(rows: RunListModel) -> Line:
    return (_DOT, Piece(f"{formatting.count(rows.new_count)} new", Token.ACCENT)) if rows.new_count else ()


def _gap(live: LiveModel, rows: RunListModel, missed: Mapping[Gap, MissedRuns], width: int) -> Line:
    """Return a remark about the last gap for a while, unless its own line is visible."""
    gap = next(reversed(list(missed)), None)
    if gap is None or gap in rows.gaps or (now := live.now.at) - gap.until > GAP_SHOWN_FOR:
        return ()
    return (_DOT, *gap_remark(gap, missed[gap], now, is_short=width < WIDE))
