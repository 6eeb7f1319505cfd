"""The columns of the config file, and complaints about those that do not exist."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tui.features.columns.words import ColumnChoice, ColumnSet, problem_of, without_duplicates
from tui.features.runs.columns import COLUMNS
from tui.settings.schema import ColumnEntry
from tui.settings.settings import NO_FILE, Complaint, ConfigFile, places_of
from tui.text.table import Column

RUNS: Final = "runs"
ERRORS: Final = "errors"

ColumnsOf = Callable[[str], Sequence[Column[Any]]]
"""Returns the columns of a list by its name; none for a list that does not exist."""


def file_columns(view: str) -> Sequence[Column[Any]]:
    """Return the columns of the lists that the config file knows."""
    if view == RUNS:
        return COLUMNS
    # With it comes all that makes groups of errors: 40 ms, for which the first frame must not wait.
    from tui.features.errors.columns import COLUMNS as GROUP_COLUMNS  # noqa: PLC0415

    return GROUP_COLUMNS if view == ERRORS else ()


def problem_in(view: str, choice: ColumnChoice, columns_of: ColumnsOf) -> str | None:
    """Return why a list cannot show a column, None if it can."""
    built_in = tuple(column.id for column in columns_of(view))
    return problem_of(choice, built_in, has_paths=view == RUNS) if built_in else f"no list {view}"


def columns_of_file(
    columns: Mapping[str, Sequence[ColumnEntry]], columns_of: ColumnsOf, shown_file: str, file: ConfigFile = NO_FILE
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
            problem = problem_in(view, choice, columns_of)
            if problem is None:
                choices.append(choice)
            else:
                text = f"{problem}; this entry is left out"
                complaints.append(Complaint(places.get(index, f"columns.{view}[{index}]"), text, file=shown_file))
        if choices:
            found[view] = ColumnSet(without_duplicates(choices))
    return found, complaints
