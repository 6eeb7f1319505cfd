"""The advice about a failure of a relay, or of the API behind it."""

import pytest

from tests.support.domain.patches import at
from tui.domain.run import RELAY, REST
from tui.domain.update import SourceRetrying, SourceStopped
from tui.kit.words import advice_on

BEHIND = "the API behind wss://relay.example"


@pytest.mark.parametrize("status", [None, 401, 403, 404, 495, 503])
def test_advice_on_a_relay_mentions_neither_key_nor_api(status: int | None) -> None:
    for failure in (
        SourceRetrying(
            RELAY, at(0), at(1), 1, "no connection to wss://relay.example: Connection refused", status=status
        ),
        SourceStopped(RELAY, at(0), "there is no relay at wss://relay.example (404)", status),
    ):
        expected = f"{advice_on(failure, BEHIND)}"
        assert "relay" in expected
        assert "TRIGGER_SECRET_KEY" not in expected
        assert "TRIGGER_API_URL" not in expected
        assert ("TRIGGER_TUI_RELAY_TOKEN" in expected) == (status in {401, 403})


def test_api_failure_behind_a_relay_names_the_relay() -> None:
    failure = SourceRetrying(REST, at(0), at(1), 1, "GET /api/v1/runs: no answer in 20 s", is_answered=False)
    assert advice_on(failure, BEHIND).sentence == "No answer from the API behind wss://relay.example."


def test_refused_preview_key_asks_for_its_branch() -> None:
    expected = "GET /api/v1/runs: 401 Invalid API key (a preview key needs its branch in TRIGGER_PREVIEW_BRANCH)"
    failure = SourceStopped(REST, at(0), expected, 401)
    assert advice_on(failure, "https://api.example").todo.startswith("Set TRIGGER_PREVIEW_BRANCH to the branch")
    relayed = advice_on(failure, BEHIND, is_relayed=True)
    assert relayed.todo.startswith("On the relay: set TRIGGER_PREVIEW_BRANCH")


def test_too_long_period_names_the_key_that_changes_it() -> None:
    failure = SourceRetrying(REST, at(0), at(1), 1, "GET /api/v1/runs: 422 narrow the time window", status=422)
    advice = advice_on(failure, "https://api.example")
    assert advice.short == "the period is too long (422), f shortens it"
    assert advice.text == (
        "The server wants a shorter period for the list of runs (422): narrow the time window. "
        "Press f and choose a shorter period."
    )
    relayed = advice_on(failure, BEHIND, is_relayed=True)
    assert (relayed.short, relayed.todo) == ("the period is too long (422)", "")


def test_refused_key_behind_a_relay_is_not_set_here() -> None:
    failure = SourceStopped(REST, at(0), "GET /api/v1/runs: 401 Invalid API key", 401)
    advice = advice_on(failure, BEHIND, is_relayed=True)
    assert advice.sentence == "The key was refused (401)."
    assert advice.todo.startswith("On the relay: set TRIGGER_SECRET_KEY")
    quiet = SourceRetrying(REST, at(0), at(1), 1, "503", status=503)
    assert advice_on(quiet, BEHIND, is_relayed=True).todo == ""


def test_relay_of_another_version_is_not_called_silent() -> None:
    reason = "the relay speaks version 5 of the protocol, the screen version 4: install the same version"
    stopped = advice_on(SourceStopped(RELAY, at(0), reason), BEHIND)
    assert stopped.sentence == "The relay cannot be used."
    assert reason in stopped.text
    silent = advice_on(SourceRetrying(RELAY, at(0), at(1), 1, "no message in 25 s"), BEHIND)
    assert silent.sentence == "The relay does not answer."
