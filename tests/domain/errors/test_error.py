"""Errors of five places of the API become one `RunError`."""

import pytest

from tests.support.recordings import recording
from tui.domain.error import RunError, build_error
from tui.domain.text import Raw


def of_rest(number: str) -> RunError:
    error = recording(number)["response"]["body"]["error"]
    return build_error(error["message"], name=error.get("name"), stack=error.get("stackTrace"))


def test_thrown_error_has_name_message_and_stack() -> None:
    error = of_rest("103")

    assert (error.name, error.code, error.is_internal, error.has_code_only) == ("Error", None, False, False)
    assert error.stack is not None
    assert error.stack.startswith(f"Error: {error.message}\n    at ")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("109", "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE"),
        ("111", "MAX_DURATION_EXCEEDED"),
        ("147", "TASK_RUN_STALLED_EXECUTING"),
        ("149", "TASK_EXECUTION_FAILED"),
    ],
)
def test_rest_has_only_the_code_of_an_internal_error(number: str, code: str) -> None:
    error = of_rest(number)

    assert (error.code, error.is_internal, error.has_code_only, error.stack) == (code, True, True, None)


@pytest.mark.parametrize("number", ["105", "127", "132"])
def test_plain_message_is_not_an_internal_error(number: str) -> None:
    error = of_rest(number)

    assert (error.name, error.code, error.has_code_only) == (None, None, False)
    assert error.message


def test_message_of_an_internal_error_may_have_lines_and_colons() -> None:
    error = build_error("POD_EVICTED: no space: left\non device", name="Internal error")

    assert (error.code, error.message, error.has_code_only) == ("POD_EVICTED", "no space: left\non device", False)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("trigger.dev internal error (CODE) and more", None),
        ("trigger.dev internal error (CODE)", "Error"),
        ("TASK_X: thrown by the task", "Error"),
        ("Word: text", "Internal error"),
        ("", None),
    ],
)
def test_message_that_resembles_an_internal_error_is_plain(message: str, name: str | None) -> None:
    assert build_error(message, name=name) == RunError(Raw(message), None if name is None else Raw(name))
