"""The columns of the config file, and complaints about those that do not exist."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tui.present.errors.groups.columns import COLUMNS as GROUP_COLUMNS
from tui.present.own_columns.choice import ColumnChoice, ColumnSet, problem_of, without_duplicates
from tui.present.own_columns.run_columns import BUILT_IN
from tui.settings import NO_FILE, Complaint, ConfigFile
from tui.settings.reading import places_of

if TYPE_CHECKING:
    from tui.settings.schema import ColumnEntry

RUNS: Final = "runs"
ERRORS: Final = "errors"

BUILT_IN_IDS: Final[Mapping[str, tuple[str, ...]]] = {
    RUNS: tuple(BUILT_IN),
    ERRORS: tuple(column.id for column in GROUP_COLUMNS),
}
"""The built-in columns of each view that has columns of the user's own, in their usual order."""


def problem_in(view: str, choice: ColumnChoice) -> str | None:
    """Return why a view cannot show a column, None if it can."""
    return problem_of(choice, BUILT_IN_IDS[view], has_paths=view == RUNS)


def columns_of_file(
    columns: "Mapping[str, Sequence[str | ColumnEntry]]", shown_file: str, file: ConfigFile = NO_FILE
) -> tuple[dict[str, ColumnSet], list[Complaint]]:
    """Return the columns of the config file by view, without those that are wrong, and a complaint about each.

    `columns` are those of the settings; `shown_file` is the path of `file` as complaints show it.
    """
    found: dict[str, ColumnSet] = {}
    complaints: list[Complaint] = []
    for view, entries in columns.items():
        choices = []
        places = dict(enumerate(places_of(file, f"columns.{view}")))
        for index, entry in enumerate(entries):
            choice = _choice(entry)
            problem = problem_in(view, choice)
            if problem is None:
                choices.append(choice)
            else:
                text = f"{problem}; this entry is left out"
                complaints.append(Complaint(shown_file, places.get(index, f"columns.{view}[{index}]"), text))
        if choices:
            found[view] = ColumnSet(without_duplicates(choices))
    return found, complaints


def _choice(entry: "str | ColumnEntry") -> ColumnChoice:
    if isinstance(entry, str):
        return ColumnChoice(entry)
    return ColumnChoice(entry.column, entry.title, entry.width, entry.type, entry.format)
