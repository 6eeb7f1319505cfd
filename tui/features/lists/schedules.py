"""The schedules: when each triggers its task. Source: tests/wire/recordings/README.md §7 (1083, 1098, 1099, 2800)."""

from collections.abc import Sequence
from typing import Final

from tui.api.facts import SCHEDULE_RUNS, SCHEDULES, ListedSchedule, ScheduledRun
from tui.domain.filters import RunFilters
from tui.kit.lists import Clip, ListView
from tui.kit.rows import ListOrder, earliest_first
from tui.store.filter import as_value
from tui.text import formatting
from tui.text.blocks import ListRuns, Now, Said
from tui.text.styled import Piece, Token
from tui.text.table import Column, Table, Wish, shows, value_cell


def _facts(row: ListedSchedule, runs: Sequence[ScheduledRun] | None, now: Now) -> Sequence[Said]:
    last = next(iter(runs or ()), None)
    starts = f"starts {formatting.clock(row.starts_at, now.at)}" if row.starts_at and row.due_at else ""
    return [
        Said("task", value_cell(row.task, now, Token.BRIGHT)),
        Said("cron", value_cell(row.when, now), (Piece(f"{row.cron}  {row.zone or 'UTC'}", Token.FAINT),)),
        Said("active", value_cell(row.is_active, now, Token.TEXT if row.is_active else Token.AMBER)),
        Said("next due", value_cell(row.due_at, now), (Piece(starts, Token.FAINT),)),
        Said("window", value_cell(row.window, now)),
        Said("last run", value_cell(last and last.created_at, now), (Piece(last.id if last else "", Token.FAINT),)),
    ]


_COLUMNS: Final = (
    Column("task", "task", shows("task"), share=0.4, least=12, most=40, wish=Wish(12, 40), cut_to=12, meaning="task"),
    Column("cron", "cron", shows("when", Token.MUTED), least=10, wish=Wish(10, 60), cut_to=10, meaning="when it runs"),
    Column("zone", "timezone", shows("zone", Token.MUTED), 16, from_width=88, drop_rank=2, meaning="the time zone"),
    Column("active", "active", shows("is_active"), 6, meaning="whether it is active"),
    Column("next", "next due", shows("due_at"), 8, "right", is_ticking=True, meaning="when it is next due"),
    Column("window", "window", shows("window"), 8, "right", 100, drop_rank=3, meaning="how late a run may start"),
)
VIEW: Final[ListView[ListedSchedule]] = ListView(
    name="schedules",
    noun="schedule",
    sentence="The schedules: when each triggers its task.",
    table=Table(_COLUMNS, lambda row: Piece(" " if row.is_active else "‖", Token.MUTED), strong="task"),
    key=lambda row: row.id,
    title=lambda row: row.task,
    orders=(
        ListOrder("next", "next due first", "The next due first.", lambda row: (earliest_first(row.due_at),)),
        ListOrder("task", "by task", "By the name of the task.", lambda row: (row.task,)),
    ),
    fields={
        "task": lambda row: row.task,
        "cron": lambda row: f"{row.when} {row.cron}",
        "zone": lambda row: row.zone or "",
        "active": lambda row: "yes" if row.is_active else "no",
        "id": lambda row: row.id,
    },
    read=SCHEDULES,
    detail=SCHEDULE_RUNS,
    facts=_facts,
    opens=lambda row, _: ListRuns(f"task:{as_value(row.task)}", filters=RunFilters(schedules=(row.id,))),
    copies=lambda row: (Clip("i", "id of the schedule", row.id), Clip("e", "cron expression", row.cron)),
)
