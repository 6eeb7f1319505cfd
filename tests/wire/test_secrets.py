"""The key and the signatures of addresses never appear in errors or logs. Stored data is fetched without the key."""

import asyncio
import logging
import traceback
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from tests.support.recording_server import Fault, RecordingsApi, Reply
from tests.support.wire.requests import KEY, NOW, SHORT, ask, failure_of
from tui.api.client import Client
from tui.api.connection import Timeouts
from tui.api.errors import ApiError, Refused, ServerFault, Unreachable
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
    [
        *Fault,
        "900",
        "920",
        "926",
        "930",
        "940",
        "043",
        _echo,
        Reply(body=b"{"),
        Reply(302, headers={"location": "//x"}),
    ],
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
        (Reply(202, "later"), ServerFault),
        (Reply(206, "a part"), ServerFault),
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
