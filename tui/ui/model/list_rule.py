"""The texts in the rule of the list: filters and order on the left, counts on the right."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tui.present import formatting
from tui.present.dialogs.filters import window_words
from tui.present.frame.outage import gap_remark
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
    query, window = views.query, live.session.store.window
    is_cut = window is not None and window.is_older_cut
    covered = window_words(query.filters, query.period, views.base.older_count, is_cut=is_cut)
    if query.is_searched:
        covered += " and older"
    order = _ORDER_WORDS.get(query.order.id, f"by {query.order.title}")
    typed: Line = (_DOT, Piece(f"/{query.text}", Token.TEXT)) if query.text else ()
    if query.text_name:
        typed = (*typed, Piece("  "), *cut((Piece(query.text_name, Token.MUTED),), MAX_NAME_CELLS))
    # The typed filter comes first: a narrow rule cuts the end, and the filter that hides runs has to stay.
    return (*typed, _DOT, Piece(covered, filter_token), _DOT, Piece(order, Token.MUTED))


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
    line = [Piece(words, Token.TEXT)] if words else []
    for part in (_marks(rows), f"{formatting.count(rows.new_count)} new" if rows.new_count else ""):
        if part:
            line += [_DOT, Piece(part, Token.ACCENT)]
    return (*line, *_gap(live, rows, missed, width))


def _marks(rows: RunListModel) -> str:
    marks = rows.marks
    hidden = f", {formatting.count(marks.hidden_count)} hidden" if marks.hidden_count else ""
    return f"{formatting.count(len(marks))} marked{hidden}" if len(marks) else ""


def _gap(live: LiveModel, rows: RunListModel, missed: Mapping[Gap, MissedRuns], width: int) -> Line:
    """Return a remark about the last gap for a while, unless its own line is visible."""
    gap = next(reversed(list(missed)), None)
    if gap is None or gap in rows.gaps or (now := live.now.at) - gap.until > GAP_SHOWN_FOR:
        return ()
    return (_DOT, *gap_remark(gap, missed[gap], now, is_short=width < WIDE))
