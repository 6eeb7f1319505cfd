"""Facts about the list that its filters decide."""

from datetime import timedelta

import pytest

from tui.features.runs.model import ListQuery, shows_only_failures


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("", False),
        ("status:failures", True),
        ("status:crashed task:x", True),
        ("status:completed,crashed", False),
        ("-status:failures", False),
        ("group:8db75cb3", True),
        ("group:8db75cb3 task:x", True),
        ("-group:8db75cb3", False),
        ("error:timeout", False),
    ],
)
def test_filters_that_leave_only_failures_are_known(text: str, is_so: bool) -> None:
    assert shows_only_failures(ListQuery(timedelta(days=1), text)) is is_so
