"""The spans of time that the errors view can show, and the orders of its list."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.errors.groups.words import first_known, task_words
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.failures import TimeSpan
from tui.store.errors.states import ErrorState

MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SpanChoice:
    """A span that ends now. `name` is its length as the list's filter takes it."""

    name: str
    length: timedelta

    @property
    def words(self) -> str:
        """The span in words: `last 24h`."""
        return f"last {self.name}"

    def at(self, now: datetime) -> TimeSpan:
        """Return the span at a time. It moves once a minute, since the groups are counted again for another span."""
        until = now.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
        return TimeSpan(until - self.length, until)


SPANS: Final = (
    SpanChoice("1h", timedelta(hours=1)),
    SpanChoice("6h", timedelta(hours=6)),
    SpanChoice("24h", timedelta(hours=24)),
    SpanChoice("7d", timedelta(days=7)),
    SpanChoice("30d", timedelta(days=30)),
)
DAY: Final = SPANS[2]

GroupRank = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class GroupOrder:
    """An order of the list. `words` stand in the rule, `sentence` in the command line."""

    id: str
    words: str
    sentence: str
    rank: Callable[[ErrorGroup], GroupRank]


_STATE_RANK: Final = {ErrorState.NEW: 0, ErrorState.REGRESSED: 1, ErrorState.ACKNOWLEDGED: 3}


def _new_first(group: ErrorGroup) -> GroupRank:
    rank = 2 if group.state is None else _STATE_RANK.get(group.state, 2)
    return (rank, -group.count, -group.last_seen.timestamp(), group.fingerprint)


def _most_first(group: ErrorGroup) -> GroupRank:
    return (-group.count, -group.last_seen.timestamp(), group.fingerprint)


def _latest_first(group: ErrorGroup) -> GroupRank:
    return (-group.last_seen.timestamp(), group.fingerprint)


def _youngest_first(group: ErrorGroup) -> GroupRank:
    return (-first_known(group).timestamp(), group.fingerprint)  # as in the column `since`


def _by_task(group: ErrorGroup) -> GroupRank:
    return (task_words(group.tasks), -group.count, group.fingerprint)


NEW_FIRST: Final = GroupOrder(
    "new", "new first", "New groups first, then those that failed again, acknowledged ones last.", _new_first
)
GROUP_ORDERS: Final = (
    NEW_FIRST,
    GroupOrder("most", "most first", "Groups with the most runs first.", _most_first),
    GroupOrder("latest", "latest first", "The latest failure first.", _latest_first),
    GroupOrder("first-seen", "youngest first", "Groups that were first seen last.", _youngest_first),
    GroupOrder("task", "by task", "By the name of the task.", _by_task),
)


def matches_text(group: ErrorGroup, text: str) -> bool:
    """Return whether every word of a typed filter is in the type, message, place, tasks or versions of a group."""
    words = text.casefold().split()
    if not words:
        return True
    kind, frame = group.kind, group.kind.frame
    parts = [kind.type or "", kind.message, group.state or "", group.fingerprint]
    parts += [] if frame is None else [frame.file, frame.function or ""]
    parts += [task for task, _ in group.tasks] + [version for version, _ in group.versions]
    whole = "\n".join(parts).casefold()
    return all(word in whole for word in words)
