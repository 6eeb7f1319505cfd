"""Collects the facts about the views and the session from which `present` makes the texts of the list."""

from datetime import timedelta

from tui.domain.search import SearchProgress
from tui.domain.update import HistoryRead
from tui.present import formatting
from tui.present.frame.empty import EmptyFacts
from tui.present.list.end import ListEndFacts, reach_words
from tui.store.filter_words import split_words
from tui.store.orders import CREATED, EPOCH
from tui.store.view import View
from tui.ui.data.live_model import LiveModel
from tui.ui.model.list_views import ListViews


def count_words(live: LiveModel, views: ListViews, *, is_wide: bool) -> str:
    """Return how many runs are shown, of how many, and how far back they reach where older runs exist."""
    shown, base, query, history = views.shown, views.base, views.query, live.session.store.history
    is_open = history is None or not history.is_complete or history.is_cut
    total = formatting.count(len(base), at_least=is_open and len(base) > 0)
    # A search finds runs beyond the reach: then "the newest N" would be wrong.
    if not query.is_searched and (is_wide or not query.text):
        total = reach_words(history, _reached_count(base, history), live.now.at) or total
    return total if shown is base else f"{formatting.count(len(shown))} of {total}"


def _reached_count(base: View, history: HistoryRead | None) -> int:
    """Return how many runs are as new as the oldest listed one, without those that a search found beyond it."""
    listed = len(base) - base.older_count
    if history is None or base.order is not CREATED:
        return listed
    return min(listed, base.index_for((EPOCH - history.reached + timedelta.resolution,)))


def end_facts(live: LiveModel, views: ListViews, progress: SearchProgress) -> ListEndFacts:
    """Return the facts for the line below the last run."""
    session = live.session
    return ListEndFacts(
        now=live.now.at,
        since=session.now() - views.query.period,
        history=session.store.history,
        progress=progress,
        found=len(views.shown),
        is_filtered=not views.parsed.is_empty,
        unread_count=None if views.unread is None else len(views.unread),
        failed_count=None if views.failed is None else len(views.failed),
        lacks_queues=any(word.field == "queue" for word in split_words(views.query.text)),
    )


def empty_facts(live: LiveModel, views: ListViews) -> EmptyFacts:
    """Return the facts for the text of an empty list."""
    session, query = live.session, views.query
    return EmptyFacts(
        at=session.now(),
        freshness=live.freshness,
        api_url=session.settings.api_url,
        is_relayed=session.settings.relay_url is not None,
        run_count=len(views.base),
        is_filtered=bool(query.text),
        filter_errors=tuple(invalid.reason for invalid in views.parsed.invalid_words),
        filters=query.filters,
        period=query.period,
        environment=session.store.environment,
        history=session.store.history,
    )
