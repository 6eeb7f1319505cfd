"""What the list's rule, its last line and its empty place are told of the views and the session.

The words are `present`'s: `present.list_end`, `present.empty`.
"""

from datetime import timedelta

from tui.domain.search import SearchProgress
from tui.domain.update import HistoryRead
from tui.present import formatting
from tui.present.frame.empty import EmptyFacts
from tui.present.list.end import EndFacts, reach_words
from tui.store.filter_words import split_words
from tui.store.orders import CREATED, EPOCH
from tui.store.view import View
from tui.ui.data.live_model import LiveModel
from tui.ui.model.list_views import ListViews


def count_words(live: LiveModel, views: ListViews, *, is_wide: bool) -> str:
    """How many runs are shown, of how many; and how far they reach where older runs exist."""
    shown, base, wanted, history = views.shown, views.base, views.wanted, live.session.store.history
    is_open = history is None or not history.is_complete or history.is_cut
    total = formatting.count(len(base), at_least=is_open and len(base) > 0)
    # What a search found beyond the reach is not among the newest.
    if not wanted.is_searched and (is_wide or not wanted.text):
        total = reach_words(history, _reached_count(base, history), live.now.at) or total
    return total if shown is base else f"{formatting.count(len(shown))} of {total}"


def _reached_count(base: View, history: HistoryRead | None) -> int:
    """How many runs are as new as the oldest that was listed. What a search found beyond is not among them."""
    listed = len(base) - base.older_count
    if history is None or base.order is not CREATED:
        return listed
    return min(listed, base.place((EPOCH - history.reached + timedelta.resolution,)))


def end_facts(live: LiveModel, views: ListViews, progress: SearchProgress) -> EndFacts:
    """What the last line is made from."""
    session = live.session
    return EndFacts(
        now=live.now.at,
        since=session.now() - views.wanted.period,
        history=session.store.history,
        progress=progress,
        found=len(views.shown),
        is_filtered=not views.parsed.is_empty,
        unread_count=None if views.unread is None else len(views.unread),
        failed_count=None if views.failed is None else len(views.failed),
        lacks_queues=any(word.field == "queue" for word in split_words(views.wanted.text)),
    )


def empty_facts(live: LiveModel, views: ListViews) -> EmptyFacts:
    """What the reason for an empty list is made from."""
    session, wanted = live.session, views.wanted
    return EmptyFacts(
        at=session.now(),
        freshness=live.freshness,
        api_url=session.settings.api_url,
        is_relayed=session.settings.relay_url is not None,
        run_count=len(views.base),
        is_filtered=bool(wanted.text),
        complaints=tuple(complaint.reason for complaint in views.parsed.complaints),
        filters=wanted.filters,
        period=wanted.period,
        environment=session.store.environment,
        history=session.store.history,
    )
