"""What a feed reaches: the newest runs it told of, and no older one once others took their place."""

from datetime import timedelta

from tests.virtual_clock import START
from tui.domain.ids import RunId
from tui.domain.run import Fixed
from tui.domain.update import RunPatch
from tui.sources.coverage import Newest


def created(number: int) -> RunPatch:
    return RunPatch(RunId(f"run_{number}"), START, fixed=Fixed(created_at=START + timedelta(seconds=number)))


def test_it_reaches_back_without_a_bound_while_there_is_room() -> None:
    newest = Newest(3)
    newest.add([created(1), created(2)])
    newest.add([created(2), created(1)])
    assert newest.since is None


def test_a_new_run_takes_the_place_of_the_oldest_and_an_old_one_that_of_nobody() -> None:
    newest = Newest(3)
    newest.add(map(created, (5, 3, 4)))
    assert newest.since == START + timedelta(seconds=3)
    newest.add([created(6)])
    assert newest.since == START + timedelta(seconds=4)
    newest.add([created(1), created(6)])
    assert newest.since == START + timedelta(seconds=4)
