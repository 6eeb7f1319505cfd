"""What is said of trouble with a relay: about the relay, never about a key that nobody has there."""

import pytest

from tests.support.domain.patches import at
from tui.domain.source_names import RELAY, REST
from tui.domain.update import SourceRetrying, SourceStopped
from tui.present.frame.trouble import advice_on

BEHIND = "the API behind wss://relay.example"


@pytest.mark.parametrize("status", [None, 401, 403, 404, 495, 503])
def test_of_a_relay_no_word_is_about_the_key_or_the_api(status: int | None) -> None:
    for trouble in (
        SourceRetrying(
            RELAY, at(0), at(1), 1, "no connection to wss://relay.example: Connection refused", status=status
        ),
        SourceStopped(RELAY, at(0), "there is no relay at wss://relay.example (404)", status),
    ):
        said = f"{advice_on(trouble, BEHIND)}"
        assert "relay" in said
        assert "TRIGGER_SECRET_KEY" not in said
        assert "TRIGGER_API_URL" not in said
        assert ("TRIGGER_TUI_RELAY_TOKEN" in said) == (status in {401, 403})


def test_trouble_of_the_api_behind_a_relay_is_said_to_be_there() -> None:
    trouble = SourceRetrying(REST, at(0), at(1), 1, "GET /api/v1/runs: no answer in 20 s", is_answered=False)
    assert advice_on(trouble, BEHIND).sentence == "No answer from the API behind wss://relay.example."


def test_refused_preview_key_is_told_of_its_branch() -> None:
    said = "GET /api/v1/runs: 401 Invalid API key (a preview key needs its branch in TRIGGER_PREVIEW_BRANCH)"
    trouble = SourceStopped(REST, at(0), said, 401)
    assert advice_on(trouble, "https://api.example").todo.startswith("Set TRIGGER_PREVIEW_BRANCH to the branch")
    relayed = advice_on(trouble, BEHIND, is_relayed=True)
    assert relayed.todo.startswith("On the relay: set TRIGGER_PREVIEW_BRANCH")


def test_period_that_is_too_long_is_said_with_what_to_press() -> None:
    trouble = SourceRetrying(REST, at(0), at(1), 1, "GET /api/v1/runs: 422 narrow the time window", status=422)
    advice = advice_on(trouble, "https://api.example")
    assert advice.short == "the period is too long (422), f shortens it"
    assert advice.text == (
        "The server wants a shorter period for the list of runs (422): narrow the time window. "
        "Press f and choose a shorter period."
    )
    relayed = advice_on(trouble, BEHIND, is_relayed=True)
    assert (relayed.short, relayed.todo) == ("the period is too long (422)", "")


def test_a_key_that_was_refused_behind_a_relay_is_not_to_be_set_here() -> None:
    trouble = SourceStopped(REST, at(0), "GET /api/v1/runs: 401 Invalid API key", 401)
    advice = advice_on(trouble, BEHIND, is_relayed=True)
    assert advice.sentence == "The key was refused (401)."
    assert advice.todo.startswith("On the relay: set TRIGGER_SECRET_KEY")
    quiet = SourceRetrying(REST, at(0), at(1), 1, "503", status=503)
    assert advice_on(quiet, BEHIND, is_relayed=True).todo == ""
