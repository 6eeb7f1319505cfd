"""The words that `status:` accepts in a filter: the names of statuses, and the names of groups of statuses.

The name of a status means that status alone, since a user may cancel all runs that the filter shows. The groups have
other names: `waiting-to-start`, `running`, `failures`, `live`, `final`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, FINAL, LIVE, QUEUED_FAMILY, STATUS_TABLE, RunStatus
from tui.lazy_dataclass import dataclass
from tui.store.filter_words import GLOB, TextTest, whole_text_test

GROUPS: Final[Mapping[str, frozenset[RunStatus]]] = MappingProxyType(
    {
        "live": LIVE,
        "final": FINAL,
        "failures": FAILED,
        "running": EXECUTING_FAMILY,
        "waiting to start": QUEUED_FAMILY,
    }
)
"""The statuses of each group, by its folded name."""

MAX_SUGGESTIONS: Final = 2

_TITLES: Final = frozenset(row.title for row in STATUS_TABLE)


def fold(name: str) -> str:
    """Return a name in lower case, with spaces for hyphens and underscores."""
    return name.casefold().replace("-", " ").replace("_", " ")


def _titles_by_name() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in STATUS_TABLE:
        # Dequeued shares its canonical name with Executing. The name means Executing.
        canonical = () if row.title == "Dequeued" else (row.canonical,)
        for name in (row.title, *canonical, row.rest, row.legacy, *row.database, *row.trql):
            if name:
                found.setdefault(fold(name), set()).add(row.title)
    return found


_TITLES_BY_NAME: Final = _titles_by_name()
_FOLDED_TITLES: Final = {fold(title): {title} for title in _TITLES}


@dataclass(frozen=True, slots=True)
class StatusWords:
    """The parsed values of `status:`.

    `titles` are single statuses, `group` the statuses of groups, `unknown` the words that are neither. A run with a
    status that this program does not know matches by the server's word: `own_word` tests it, folded.
    """

    titles: frozenset[str]
    group: frozenset[RunStatus]
    unknown: tuple[str, ...]
    own_word: TextTest

    def matches(self, run: Run) -> bool:
        """Return whether the status of a run matches one of the words."""
        title = run.status_title
        if title in self.titles or run.status in self.group:
            return True
        return title not in _TITLES and self.own_word(fold(title))


def read_status_words(patterns: list[str]) -> StatusWords:
    """Parse the values of `status:`. The beginning of a name means every status whose name begins so."""
    titles: set[str] = set()
    group: set[RunStatus] = set()
    unknown: list[str] = []
    names = [fold(pattern) for pattern in patterns]
    for name in names:
        if name in GROUPS and name not in _TITLES_BY_NAME:
            group |= GROUPS[name]
        elif found := _titles_of(name):
            titles |= found
        elif groups := [each for each in GROUPS if _fits(name)(each)]:
            group = group.union(*(GROUPS[each] for each in groups))
        else:
            unknown.append(name)
    own_word = whole_text_test([name if GLOB.search(name) else f"{name}*" for name in names])
    return StatusWords(frozenset(titles), frozenset(group), tuple(unknown), own_word)


def nearest_statuses(name: str) -> list[str]:
    """Return the status words that are most similar to an unknown one, best first, as the user would type them."""
    from difflib import get_close_matches  # noqa: PLC0415  most words are right

    spelled = [each.replace(" ", "-") for each in (*_FOLDED_TITLES, *GROUPS)]
    return get_close_matches(fold(name).replace(" ", "-"), spelled, n=MAX_SUGGESTIONS)


def _titles_of(name: str) -> set[str]:
    """Return the statuses with this name, otherwise those with a title that begins so, otherwise with another word."""
    if name in _TITLES_BY_NAME:
        return _TITLES_BY_NAME[name]
    test = _fits(name)
    for names in (_FOLDED_TITLES, _TITLES_BY_NAME):
        found = set[str]().union(*(titles for each, titles in names.items() if test(each)))
        if found:
            return found
    return set()


def _fits(name: str) -> TextTest:
    return whole_text_test([name if GLOB.search(name) else f"{name}*"])
