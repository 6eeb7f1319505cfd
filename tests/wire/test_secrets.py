"""The key, signatures of addresses and callbacks of tokens reach no error, no log and no surface."""

import asyncio
import json
import logging
import traceback
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from tests.support.commands import in_this_process
from tests.support.fleet import Fleet, FleetRun, serving
from tests.support.recording_server import Fault, RecordingsApi, Reply
from tests.support.virtual_clock import VirtualClock
from tests.support.wire.requests import KEY, NOW, SHORT, ask, failure_of
from tui.api.client import Client
from tui.api.connection import Timeouts
from tui.api.errors import ApiError, Refused, ServerFault, Unreachable
from tui.api.models import without_callback_secrets
from tui.domain.filters import RunFilters

SIGNATURE = "X-Amz-Signature=verySecretSignature"


def whole_text(error: BaseException) -> str:
    """Return all that a traceback with local variables, a log or a repr could show of an error."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    shown = ["".join(lines), repr(error), str(vars(error))]
    for linked in (error.__cause__, error.__context__):
        shown += [] if linked is None else [whole_text(linked)]
    return "\n".join(shown)


def _echo(request: Any) -> Reply:
    return Reply(400, {"error": f"no such key: {request.headers['authorization']}"})


@pytest.mark.parametrize(
    "behaviour",
    [*Fault, "900", "920", "930", "940", "043", _echo, Reply(body=b"{"), Reply(302, headers={"location": "//x"})],
)
def test_key_is_in_no_error_and_no_log(
    recordings_api: RecordingsApi, caplog: pytest.LogCaptureFixture, behaviour: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    recordings_api.answer(behaviour)
    error = failure_from_within(recordings_api.url, SHORT if isinstance(behaviour, Fault) else Timeouts())
    assert KEY not in whole_text(error)
    assert KEY not in caplog.text


def failure_from_within(url: str, timeouts: Timeouts) -> ApiError:
    """Return the error of a client that another function created, so that the traceback lacks that frame."""

    async def run() -> ApiError:
        async with aclosing(Client(url, KEY, clock=lambda: NOW, timeouts=replace(timeouts, whole_s=0.5))) as client:
            try:
                await client.list_runs(RunFilters())
            except ApiError as error:
                return error
        raise AssertionError("it was answered")

    return asyncio.run(run())


def test_stored_data_is_fetched_without_the_key(recordings_api: RecordingsApi) -> None:
    with RecordingsApi() as store:
        store.answer(Reply(body=b'{"json": 1}', headers={"content-type": "application/json"}))
        url = f"{store.url}/packets/payload.json?{SIGNATURE}"
        data = ask(recordings_api.url, lambda client: client.fetch_presigned(url, max_bytes=100), branch="x")
        assert data == b'{"json": 1}'
        (request,) = store.requests
    assert request.query == {"X-Amz-Signature": "verySecretSignature"}
    assert KEY not in str(request)
    assert not {"authorization", "x-trigger-branch", "x-trigger-api-version", "cookie"} & set(request.headers)
    assert recordings_api.requests == []


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Reply(body=b"x" * 101), ServerFault),
        (Reply(403, "<Error>expired</Error>"), Refused),
        (Reply(404, "<Error>NoSuchKey</Error>"), Refused),
        (Reply(503), ServerFault),
        (Reply(302, headers={"location": "http://127.0.0.1:1/?" + SIGNATURE}), ServerFault),
        (Fault.CLOSE, Unreachable),
        (Fault.GARBAGE, Unreachable),
    ],
)
def test_signature_is_in_no_error_and_no_log(
    recordings_api: RecordingsApi, caplog: pytest.LogCaptureFixture, behaviour: Any, kind: type[ApiError]
) -> None:
    caplog.set_level(logging.DEBUG)
    recordings_api.answer(behaviour, path="/payload.json")
    url = f"{recordings_api.url}/payload.json?{SIGNATURE}"
    error = failure_of(recordings_api.url, lambda client: client.fetch_presigned(url, max_bytes=100))
    assert type(error) is kind
    assert "Signature" not in str(error)
    assert "Signature" not in caplog.text
    assert str(error).startswith("GET the stored data at 127.0.0.1: ")


@pytest.mark.parametrize("url", ["http://store/x", "ftp://store/x", "file:///etc/passwd", "", "//store/x", "store/x"])
def test_stored_data_is_not_fetched_from_an_unsafe_address(url: str) -> None:
    error = failure_of("https://api.invalid", lambda client: client.fetch_presigned(url, max_bytes=100))
    assert isinstance(error, ServerFault)
    assert "not https" in str(error)


def test_address_of_stored_data_is_sent_as_it_is(recordings_api: RecordingsApi) -> None:
    """Its signature is about the text."""
    target = "/payload.json?X-Amz-Credential=a%2Fb%2Fs3&X-Amz-Signature=0f%2b'(1)!~*;:@,[x]|{y}`^"
    recordings_api.answer(Reply(body=b"stored"))
    url = recordings_api.url + target
    assert ask(recordings_api.url, lambda client: client.fetch_presigned(url, max_bytes=10)) == b"stored"
    assert recordings_api.requests[0].target == target


def test_user_of_an_address_stands_in_no_error(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(302, headers={"location": "http://name:hidden@other.example/x"}))
    error = failure_of(recordings_api.url)
    assert "redirected to http://other.example, which" in str(error)
    assert "hidden" not in whole_text(error)


CALLBACK_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PATH = f"/api/v1/waitpoints/tokens/waitpoint_cmwwxlgv3066ien7dadgm1ycn/callback/{CALLBACK_SECRET}"
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
    assert CALLBACK_SECRET.encode() not in cleaned
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
    expected = body.replace(CALLBACK_SECRET.encode(), "…".encode())
    assert without_callback_secrets(body) == expected
    if expected == body:
        assert without_callback_secrets(body) is body


def test_commands_print_no_secret() -> None:
    fleet = Fleet(VirtualClock())
    run = fleet.add(FleetRun(1, -60.0, -60.0, None))
    with serving(fleet) as api:
        detail = in_this_process("show", run.id, "--json", url=api.url).objects[0]
        error = {"name": "Error", "message": f"nobody opened {ADDRESS}", "stackTrace": f"Error: {ADDRESS}"}
        values = {"payload": {"approve": ADDRESS}, "output": ADDRESS, "metadata": {"link": ADDRESS}, "tags": [ADDRESS]}
        body = {"id": run.id, "taskIdentifier": "approval", "status": "EXECUTING", "error": error} | values
        body |= {key: detail[key] for key in ("createdAt", "updatedAt")}
        fleet.fault = lambda path: Response(json.dumps(body)) if path == f"/api/v3/runs/{run.id}" else None
        for options in ((), ("--json",), ("--markdown", "--payload")):
            done = in_this_process("show", run.id, *options, url=api.url)
            text = "".join((done.out + done.err).split())  # long lines are wrapped
            assert CALLBACK_SECRET not in text
            assert "waitpoint_cmwwxlgv3066ien7dadgm1ycn" in text
