"""`time_texts`: the texts of the overview that differ although nothing has changed but the time."""

from tui.domain.findings.finding import NOT_KNOWN
from tui.present.findings.sentences import overview_sentence, short_sentence, since
from tui.present.findings.verdict_words import not_known_alone, not_known_sentence, own_counts, unread_words
from tui.present.overview.findings import SHOWN_SOURCES, queues_age
from tui.present.overview.view import OverviewView
from tui.present.wall.ages import old_words
from tui.present.wall.durations import waited


def time_texts(view: OverviewView) -> tuple[str, ...]:
    """Return them. A view with the same board, the same groups and the same texts looks the same."""
    verdict = view.verdict
    if verdict is None:
        return ()
    texts = [f"{view.now:%Y-%m-%d}"]  # a time of another day is its date
    texts += [
        waited(view.at - queue.oldest_at, in_minutes=view.in_minutes)
        for queue in view.board.queues
        if queue.oldest_at is not None
    ]
    for each in verdict.findings:
        texts += (
            since(each, view.now),
            short_sentence(each, view.at, view.now, is_frozen=view.is_stale),
            overview_sentence(each, view.at, view.now, is_frozen=view.is_stale),
        )
    texts.append(queues_age(view) if view.frozen_at is None else "")
    texts += [
        old_words(view.board.ages, view.now, SHOWN_SOURCES, in_minutes=view.in_minutes),
        *unread_words(verdict, view.now),
    ]
    if verdict.word == NOT_KNOWN:
        texts += (not_known_sentence(verdict, view.now), not_known_alone(verdict, view.now))
    if verdict.own_since is not None:
        texts.append(own_counts(verdict.own_since, view.now))
    return tuple(texts)
