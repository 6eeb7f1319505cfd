"""The cursor of the list of error groups stays on its group and on its line."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.error_groups import group_of
from tests.support.present.samples import NOW
from tui.domain.errors.groups import ErrorState, ServerErrorGroup
from tui.domain.ids import ErrorGroupId, TaskId
from tui.domain.text import Raw
from tui.features.errors.model import GROUP_ORDERS, NEW_FIRST, SORT_EVERY_S, GroupListModel, GroupOrder, GroupQuery
from tui.store.error_groups import ErrorGroup

HEIGHT = 6
NAMES = "abcdefgh"

groups = st.lists(
    st.builds(
        lambda name, count, state: group_of(f"{name} broke", count=count, task=name, state=state),
        st.sampled_from(NAMES),
        st.integers(1, 99),
        st.sampled_from([None, *ErrorState]),
    ),
    max_size=len(NAMES),
    unique_by=lambda group: group.fingerprint,
)


def tasks_of(model: GroupListModel) -> str:
    found = (model.get(each) for each in model.window)
    return "".join(group.tasks[0][0] for group in found if group is not None)


class Shown(GroupListModel):
    """A list that takes over all groups at once, in as many steps as it needs."""

    def show_all(self, groups: Iterable[ErrorGroup], now_s: float, query: GroupQuery | None = None) -> None:
        found = {group.fingerprint: group for group in groups}
        changed = dict.fromkeys(self._groups.keys() - found.keys()) | found
        for _ in self.show(changed, query or self.query, now_s):
            pass

    def ask(self, now_s: float, **query: object) -> None:
        self.show_all(self._groups.values(), now_s, self.query._replace(**query))  # type: ignore[arg-type]


def shown(*found: ErrorGroup) -> Shown:
    model = Shown()
    model.resize(HEIGHT)
    model.show_all(found, 0.0)
    return model


def named(name: str, count: int = 5, state: ErrorState | None = None) -> ErrorGroup:
    return group_of(f"{name} broke", count=count, task=name, state=state)


def test_group_that_the_server_knows_is_not_young() -> None:
    known = ServerErrorGroup(ErrorGroupId("error_1"), TaskId("a"), Raw("m"), first_seen=NOW - timedelta(days=6))
    model = shown(
        group_of("a broke", task="a", first=1, server_groups=(known,)), group_of("b broke", task="b", first=9)
    )
    (youngest,) = (order for order in GROUP_ORDERS if order.id == "first-seen")
    model.ask(1.0, order=youngest)
    assert tasks_of(model) == "ba"


def test_new_groups_come_first_then_regressed_acknowledged_last() -> None:
    model = shown(
        named("a", 9, ErrorState.ACKNOWLEDGED),
        named("b", 2),
        named("c", 3),
        named("d", 1, ErrorState.REGRESSED),
        named("e", 1, ErrorState.NEW),
    )
    assert tasks_of(model) == "edcba"
    assert model.cursor == named("e").fingerprint


def test_list_follows_until_the_cursor_is_moved() -> None:
    model = shown(named("a"), named("b", 3))
    model.show_all([named("n", 1, ErrorState.NEW), named("a"), named("b", 3)], 1.0)
    assert tasks_of(model) == "nab"
    assert model.cursor == named("n").fingerprint
    model.move(1)
    model.show_all([named("m", 2, ErrorState.NEW), named("n", 1, ErrorState.NEW), named("a"), named("b", 3)], 2.0)
    assert (tasks_of(model), model.new_count) == ("nab", 1)
    model.to_top()
    assert (tasks_of(model), model.new_count) == ("mnab", 0)


def test_storm_moves_no_row_between_two_sorts() -> None:
    model = shown(named("a", 5), named("b", 3))
    for count in range(4, 900):
        model.show_all([named("a", 5), named("b", count)], SORT_EVERY_S / 2)
        assert tasks_of(model) == "ab"
    model.show_all([named("a", 5), named("b", 900)], SORT_EVERY_S)
    assert tasks_of(model) == "ba"


def test_vanished_group_keeps_its_row_until_the_cursor_leaves() -> None:
    model = shown(named("a"), named("b", 4), named("c", 3))
    model.move(1)
    model.show_all([named("a"), named("c", 3)], 1.0)
    assert tasks_of(model) == "abc"
    assert model.is_departed(named("b").fingerprint)
    assert (model.shown_count, model.current) == (2, named("b", 4))
    model.move(1)
    assert tasks_of(model) == "ac"
    assert model.current == named("c", 3)


def test_group_that_comes_back_is_not_departed() -> None:
    model = shown(named("a"), named("b", 4))
    model.move(1)
    model.show_all([named("a")], 1.0)
    model.show_all([named("a"), named("b", 7)], 2.0)
    assert not model.is_departed(named("b").fingerprint)
    assert model.current == named("b", 7)


@settings(max_examples=60)
@given(groups, st.integers(0, 8), st.lists(groups, max_size=4))
def test_changes_never_move_the_line_of_a_held_cursor(
    first: list[ErrorGroup], moves: int, later: list[list[ErrorGroup]]
) -> None:
    model = shown(*first)
    model.move(1)
    model.move(moves)
    cursor, line = model.cursor, None if model.cursor is None else model.window.index(model.cursor)
    for number, found in enumerate(later):
        model.show_all(found, 100.0 * number)
        if cursor is not None:
            assert (model.cursor, model.window.index(cursor)) == (cursor, line)
        assert len(model) >= len(found)


@settings(max_examples=40)
@given(groups, st.sampled_from(GROUP_ORDERS), st.text("abk ", max_size=3), st.lists(st.integers(-9, 9), max_size=6))
def test_cursor_is_always_in_the_window(found: list[ErrorGroup], order: object, text: str, moves: list[int]) -> None:
    model = shown(*found)
    for step in moves:
        model.move(step)
        model.ask(1.0, text=text)
        model.ask(2.0, order=order)
        assert (model.cursor in model.window) is (model.shown_count > 0)


def test_next_new_group_goes_round() -> None:
    model = shown(named("a", 9, ErrorState.NEW), named("b", 8, ErrorState.NEW), named("c"))
    assert model.to_new(1)
    assert model.current == named("b", 8, ErrorState.NEW)
    assert model.to_new(1)
    assert model.current == named("a", 9, ErrorState.NEW)
    assert not shown(named("c")).to_new(1)


def test_sorted_list_leaves_no_row_empty() -> None:
    model = shown(*(named(name, number) for number, name in enumerate("abcdefghijklmnopqrst", 1)))
    model.move(2)
    cursor = model.cursor
    model.ask(1.0, order=GroupOrder("least", "least first", "", lambda group: (group.count, group.fingerprint)))
    assert (model.cursor, len(model.window)) == (cursor, HEIGHT)


def test_filter_keeps_the_cursor_on_its_group() -> None:
    model = shown(named("a"), named("b", 4), named("zebra", 3))
    model.to_bottom()
    model.ask(1.0, text="ZEBRA brok")
    assert (tasks_of(model), model.known_count) == ("zebra", 3)
    model.ask(2.0, text="")
    assert model.current == named("zebra", 3)
    assert model.sort_order is NEW_FIRST


queries = st.tuples(st.sampled_from(GROUP_ORDERS), st.text("abk ", max_size=2))


@settings(max_examples=60)
@given(st.lists(st.tuples(groups, queries, st.integers(0, 3)), max_size=5))
def test_list_in_steps_equals_one_at_once(story: list[tuple[list[ErrorGroup], tuple[GroupOrder, str], int]]) -> None:
    """Steps are abandoned now and then: until the last one, the list is as it was."""
    model = shown()
    for number, (found, drawn, count) in enumerate(story):
        query, now_s = GroupQuery(*drawn), 100.0 * number
        gone = dict.fromkeys(model._groups)
        steps = model.show(gone | {group.fingerprint: group for group in found}, query, now_s, is_new=True)
        before = tuple(model._order), model.query
        if len(list(islice(steps, count))) == count:
            assert (tuple(model._order), model.query) == before
        model.show_all(found, now_s, query)
        fresh = shown()
        fresh.show_all(found, now_s, query)
        assert (model._order, model.known_count) == (fresh._order, fresh.known_count)
