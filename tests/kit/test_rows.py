"""The rows of a list: the cursor stays on its row and on its line, folded and marked rows, orders, filters."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.error_groups import group_of
from tui.domain.facts import ErrorState
from tui.features.errors.data import GROUPS
from tui.features.errors.model import GROUP_ORDERS
from tui.kit.rows import MORE, ListModel, ListOrder, RowQuery, RowRules
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


def tasks_of(model: ListModel[ErrorGroup]) -> str:
    found = (model.get(each) for each in model.window)
    return "".join(group.tasks[0][0] for group in found if group is not None)


def show(
    model: ListModel[ErrorGroup], groups: Iterable[ErrorGroup], now_s: float, query: RowQuery[ErrorGroup] | None = None
) -> None:
    """Take over all groups at once, in as many steps as it needs."""
    found: dict[Any, ErrorGroup | None] = {group.fingerprint: group for group in groups}
    changed: dict[Any, ErrorGroup | None] = dict.fromkeys(model._rows.keys() - found.keys())
    changed.update(found)
    for _ in model.show(changed, query or model.query, now_s):
        pass


def ask(model: ListModel[ErrorGroup], now_s: float, **query: object) -> None:
    show(model, model._rows.values(), now_s, model.query._replace(**query))  # type: ignore[arg-type]


def shown(*found: ErrorGroup) -> ListModel[ErrorGroup]:
    model = ListModel(GROUPS, RowQuery(GROUP_ORDERS[0]))
    model.resize(HEIGHT)
    show(model, found, 0.0)
    return model


def named(name: str, count: int = 5, state: ErrorState | None = ErrorState.UNRESOLVED) -> ErrorGroup:
    return group_of(f"{name} broke", count=count, task=name, state=state)


def test_new_and_unknown_groups_come_first_then_regressed_acknowledged_last() -> None:
    model = shown(
        named("a", 9, ErrorState.ACKNOWLEDGED),
        named("b", 2),
        named("c", 3),
        named("d", 1, ErrorState.REGRESSED),
        named("e", 1, ErrorState.NEW),
        named("f", 7, None),
    )
    assert tasks_of(model) == "fedcba"
    assert model.cursor == named("f").fingerprint


def test_list_follows_until_the_cursor_is_moved() -> None:
    model = shown(named("a"), named("b", 3))
    show(model, [named("n", 1, ErrorState.NEW), named("a"), named("b", 3)], 1.0)
    assert tasks_of(model) == "nab"
    assert model.cursor == named("a").fingerprint, "the cursor stays on its row"
    show(model, [named("n", 1, ErrorState.NEW), named("b", 3)], 1.5)
    assert model.cursor == named("n").fingerprint, "a row that is gone gives it to the first"
    show(model, [named("n", 1, ErrorState.NEW), named("a"), named("b", 3)], 1.8)
    model.move(1)
    show(model, [named("m", 2, ErrorState.NEW), named("n", 1, ErrorState.NEW), named("a"), named("b", 3)], 2.0)
    assert (tasks_of(model), model.new_count) == ("nab", 1)
    model.to_top()
    assert (tasks_of(model), model.new_count) == ("mnab", 0)


def test_rows_held_by_the_cursor_do_not_claim_their_order() -> None:
    model = shown(named("a", 5), named("b", 3))
    model.move(1)
    show(model, [named("a", 5, ErrorState.ACKNOWLEDGED), named("b", 3)], 1.0)
    assert (tasks_of(model), model.is_in_order) == ("ab", False)
    model.to_top()
    assert (tasks_of(model), model.is_in_order) == ("ba", True)


def test_storm_moves_no_row_between_two_sorts_unless_it_doubles() -> None:
    model = shown(named("a", 10), named("b", 8))
    for count in range(9, 16):
        show(model, [named("a", 10), named("b", count)], GROUPS.sort_every_s / 2)
        assert tasks_of(model) == "ab"
    show(model, [named("a", 10), named("b", 15)], GROUPS.sort_every_s)
    assert tasks_of(model) == "ba"
    show(model, [named("a", 16), named("b", 15)], GROUPS.sort_every_s)
    assert tasks_of(model) == "ab"


def test_cursor_is_on_the_first_row_while_groups_are_read() -> None:
    model = shown(named("a", 5))
    for top, count in (("a", 6), ("b", 7)):
        changed = {each.fingerprint: each for each in (named("a", 5), named("b", count))}
        list(model.show(changed, model.query, 0.0, goes_to_top=top == "b"))
        assert (tasks_of(model), model.current) == ("ba", changed[named(top).fingerprint])
    model.move(0)
    list(model.show({named("c").fingerprint: named("c", 9)}, model.query, 0.0, goes_to_top=True))
    assert model.current == named("b", 7)


def test_vanished_group_keeps_its_row_until_the_cursor_leaves() -> None:
    model = shown(named("a"), named("b", 4), named("c", 3))
    model.move(1)
    show(model, [named("a"), named("c", 3)], 1.0)
    assert tasks_of(model) == "abc"
    assert model.is_departed(named("b").fingerprint)
    assert (model.shown_count, model.current) == (2, named("b", 4))
    model.move(1)
    assert tasks_of(model) == "ac"
    assert model.current == named("c", 3)


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
        show(model, found, 100.0 * number)
        if cursor is not None:
            assert (model.cursor, model.window.index(cursor)) == (cursor, line)
        assert len(model) >= len(found)


@settings(max_examples=40)
@given(groups, st.sampled_from(GROUP_ORDERS), st.text("abk ", max_size=3), st.lists(st.integers(-9, 9), max_size=6))
def test_cursor_is_always_in_the_window(found: list[ErrorGroup], order: object, text: str, moves: list[int]) -> None:
    model = shown(*found)
    for step in moves:
        model.move(step)
        ask(model, 1.0, text=text)
        ask(model, 2.0, order=order)
        assert (model.cursor in model.window) is (model.shown_count > 0)


queries = st.tuples(st.sampled_from(GROUP_ORDERS), st.text("abk ", max_size=2))


@settings(max_examples=60)
@given(st.lists(st.tuples(groups, queries, st.integers(0, 3)), max_size=5))
def test_list_in_steps_equals_one_at_once(
    story: list[tuple[list[ErrorGroup], tuple[ListOrder[ErrorGroup], str], int]],
) -> None:
    """Steps are abandoned now and then: until the last one, the list is as it was."""
    model = shown()
    for number, (found, drawn, count) in enumerate(story):
        query, now_s = RowQuery(*drawn), 100.0 * number
        gone = dict.fromkeys(model._rows)
        steps = model.show({**gone, **{group.fingerprint: group for group in found}}, query, now_s, is_new=True)
        before = tuple(model._order), model.query
        if len(list(islice(steps, count))) == count:
            assert (tuple(model._order), model.query) == before
        show(model, found, now_s, query)
        fresh = shown()
        show(fresh, found, now_s, query)
        assert (model._order, model.known_count) == (fresh._order, fresh.known_count)


# Folded rows, and marks.


class Numbers(RowRules[int]):
    def filter(self, text: str) -> Callable[[int], bool]:
        return lambda row: text in str(row)


def numbers(*found: int) -> ListModel[int]:
    """Return a list of numbers, the greatest first, in which zeros are folded."""
    rules = Numbers(key=str, folds=lambda row: row % 10 == 0)
    model = ListModel(rules, RowQuery(ListOrder[int]("most", "most first", "", lambda row: (-row,))))
    model.resize(9)
    model.show_all(found)
    return model


def test_rows_without_news_are_folded_into_one_line() -> None:
    model = numbers(3, 10, 20, 7)
    assert list(model.window) == ["7", "3", MORE]
    assert sorted(model.folded_rows) == [10, 20]
    model.toggle_fold()
    assert list(model.window) == ["7", "3", "20", "10", MORE]
    model.show_query(model.query._replace(text="0"))
    assert list(model.window) == ["20", "10"], "a filter folds nothing"
    assert list(numbers(3, 10).window) == ["3", "10"], "one row takes no more room than its fold"
    assert list(numbers(10, 20).window) == ["20", "10"], "a list of such rows alone is not folded"


def test_row_under_a_held_cursor_is_not_folded_away() -> None:
    model = numbers(3, 10, 20, 7)
    model.toggle_fold()
    model.move(2)
    model.toggle_fold()
    assert model.current == 20
    assert list(model.window) == ["7", "3", "20", MORE]
    model.show_all([3, 7, 10, 20, 30, 5])
    assert (list(model.window), model.new_count) == (["7", "3", "20", MORE], 1)
    model.to_bottom()
    assert model.cursor == MORE
    model.toggle_mark()
    assert len(model.marks) == 0


def test_marks_outlive_filters_and_end_with_their_rows() -> None:
    model = numbers(1, 2, 3, 14)
    model.toggle_mark()
    model.move(2)
    model.mark_range()
    assert model.marked == [14, 3, 2]
    model.show_query(model.query._replace(text="1"))
    assert (model.marked, model.marks.hidden_count) == ([14], 2)
    model.show_query(model.query._replace(text=""))
    model.show_all([1, 2, 14])
    assert (model.marked, len(model.marks)) == ([14, 2], 2)
    model.mark_all()
    assert model.marked == [14, 2, 1]
    model.mark_all()
    assert len(model.marks) == 0
