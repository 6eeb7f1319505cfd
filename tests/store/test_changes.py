"""Changes are merged."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import run_of
from tui.domain.run import RunId
from tui.store.changes import Changes, Topic, Transition

A = RunId("run_a")


def added() -> Changes:
    return Changes(added={A}, topics={Topic.RUNS})


def changed() -> Changes:
    return Changes(changed={A}, topics={Topic.RUNS})


def removed() -> Changes:
    return Changes(removed={A}, topics={Topic.RUNS})


def sum_of(*parts: Changes) -> Changes:
    total = Changes()
    for part in parts:
        total.merge(part)
    return total


def test_transitions_stay_in_order() -> None:
    first, second = Transition(A, None, run_of("run_a", "QUEUED")), Transition(A, run_of("run_a"), run_of("run_a"))
    total = sum_of(Changes(transitions=[first]), Changes(transitions=[second]))
    assert total.transitions == [first, second]


def test_any_change_is_one() -> None:
    assert Changes().is_empty
    assert not Changes(topics={Topic.BUDGET}).is_empty
    assert not added().is_empty


# The possible histories of one run: it is added, changed while it is there, removed, and added again.
lives = st.lists(st.sampled_from(["come", "change", "go"]), max_size=8)


@given(lives, st.booleans(), st.data())
def test_merged_changes_say_what_became_of_the_run(steps: list[str], is_there: bool, data: st.DataObject) -> None:
    parts: list[Changes] = []
    for step in steps:
        if step == "come" and not is_there:
            parts.append(added())
            is_there = True
        elif step == "change" and is_there:
            parts.append(changed())
        elif step == "go" and is_there:
            parts.append(removed())
            is_there = False
    cut = data.draw(st.integers(0, len(parts)))
    total = sum_of(*parts)
    assert sum_of(sum_of(*parts[:cut]), sum_of(*parts[cut:])) == total
    if not parts:
        assert total.is_empty
    elif not is_there:
        assert total == removed()
    else:
        assert total == (added() if added() in parts else changed())
