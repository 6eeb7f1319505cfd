"""Collects what the texts of the list are made from: the count in its rule, its last line, and the empty list.

`tui/present` makes the last two from the facts that this module returns. The pane and its rule use this module.
"""

from typing import Final

from tui.domain.search import SearchProgress
from tui.domain.status import FAILED, FAILED_WORDS, STATUS_TABLE
from tui.domain.update import HistoryRead
from tui.present import formatting
from tui.present.frame.empty import EmptyFacts
from tui.present.list.end import ListEndFacts, reach_words
from tui.store.filter_words import split_words
from tui.store.orders import CREATED, key_after
from tui.store.status_words import StatusWords, read_status_words
from tui.store.view import View
from tui.ui.data.live_model import LiveModel
from tui.ui.model.list_views import ListQuery, ListViews

FAILED_TITLES: Final = frozenset(row.title for row in STATUS_TABLE if row.canonical in FAILED)


def count_words(live: LiveModel, views: ListViews, *, is_wide: bool) -> str:
    """Return `12 of 5,048`: the runs that pass the typed filter, if there is one, of those that pass the server's.

    If a limit ended the read of the list, the second part is `newest 5,048, back to 21:40`. Before the first response
    the text is empty.
    """
    shown, base, query, history = views.shown, views.base, views.query, live.session.store.history
    if history is None and not len(base):
        return ""
    has_older = history is None or not history.is_complete or history.is_cut
    total = formatting.count(len(base), at_least=has_older and len(base) > 0)
    # A search adds older runs, and then "newest N" would be wrong.
    if not query.is_searched and (is_wide or not query.text):
        total = reach_words(history, _reached_count(base, history), live.now.at) or total
    return total if shown is base else f"{formatting.count(len(shown))} of {total}"


def _reached_count(base: View, history: HistoryRead | None) -> int:
    """Return how many runs the list itself has read. Older live runs, and older runs from a search, do not count."""
    listed = len(base) - base.older_count
    if history is None or base.order is not CREATED:
        return listed
    return min(listed, base.index_for(key_after(history.reached)))


def shows_only_failures(query: ListQuery) -> bool:
    """Return whether the filters leave failed runs alone, so that every row has an error."""
    if query.filters.statuses and set(query.filters.statuses) <= set(FAILED_WORDS):
        return True
    words = [word for word in split_words(query.text) if not word.is_negated]
    if any(word.field == "group" for word in words):
        return True  # only failed runs are in groups
    return any(_is_failures(read_status_words(word.values)) for word in words if word.field == "status")


def _is_failures(words: StatusWords) -> bool:
    is_failed = words.group <= FAILED and words.titles <= FAILED_TITLES
    return is_failed and not words.unknown and bool(words.group or words.titles)


def names_queue(text: str) -> bool:
    """Return whether a filter names a queue."""
    return any(word.field == "queue" for word in split_words(text))


def end_facts(live: LiveModel, views: ListViews, progress: SearchProgress) -> ListEndFacts:
    """Return the facts for the line below the last run."""
    session = live.session
    return ListEndFacts(
        now=live.now.at,
        since=views.query.filters.created_from or session.now() - views.query.period,
        history=session.store.history,
        progress=progress,
        found=len(views.shown),
        is_filtered=not views.parsed.is_empty,
        unread_count=None if views.unread is None else len(views.unread),
        failed_count=None if views.failed is None else len(views.failed),
        filters_queues=names_queue(views.query.text),
    )


def empty_facts(live: LiveModel, views: ListViews) -> EmptyFacts:
    """Return the facts for the text of an empty list."""
    session, query = live.session, views.query
    return EmptyFacts(
        at=session.local_now(),
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
