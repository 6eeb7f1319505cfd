"""Up to which moment the parts of the list have been read."""

from tests.support.domain.patches import at
from tui.sync.lists import ListProgress, Part


def finished_at(newest_s: float, running_s: float, queued_s: float) -> ListProgress:
    progress = ListProgress()
    progress.read_until = dict(zip(Part, map(at, (newest_s, running_s, queued_s)), strict=True))
    return progress


def test_list_is_complete_up_to_its_earliest_pass() -> None:
    assert finished_at(30, 10, 20).complete_until == at(10)


def test_list_is_incomplete_before_every_part_was_read() -> None:
    progress = ListProgress()
    progress.read_until = {Part.NEWEST: at(1), Part.RUNNING: at(1)}
    assert progress.complete_until is None


def test_no_part_counts_as_read_at_first() -> None:
    progress = ListProgress()
    assert progress.complete_until is None
    assert not progress.has_all_live(at(1))


def test_all_live_runs_are_known_after_all_passes() -> None:
    assert finished_at(1, 1, 1).has_all_live(at(1))
    assert not finished_at(1, 1, 1).has_all_live(None)


def test_skipped_runs_are_known_after_later_passes() -> None:
    progress = finished_at(1, 1, 1)
    progress.skipped_at = at(5)
    assert not progress.has_all_live(at(6))
    progress.read_until |= {Part.RUNNING: at(7), Part.QUEUED: at(7)}
    assert progress.has_all_live(at(6))
    assert not progress.has_all_live(at(4))
