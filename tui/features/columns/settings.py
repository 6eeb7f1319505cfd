"""The columns of the config file, and complaints about those that do not exist."""

from collections.abc import Mapping, Sequence
from typing import Final

from tui.features.columns.words import BUILT_IN, ColumnChoice, ColumnSet, problem_of, without_duplicates
from tui.settings.reading import places_of
from tui.settings.schema import ColumnEntry
from tui.settings.settings import NO_FILE, Complaint, ConfigFile

RUNS: Final = "runs"
ERRORS: Final = "errors"

VIEWS: Final = (RUNS, ERRORS)
"""The views that have columns of the user's own."""


def built_in_ids(view: str) -> tuple[str, ...]:
    """Return the built-in columns of a view in their usual order."""
    if view == RUNS:
        return tuple(BUILT_IN)
    # With it comes all that makes groups of errors: 40 ms, for which the first frame must not wait.
    from tui.features.errors.columns import COLUMNS  # noqa: PLC0415

    return tuple(column.id for column in COLUMNS)


def problem_in(view: str, choice: ColumnChoice) -> str | None:
    """Return why a view cannot show a column, None if it can."""
    return problem_of(choice, built_in_ids(view), has_paths=view == RUNS)


def columns_of_file(
    columns: Mapping[str, Sequence[ColumnEntry]], shown_file: str, file: ConfigFile = NO_FILE
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
            choice = ColumnChoice(entry.column, entry.title, entry.width, entry.type, entry.format)
            problem = problem_in(view, choice)
            if problem is None:
                choices.append(choice)
            else:
                text = f"{problem}; this entry is left out"
                complaints.append(Complaint(shown_file, places.get(index, f"columns.{view}[{index}]"), text))
        if choices:
            found[view] = ColumnSet(without_duplicates(choices))
    return found, complaints
