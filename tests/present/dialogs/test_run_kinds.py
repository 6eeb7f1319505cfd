"""Runs are counted by status, task and error before an action."""

from tests.support.domain.patches import run_of, stamp
from tui.domain.error import build_error
from tui.domain.error_kinds import kind_of
from tui.domain.run import Run
from tui.features.actions.words import counted_lines, kind_of_run
from tui.text.styled import plain


def failed(number: int, message: str) -> Run:
    error = build_error(message, name="Error")
    return run_of(f"run_{number}", "COMPLETED_WITH_ERRORS", error=(stamp(), error))


def counted(*messages: str) -> list[str]:
    runs = [failed(number, message) for number, message in enumerate(messages)]
    return [plain(line).split(maxsplit=4)[-1] for line in counted_lines(map(kind_of_run, runs), 100)]


def test_messages_that_differ_in_data_are_one_line() -> None:
    assert counted("order 1 failed", "order 2 failed", "order 2 is late") == ["order <n> failed", "order 2 is late"]


def test_equal_messages_are_shown_as_they_came() -> None:
    assert counted("order 7 failed\nmore", "order 7 failed\nmore") == ["order 7 failed"]


def test_status_codes_are_lines_of_their_own() -> None:
    messages = ("Request failed with status code 503", "Request failed with status code 404")
    assert sorted(counted(*messages)) == sorted(messages)


def test_messages_of_one_error_group_are_one_line() -> None:
    messages = ("user 1207 of acme is gone", "user 5e0f3c1a-93b5-4f0e-8d0e-0c4f7f0a1b2c of acme is gone")
    groups = {kind_of(build_error(message, name="Error")).fingerprint for message in messages}
    assert (len(groups), len(counted(*messages))) == (1, 1)
