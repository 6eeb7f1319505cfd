import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, NOW, RUN_ID, full, sample, text_of
from tui.domain.run import Run, RunId
from tui.features.runs.columns import PRINTED_TABLE
from tui.text.styled import line_width
from tui.text.table import Print


def printed(limit: int | None) -> Print[Run]:
    return Print(PRINTED_TABLE, limit)


def titles(limit: int | None) -> list[str]:
    return text_of(printed(limit).page([full(), sample("EXECUTING")], NOW)[:1]).split()


def test_table_without_a_terminal_is_not_cut() -> None:
    run = sample(task="a-task-with-a-name-as-long-as-this-one", tags=tuple(f"tag-{n}" for n in range(10)))
    shown = text_of(printed(None).page([run], NOW))
    assert shown.splitlines()[0].split() == ["status", "task", "run", "took", "age", "version", "tags", "cost"]
    assert all(text in shown for text in (run.id, run.fixed.task or "", "tag-0  tag-1", "tag-9"))
    assert "…" not in shown


def test_columns_are_aligned_and_two_spaces_apart() -> None:
    runs = [
        sample("COMPLETED", tags=("billing",)),
        sample("QUEUED", task="x", started=False, tags=()),
        sample("PENDING_VERSION", started=False, tags=("a", "b")),
    ]
    assert text_of(printed(None).page(runs, NOW)).splitlines() == [
        "  status           task         run                            took  age  version     tags     cost",
        "✓ Completed        charge-card  run_cmwuqwphl00009f7de45f6e3t  6.3s  31s  20261124.3  billing    $0",
        "○ Queued           x            run_cmwuqwphl00009f7de45f6e3t     ·  31s  20261124.3             $0",
        "△ Pending version  charge-card  run_cmwuqwphl00009f7de45f6e3t     ·  31s  20261124.3  a  b       $0",
    ]


@pytest.mark.parametrize(
    ("limit", "shown"),
    [
        (120, ["status", "task", "run", "took", "age", "version", "tags", "cost"]),
        (98, ["status", "task", "run", "took", "age", "version", "tags"]),
        (84, ["status", "task", "run", "took", "age", "version"]),
        (72, ["status", "task", "run", "took", "age"]),
        (60, ["status", "task", "run", "age"]),
        (40, ["status", "task", "age"]),
        (10, ["sta…", "task", "age"]),
    ],
)
def test_narrow_table_drops_columns_by_rank(limit: int, shown: list[str]) -> None:
    assert titles(limit) == shown


@given(st.integers(36, 250))
@settings(max_examples=60)
def test_line_never_passes_the_edge_of_the_terminal(limit: int) -> None:
    runs = [sample("PENDING_VERSION", started=False), full(HOSTILE), Run(RunId("run_1")), sample("Z" * 300)]
    assert all(line_width(line) <= limit for line in printed(limit).page(runs, NOW))


@given(st.integers(60, 250))
@settings(max_examples=60)
def test_id_is_shown_whole_or_not_at_all(limit: int) -> None:
    lines = text_of(printed(limit).page([sample(), full()], NOW)).splitlines()[1:]
    assert all((RUN_ID in line) or not re.search(r"run_", line) for line in lines)


def test_only_the_first_page_with_runs_has_titles() -> None:
    table = printed(None)
    assert table.page([], NOW) == []
    assert len(table.page([sample()], NOW)) == 2
    assert len(table.page([sample()], NOW)) == 1
    assert table.page([], NOW) == []


def test_later_page_keeps_the_columns_and_is_never_narrower() -> None:
    table = printed(100)
    first = text_of(table.page([sample(task="a-long-name-of-a-task")], NOW)).splitlines()
    second = text_of(table.page([sample(task="x")], NOW)).splitlines()
    assert first[1].index(RUN_ID) == second[0].index(RUN_ID)
