"""When a feed that makes no progress is stopped."""

import pytest

from tui.api.errors import ServerFault
from tui.sync.budget import Transient
from tui.sync.feed import MAX_INSTANT_RESPONSES, MAX_REPEATS, MAX_SNAPSHOT_PARTS, RETRY_REFUSED_AFTER, FeedProgress


def test_endless_snapshot_raises_after_its_bound() -> None:
    progress = FeedProgress()
    for _ in range(MAX_SNAPSHOT_PARTS - 1):
        progress.add_part()
    with pytest.raises(Transient, match="does not end") as raised:
        progress.add_part()
    assert raised.value.retry_after == RETRY_REFUSED_AFTER


def test_repeats_raise_only_in_a_row() -> None:
    progress = FeedProgress()
    for _ in range(2):
        for _ in range(MAX_REPEATS - 1):
            progress.add_repeat("a cache answers")
        progress.advance()
    for _ in range(MAX_REPEATS - 1):
        progress.add_repeat("a cache answers")
    with pytest.raises(ServerFault, match="a cache answers"):
        progress.add_repeat("a cache answers")


def test_instant_responses_raise_after_their_bound() -> None:
    progress = FeedProgress()
    for _ in range(MAX_INSTANT_RESPONSES - 1):
        progress.add_instant_response()
    with pytest.raises(ServerFault, match="does not hold"):
        progress.add_instant_response()


def test_restart_keeps_repeat_counts_and_clears_the_position() -> None:
    progress = FeedProgress(is_live=True, was_live=True, repeat_count=2, part_count=3)
    progress.restart()
    assert progress.position is None
    assert (progress.is_live, progress.was_live) == (False, True)
    assert (progress.repeat_count, progress.part_count) == (2, 0)
