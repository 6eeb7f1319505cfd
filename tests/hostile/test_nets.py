"""Each mode fails when the guard of the program that it tests is removed."""

from collections.abc import Callable

import pytest

from tests.hostile.cases import Case, Result
from tests.hostile.test_cases import mode_of
from tui.kit.type_ahead import FrameVisibility, TypeAhead


def run(case_id: str) -> Result:
    case = Case.parse(case_id)
    (result,) = mode_of(case.mode).run([case])
    return result


@pytest.mark.parametrize(
    ("target", "case_id"),
    [
        ("tui.text.styled.clean", "poison|ls text|GET /api/v1/runs|data[].taskIdentifier|csi-clear"),
        ("tui.commands.output.clean", "poison|ls text|an error|error|osc-title"),
        ("tui.text.styled.clean", "relay|relay screen runs 120x40|GET /api/v1/runs|data[].taskIdentifier|csi-clear"),
    ],
)
def test_poison_mode_fails_for_uncleaned_text(monkeypatch: pytest.MonkeyPatch, target: str, case_id: str) -> None:
    for name in (target, "tui.api.responses.clean"):
        monkeypatch.setattr(name, lambda text, **_: text)
    assert "\\x1b" in run(case_id).trouble


def test_type_ahead_fails_without_waiting_for_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(_: TypeAhead, on_visibility: Callable[[FrameVisibility], None]) -> Callable[[], None]:
        on_visibility(FrameVisibility.SEEN)
        return lambda: None

    monkeypatch.setattr(TypeAhead, "begin", begin)
    assert "typed ahead sent" in run("type-ahead|cancel|2000 ms|y|half way").trouble


def test_http_mode_fails_for_an_uncaught_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tui.api.client.response_error", refusal)
    assert run("http|ls text|GET /api/v1/runs|status 500 html").trouble


def test_file_mode_fails_for_a_public_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.actions._OWNER_ONLY", 0o666)
    assert "others may read" in run("files|action log|readable by all").trouble
