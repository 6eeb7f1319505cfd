"""The scope of a search: its plan, the filters of the session, and the period of the list."""

from datetime import datetime

from tui.domain.filters import RunFilters
from tui.lazy_dataclass import dataclass
from tui.store.search_plan import SearchPlan


@dataclass(frozen=True, slots=True)
class SearchScope:
    """The plan of a search, the server filters that the session follows, and the start of the list's period.

    `is_plain`: no filter is set, and the search reads only older runs of the period. `can_list` is false on a relay,
    which has no lists.
    """

    plan: SearchPlan
    followed: RunFilters
    since: datetime
    is_plain: bool = False
    can_list: bool = True
