"""Which chosen columns fit into a list, and how wide they are."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.run_rows import head, row
from tui.domain.run import Run, RunId
from tui.features import LISTS
from tui.features.columns.words import (
    KINDS,
    CellValue,
    ColumnPath,
    Unshown,
    chosen_columns,
    with_times,
    without_duplicates,
)
from tui.features.errors.model import GROUP_TABLE
from tui.features.runs.columns import COLUMNS, RUN_TABLE, table_of
from tui.settings.schema import ColumnEntry
from tui.store.changes import EPOCH
from tui.text.blocks import Now
from tui.text.styled import line_width, plain
from tui.text.table import EDGES, GAP


def unread(_run: Run, _path: ColumnPath) -> CellValue:
    return Unshown.NOT_READ


choices = st.lists(
    st.builds(
        ColumnEntry,
        st.sampled_from([*(column.id for column in COLUMNS), "metadata.progress", "payload.customer.id", "output"]),
        width=st.sampled_from([0, 0, 3, 20, 200]),
        type=st.sampled_from(sorted(KINDS)),
    ),
    min_size=1,
    max_size=12,
).map(without_duplicates)


@given(choices, st.integers(1, 250), st.booleans())
def test_columns_fit_into_every_width(chosen: tuple[ColumnEntry, ...], width: int, is_wide: bool) -> None:
    choices = with_times(chosen) if is_wide else chosen
    slots = chosen_columns(table_of(is_wide=is_wide), choices, width, unread)
    assert all(slot.width >= 1 for slot in slots)
    if width > EDGES:
        assert sum(slot.width for slot in slots) + GAP * (len(slots) - 1) <= width - EDGES
    names = [choice.column for choice in chosen]
    shown = [slot.column.id for slot in slots if slot.column.id in names]
    assert shown == [name for name in names if name in shown], "in their order"
    assert shown[:1] == names[:1], "the first one is never left out"
    widths = {choice.column: choice.width for choice in chosen if choice.width}
    assert all(slot.width == widths.get(slot.column.id, slot.width) for slot in slots[1:]), "a chosen width is kept"
    line = row(Run(RunId("run_1")), slots, Now(EPOCH))
    assert line_width(line) == line_width(head(slots))


def test_columns_that_do_not_fit_make_way() -> None:
    chosen = [ColumnEntry("status"), ColumnEntry("payload.note", width=90), ColumnEntry("task"), ColumnEntry("age")]
    slots = chosen_columns(RUN_TABLE, chosen, 80, unread)
    assert [slot.column.id for slot in slots] == ["status", "task", "age"]


def test_long_title_becomes_the_last_key() -> None:
    slots = chosen_columns(RUN_TABLE, [ColumnEntry("payload.the_customer.id", width=8)], 80, unread)
    assert plain(head(slots)).strip() == "id"
    titled = ColumnEntry("payload.the_customer.id", title="who", width=8)
    assert plain(head(chosen_columns(RUN_TABLE, [titled], 80, unread))).strip() == "who"


def test_every_column_is_explained() -> None:
    assert all(column.meaning for column in COLUMNS)
    assert all(column.meaning for load in LISTS.values() for column in load().table.columns)


group_choices = st.lists(
    st.builds(
        ColumnEntry,
        st.sampled_from([column.id for column in GROUP_TABLE.columns]),
        width=st.sampled_from([0, 0, 3, 200]),
    ),
    min_size=1,
).map(without_duplicates)


@given(group_choices, st.integers(1, 250))
def test_columns_of_groups_fit_into_every_width(chosen: tuple[ColumnEntry, ...], width: int) -> None:
    slots = chosen_columns(GROUP_TABLE, chosen, width)
    assert all(slot.width >= 1 for slot in slots)
    if width > EDGES:
        assert sum(slot.width for slot in slots) + GAP * (len(slots) - 1) <= width - EDGES
    shown = [slot.column.id for slot in slots]
    assert shown == [each.column for each in chosen if each.column in shown]
