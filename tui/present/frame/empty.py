"""The sentences in place of an empty list: why it is empty, and what the user can do."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tui.domain.environment import Environment
from tui.domain.filters import RunFilters
from tui.domain.text import Raw, clean
from tui.domain.update import HistoryRead, SourceRetrying, SourceStopped
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.frame.failure import advice_on
from tui.present.key_words import with_key
from tui.present.styled import Line, Piece, Token, wrap
from tui.store.freshness import Freshness

_MAX_WIDTH: Final = 96
"""Longer lines are hard to read."""

NO_GROUP_ON_RELAY: Final = "only the server knows the runs of this error group, and a relay cannot list them"


@dataclass(frozen=True, slots=True)
class EmptyFacts:
    """The facts that decide why the list is empty.

    * `run_count`: the runs that pass the server's filters
    * `is_filtered`: there is a typed filter
    * `filter_errors`: why words of the typed filter could not be parsed
    * `filters`: the server's filters
    * `period`: how far back the list goes; None: no limit
    * `is_relayed`: the data comes from a relay
    """

    at: datetime
    freshness: Freshness
    api_url: str
    run_count: int = 0
    is_filtered: bool = False
    filters: RunFilters | None = None
    period: timedelta | None = None
    environment: Environment | None = None
    history: HistoryRead | None = None
    is_relayed: bool = False
    filter_errors: tuple[str, ...] = ()


def empty_lines(facts: EmptyFacts, width: int) -> list[Line]:
    """Return the sentences in lines of at most `width` cells (at least 20), after an empty line."""
    lines: list[Line] = [()]
    for index, (text, token) in enumerate(_paragraphs(facts)):
        if index == 1:
            lines.append(())
        lines += [(Piece(row, token),) for row in wrap(text, min(max(width, 20), _MAX_WIDTH))]
    return lines


def _paragraphs(facts: EmptyFacts) -> Sequence[tuple[str, Token]]:
    freshness = facts.freshness
    if facts.filter_errors:
        sentence = f"{clean(Raw('; '.join(facts.filter_errors)))}."
        return [
            (sentence[:1].upper() + sentence[1:], Token.AMBER),
            ("Nothing matches until this is corrected. Esc clears the filter.", Token.TEXT),
        ]
    if facts.is_relayed and facts.filters is not None and facts.filters.errors:
        return [(f"{NO_GROUP_ON_RELAY.capitalize()}.", Token.TEXT)]
    if facts.run_count and facts.is_filtered:
        return [(_no_match(facts), Token.TEXT)]
    if freshness.failure is not None:
        return _failure_paragraphs(facts, freshness.failure)
    if freshness.is_slow:
        sentence = f"No runs from {facts.api_url} for {formatting.wait(freshness.waited)}. Still trying."
        return [(formatting.LOADING, Token.MUTED), (sentence, Token.TEXT)]
    if freshness.confirmed_at is None or facts.history is None:
        return [(formatting.LOADING, Token.MUTED)]
    if not facts.history.is_complete:
        return [(f"{formatting.LOADING} older pages are still being read", Token.MUTED)]
    if facts.filters is not None and not facts.filters.is_empty:
        return [
            (f"No runs match the server filters.{with_key('server-filters', 'f', ' {} changes them.')}", Token.TEXT)
        ]
    if facts.history.run_count and facts.period is not None:
        further = with_key("server-filters", "f", " {} looks further back.")
        return [(f"No runs in the last {formatting.wait(facts.period)}.{further}", Token.TEXT)]
    return _new_environment(facts.environment)


def _no_match(facts: EmptyFacts) -> str:
    if facts.history is not None and not facts.history.is_complete:
        return "No runs match so far. Older runs are still being read. Esc clears the filter."
    return "No runs match. Esc clears the filter."


def _failure_paragraphs(facts: EmptyFacts, failure: SourceRetrying | SourceStopped) -> Sequence[tuple[str, Token]]:
    advice = advice_on(failure, facts.api_url, is_relayed=facts.is_relayed)
    paragraphs = [(advice.sentence, Token.BRIGHT)]
    if advice.todo:
        paragraphs.append((advice.todo, Token.TEXT))
    match failure:
        case SourceRetrying():
            left = failure.next_at - facts.at
            now = with_key("refresh", "r", "; {} tries now")
            is_due = left <= timedelta(seconds=0.5)
            again = "Trying again now." if is_due else f"Trying again in {formatting.wait(left)}{now}."
            paragraphs.append((again, Token.TEXT))
        case SourceStopped():
            is_filtered = facts.filters is not None and not facts.filters.is_empty
            ways = [
                with_key("refresh", "r", "{} tries again"),
                with_key("server-filters", "f", "{} changes the server filters") if is_filtered else "",
                with_key("close", "q", "{} ends the program") or "ctrl-q ends the program",
            ]
            paragraphs.append((f"{', '.join(filter(None, ways))}.", Token.TEXT))
    if advice.quote:
        paragraphs.append((f"The server said: {advice.quote}" if failure.status else advice.quote, Token.FAINT))
    return paragraphs


def _new_environment(environment: Environment | None) -> Sequence[tuple[str, Token]]:
    where = f" in {clean(environment.slug)}" if environment is not None and environment.slug else ""
    return [
        (f"No runs yet{where}.", Token.BRIGHT),
        ("Trigger one from your code or the dashboard's Test page; it shows up here by itself.", Token.TEXT),
    ]
