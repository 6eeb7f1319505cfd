"""Tests that the secret in the callback address of a waitpoint token reaches no surface, wherever a server sends it."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from tests.support.commands import in_this_process
from tests.support.fleet import Fleet, FleetRun, serving
from tests.support.virtual_clock import VirtualClock
from tui.api.models import without_callback_secrets

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PATH = f"/api/v1/waitpoints/tokens/waitpoint_cmwwxlgv3066ien7dadgm1ycn/callback/{SECRET}"
ADDRESS = f"https://trigger.example.com{PATH}"
WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in JSON in JSON": lambda text: json.dumps(json.dumps({"url": text})),
    "with escaped slashes": lambda text: text.replace("/", "\\/"),
    "with slashes as code points": lambda text: text.replace("/", "\\u002F"),
    "as a parameter": lambda text: quote(text, safe=""),
    "as a parameter of a parameter": lambda text: quote(quote(text, safe=""), safe=""),
}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_secret_is_removed_however_its_address_is_written(write: Callable[[str], str]) -> None:
    body = json.dumps({"message": f"approve at {write(ADDRESS)} or not", "n": [write(ADDRESS)] * 2}).encode()
    cleaned = without_callback_secrets(body)
    assert SECRET.encode() not in cleaned
    assert cleaned.count("…".encode()) == 3
    assert json.loads(cleaned)["message"].endswith(" or not")


@pytest.mark.parametrize(
    "part", ["%2f", "%25", "\\", "/", "a", "\\u002f", "waitpoints/tokens/", "waitpoints/tokens/a%2f%2f"]
)
def test_body_of_almost_addresses_holds_nothing_up(part: str) -> None:
    # Where the work grows faster than the body, this takes hours.
    body = ("waitpoints/tokens" + part * 10_000 + " callback").encode()
    assert without_callback_secrets(body) == body


@given(st.recursive(st.text(max_size=20) | st.integers() | st.sampled_from((ADDRESS, PATH)), st.lists, max_leaves=8))
def test_rest_of_a_body_stays_as_it_is(value: object) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    expected = body.replace(SECRET.encode(), "…".encode())
    assert without_callback_secrets(body) == expected
    if expected == body:
        assert without_callback_secrets(body) is body


def test_commands_print_no_secret() -> None:
    fleet = Fleet(VirtualClock())
    run = fleet.add(FleetRun(1, -60.0, -60.0, None))
    with serving(fleet) as api:
        detail = in_this_process("show", run.id, "--json", url=api.url).objects[0]
        body = {
            "id": run.id,
            "taskIdentifier": "approval",
            "status": "EXECUTING",
            "createdAt": detail["createdAt"],
            "updatedAt": detail["updatedAt"],
            "payload": {"approve": ADDRESS},
            "output": ADDRESS,
            "metadata": {"link": ADDRESS},
            "tags": [ADDRESS],
            "error": {"name": "Error", "message": f"nobody opened {ADDRESS}", "stackTrace": f"Error: {ADDRESS}"},
        }
        fleet.fault = lambda path: Response(json.dumps(body)) if path == f"/api/v3/runs/{run.id}" else None
        for options in ((), ("--json",), ("--markdown", "--payload")):
            done = in_this_process("show", run.id, *options, url=api.url)
            text = "".join((done.out + done.err).split())  # long lines are wrapped
            assert SECRET not in text
            assert "waitpoint_cmwwxlgv3066ien7dadgm1ycn" in text
