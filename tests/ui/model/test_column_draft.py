"""The columns while the user arranges them."""

from hypothesis import given
from hypothesis import strategies as st

from tui.features.columns.dialog import LAST_SHOWN, Bases, ColumnDraft
from tui.features.columns.words import ColumnSet
from tui.settings.schema import ColumnEntry

IDS = ("status", "task", "run", "age", "error")
USUAL = tuple(map(ColumnEntry, ("status", "task", "age")))
PROGRESS = ColumnEntry("metadata.progress", type="bar")
OF_FILE = ColumnSet((ColumnEntry("task"), PROGRESS))


def draft(saved: ColumnSet | None = None, of_file: ColumnSet | None = None) -> ColumnDraft:
    return ColumnDraft(Bases(IDS, USUAL, of_file), saved, lambda _: 10, has_paths=True)


def shown(draft: ColumnDraft) -> list[str]:
    return [choice.column for choice in draft.shown or ()]


def test_untouched_columns_are_the_programs_own() -> None:
    fresh = draft()
    assert (fresh.shown, fresh.result, fresh.is_changed, fresh.base_words) == (None, None, False, "the program's own")
    assert [each.column for each in fresh.columns] == ["status", "task", "age", "run", "error"]
    fresh.move_cursor(1)
    assert fresh.shown is None
    fresh.move_column(1)
    assert (shown(fresh), fresh.cursor, fresh.base_words) == (["status", "age", "task"], 2, "your own")
    fresh.move_column(-1)
    assert fresh.shown is None, "moved back, it is as it was"


def test_columns_are_hidden_resized_and_added() -> None:
    own = draft()
    own.toggle()
    assert own.resize(1) == ""
    own.move_cursor(1)
    own.resize(-50)
    own.add(PROGRESS)
    assert own.shown == (ColumnEntry("task", width=3), PROGRESS, ColumnEntry("age"))
    own.next_type()
    assert own.current.type == "duration"
    own.toggle()
    assert own.result == ColumnSet((ColumnEntry("task", width=3), ColumnEntry("age")), (own.current,))
    own.remove()
    assert PROGRESS.column not in [each.column for each in own.columns]
    assert own.remove() != ""


def test_last_column_stays() -> None:
    one = draft(ColumnSet((ColumnEntry("task"),)))
    assert one.toggle() == LAST_SHOWN
    assert shown(one) == ["task"]


def test_reset_goes_to_the_file_and_then_to_the_program() -> None:
    saved = ColumnSet((ColumnEntry("run"),))
    own = draft(saved, OF_FILE)
    assert (shown(own), own.base_words) == (["run"], "your own")
    own.reset()
    assert (own.shown, own.result, own.base_words) == (OF_FILE.shown, None, "of the config file")
    own.reset()
    assert (own.shown, own.result, own.base_words) == (None, ColumnSet(()), "the program's own")
    own.reset()
    assert own.result is None
    again = draft(ColumnSet(()), OF_FILE)
    assert (again.shown, again.is_changed) == (None, False)
    without_file = draft(saved)
    without_file.reset()
    assert (without_file.shown, without_file.result) == (None, None)


keys = st.lists(
    st.sampled_from(["toggle", "move_column", "move_cursor", "resize", "remove", "next_type", "reset", "add"])
)


@given(keys, st.sampled_from([None, ColumnSet(()), ColumnSet((PROGRESS,), (ColumnEntry("payload.id"),))]), st.data())
def test_any_keys_leave_a_list_that_can_be_saved(keys: list[str], saved: ColumnSet | None, data: st.DataObject) -> None:
    own = draft(saved, data.draw(st.none() | st.just(OF_FILE)))
    for key in keys:
        if key == "add":
            own.add(ColumnEntry(data.draw(st.sampled_from(["payload.a", "payload.b", PROGRESS.column]))))
        elif key in {"move_column", "move_cursor", "resize"}:
            getattr(own, key)(data.draw(st.sampled_from([-1, 1])))
        else:
            getattr(own, key)()
        names = [each.column for each in own.columns]
        assert len(set(names)) == len(names)
        assert set(names) >= set(IDS), "a built-in column is never lost"
        assert 0 <= own.cursor < len(names)
        assert own.hidden < set(names)
    result = own.result
    if result is not None and result.shown:
        again = draft(result, None)
        assert again.shown == result.shown
        assert not again.is_changed
