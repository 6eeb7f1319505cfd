"""The features, a folder for each thing that is shown or asked. Each hands in its panes, views and commands.

A new feature is a folder and an entry here. `kit` and all below it know no feature.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.features.actions import FEATURE as ACTIONS
from tui.features.attempts import FEATURE as ATTEMPTS
from tui.features.config import FEATURE as CONFIG
from tui.features.detail import FEATURE as DETAIL
from tui.features.errors import FEATURE as ERRORS
from tui.features.lists import FEATURE as LISTED
from tui.features.logs import FEATURE as LOGS
from tui.features.queues import FEATURE as QUEUES
from tui.features.runs import FEATURE as RUNS
from tui.features.tree import FEATURE as TREE
from tui.features.wall import FEATURE as WALL
from tui.features.waterfall import FEATURE as WATERFALL
from tui.kit.feature import Feature
from tui.store.addresses import VIEWS as ADDRESSED
from tui.store.addresses import register_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.kit.lists import ListView


def _sorts_of(load: "Callable[[], ListView[Any]]") -> list[str]:
    return [order.id for order in load().orders]


def _sentence_of(load: "Callable[[], ListView[Any]]") -> str:
    return load().sentence


FEATURES: Final[tuple[Feature, ...]] = (
    RUNS,
    DETAIL,
    ATTEMPTS,
    TREE,
    LOGS,
    WATERFALL,
    WALL,
    ERRORS,
    QUEUES,
    LISTED,
    ACTIONS,
    CONFIG,
)
"""In the order of their panes, whose numbers are keys, and of their views: the one that covers all others first."""

_PANES: Final = tuple(pane for feature in FEATURES for pane in feature.panes)
FORMS: Final = tuple(pane for pane in _PANES if pane.form_of)
"""Panes that are another form of one of `PANES`: they share its number and its place, and a key leads to them."""

OVERVIEW_PANES: Final = tuple(pane for pane in _PANES if pane.placement.is_overview)
"""The panes in place of those about the selected run, while no run is selected. Their numbers begin at 2."""

PANES: Final = tuple(pane for pane in _PANES if pane not in FORMS and pane not in OVERVIEW_PANES)
"""The panes of the main screen. The position of a pane is its number, which is the key that leads to it."""

LISTS: Final = {name: load for feature in FEATURES for name, load in feature.lists.items()}
"""The lists, each with a function that imports its declaration."""

ENTRANCES: Final = {name: load for feature in FEATURES for name, load in feature.entrances.items()}
"""The ways to lists whose screens have more than others."""

VIEWS: Final = {name: load for feature in FEATURES for name, load in feature.views.items()}
"""The other views that cover the list of runs."""

COMMANDS: Final = {name: load for feature in FEATURES for name, load in feature.commands.items()}

for _name, _load in LISTS.items():
    if _name not in ADDRESSED:
        register_list(_name, partial(_sorts_of, _load), partial(_sentence_of, _load))
