"""The relay's messages: decoding reverses encoding, and refuses what is out of bounds."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.support.domain.patches import at, patch_of, patches, stamp
from tests.wire.relay.samples import (
    EVIDENCE,
    FACTS_OF_WALL,
    FINDINGS,
    PATH,
    RELAY_MESSAGES,
    SCREEN_MESSAGES,
    VERDICT,
    encoded,
)
from tui.api import relay
from tui.api.errors import EARLIEST, LATEST, MAX_TAGS, ServerFault
from tui.api.lists import SPAN, GetRequest
from tui.api.queries import TaskMinutes
from tui.api.responses import Response
from tui.domain.error import RunError
from tui.domain.facts import MinutesRead, TaskMinute
from tui.domain.finding import FindingsRead
from tui.domain.run import Fixed, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunGone, RunPatch

ENDLESS_ARRAY = b"[" * 200_000
WELCOME, RUNS, FACTS_TEXT, *_ = map(encoded, RELAY_MESSAGES)
HELLO = encoded(SCREEN_MESSAGES[0])
CALL = encoded(relay.Call(1, SPAN.request("run_a", span="span")))
MINUTES = encoded(relay.Call(1, TaskMinutes(at(0), at(60), timedelta(minutes=1))))


def sent(patch: RunPatch) -> RunPatch:
    """Return the part of a patch that a relay sends."""
    return RunPatch(
        **{each.name: getattr(patch, each.name) for each in fields(RunPatch)} | dict.fromkeys(relay.UNSENT_FIELDS)
    )


def crossed(patches: list[RunPatch], gone: tuple[RunGone, ...] = (), chunk: relay.Chunk | None = None) -> relay.Runs:
    """Encode runs as a relay does, and return the message that a screen decodes."""
    message = relay.decode_relay_message(relay.encode_runs(at(0), map(relay.encode_patch, patches), gone, chunk))
    assert isinstance(message, relay.Runs)
    return message


def deep(depth: int) -> list[Any]:
    """Return lists nested `depth` deep."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@given(patches)
def test_patch_is_the_same_after_decoding(patch: RunPatch) -> None:
    (read,) = crossed([patch]).patches
    assert read == sent(patch)
    assert repr(read) == repr(sent(patch))  # -0.0, 1.0 and 1 are equal


@pytest.mark.parametrize(
    ("fixed", "error"),
    [
        (Fixed(), RunError(Raw("x" * relay.MAX_PATCH_BYTES))),
        (Fixed(schedule={"cron": "x" * relay.MAX_PATCH_BYTES}), None),
        (Fixed(schedule=deep(100_000)), None),
    ],
    ids=["error", "schedule", "deep schedule"],
)
def test_error_or_schedule_too_large_to_send_is_left_out(fixed: Fixed, error: RunError | None) -> None:
    patch = patch_of("run_a", fixed=fixed, error=(stamp(), error))
    (read,) = crossed([patch]).patches
    assert read == sent(replace(patch, fixed=Fixed(), error=None))
    assert len(relay.encode_patch(patch)) < relay.MAX_PATCH_BYTES


@pytest.mark.parametrize("message", [*RELAY_MESSAGES, relay.RelayFacts(at(0)), relay.Runs(at(0), (), ())])
def test_relay_message_is_the_same_after_decoding(message: relay.RelayMessage) -> None:
    decoded = relay.decode_relay_message(encoded(message))
    assert decoded == message
    assert repr(decoded) == repr(message), "equality leaves out some fields"


def test_response_crosses_with_its_content_type_only() -> None:
    headers = {"content-type": "application/json", "x-secret": "1"}
    sent = Response("GET /x", 404, headers, '{"ü": 1}'.encode(), at(3))
    message = relay.decode_relay_message(b"".join(relay.response_parts(7, relay.encode_response(sent))))
    assert isinstance(message, relay.CallResponse)
    assert message.number == 7
    assert message.response == replace(sent, label="the relay", headers={"content-type": "application/json"})


@pytest.mark.parametrize("message", [*SCREEN_MESSAGES, relay.Call(7, GetRequest("/api/v3/runs/run_1\ud800"))])
def test_screen_message_is_the_same_after_decoding(message: relay.ScreenMessage) -> None:
    assert relay.decode_screen_message(encoded(message)) == message


def test_messages_of_this_version_stay_readable() -> None:
    """If this fails, read `samples.py`."""
    lines = PATH.read_bytes().splitlines()
    of_relay, of_screen = lines[: len(RELAY_MESSAGES)], lines[len(RELAY_MESSAGES) :]
    assert tuple(map(relay.decode_relay_message, of_relay)) == RELAY_MESSAGES
    assert tuple(map(relay.decode_screen_message, of_screen)) == SCREEN_MESSAGES


def changed(message: bytes, path: str, text: str) -> bytes:
    """Return the message with JSON text at a path (`patches.0.id`), as no encoder of ours would write it."""
    row = json.loads(message)
    *parents, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    place = row
    for name in parents:
        place = place[name]
    place[last] = "@"
    return json.dumps(row).replace('"@"', text).encode()


def nested(depth: int) -> str:
    """Return an error as JSON text, with causes nested `depth` deep."""
    return '{"message":"x","causes":[' * depth + "]}" * depth


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"null", b"[]", b"{}", b"7", ENDLESS_ARRAY, b'{"kind":"surprise"}'])
def test_text_that_is_no_message_is_refused(text: bytes) -> None:
    with pytest.raises(ServerFault, match="a message of the relay could not be read"):
        relay.decode_relay_message(text)
    with pytest.raises(ServerFault, match="a message of the screen could not be read"):
        relay.decode_screen_message(text)


@pytest.mark.parametrize(
    ("message", "path", "text"),
    [
        (WELCOME, "beat_s", "0"),
        (WELCOME, "at", '"yesterday"'),
        (RUNS, "patches.0.id", '""'),
        (RUNS, "patches.0.fixed.is_test", '"yes"'),
        (RUNS, "patches.0.state.status", '"EXECUTING"'),
        (RUNS, "patches.0.state.compute", '"P99999999D"'),
        (RUNS, "patches.0.state.cost_cents", "1e400"),
        (RUNS, "patches.0.state.tags", json.dumps(["x"] * (MAX_TAGS + 1))),
        (RUNS, "patches.0.attempt_count", "-1"),
        (RUNS, "patches.0.error.1", nested(5_000)),
        (RUNS, "chunk.number", "-1"),
        (FACTS_TEXT, "environment.environment.slug", "null"),
        (FACTS_TEXT, "sources.0.interval_s", "0"),
        (FACTS_TEXT, "window.period", '"-P1D"'),
    ],
)
def test_value_out_of_bounds_from_a_relay_is_refused(message: bytes, path: str, text: str) -> None:
    relay.decode_relay_message(message)
    with pytest.raises(ServerFault, match="a message of the relay could not be read"):
        relay.decode_relay_message(changed(message, path, text))


@pytest.mark.parametrize(
    ("message", "path", "text"),
    [
        (HELLO, "program", json.dumps("x" * 201)),
        (CALL, "request", "{}"),
        (CALL, "request.kind", '"cancel"'),
        (CALL, "request.path", "7"),
        (MINUTES, "request.since", '"now() OR 1 = 1"'),
        (MINUTES, "request.cell", '"P9999999999D"'),
    ],
)
def test_value_out_of_bounds_from_a_screen_is_refused(message: bytes, path: str, text: str) -> None:
    relay.decode_screen_message(message)
    with pytest.raises(ServerFault, match="a message of the screen could not be read"):
        relay.decode_screen_message(changed(message, path, text))


@pytest.mark.parametrize(
    ("text", "time"),
    [("0001-01-01T00:00:00+23:00", EARLIEST), ("9999-12-31T23:59:59Z", LATEST), ("2026-11-24T13:00:00+01:00", at(0))],
)
def test_time_of_a_run_is_moved_into_bounds(text: str, time: datetime) -> None:
    message = relay.decode_relay_message(changed(RUNS, "patches.0.read_at", f'"{text}"'))
    assert isinstance(message, relay.Runs)
    assert message.patches[0].read_at == time
    assert message.patches[0].read_at.tzinfo is UTC


def test_unknown_field_of_a_message_is_ignored() -> None:
    for path in ("mood", "patches.0.mood", "patches.0.fixed.mood", "patches.0.state.mood", "chunk.mood"):
        assert relay.decode_relay_message(changed(RUNS, path, '"good"')) == relay.decode_relay_message(RUNS)
    assert relay.decode_screen_message(changed(CALL, "request.mood", '"good"')) == relay.decode_screen_message(CALL)


def test_payloads_and_attempts_from_a_relay_are_ignored() -> None:
    text = RUNS
    for name in relay.UNSENT_FIELDS:
        text = changed(text, f"patches.0.{name}", '[["2026-11-24T12:00:00Z",2,"2026-11-24T12:00:00Z"],{}]')
    assert relay.decode_relay_message(text) == relay.decode_relay_message(RUNS)


def test_first_messages_keep_their_form_in_every_version() -> None:
    assert json.loads(HELLO) == {"kind": "hello", "v": relay.VERSION, "program": "trigger-tui/1"}
    assert relay.decode_screen_message(b'{"kind":"hello","v":2,"program":"trigger-tui/0.3"}') == relay.Hello(
        2, "trigger-tui/0.3"
    )
    of_version_2 = b'{"kind":"welcome","v":2,"program":"x","at":"2026-11-24T12:00:00+00:00","beat_s":5.0}'
    assert relay.decode_relay_message(of_version_2) == relay.Welcome(2, "x", at(0), 5.0)


def crossed_findings(message: relay.RelayFindings) -> relay.RelayFindings:
    decoded = relay.decode_relay_message(relay.encode_relay_message(message))
    assert isinstance(decoded, relay.RelayFindings)
    return decoded


def test_facts_and_verdict_cross_unchanged() -> None:
    verdict, *facts = [next(crossed_findings(message).updates()) for message in FINDINGS]
    assert isinstance(verdict, FindingsRead)
    assert verdict.verdict is not None
    assert verdict.verdict.at == at(2)  # the relay said it then
    assert verdict.verdict.findings == VERDICT.findings
    assert [type(each.evidence) for each in verdict.verdict.findings] == [type(each) for _, each in EVIDENCE]
    assert facts == list(FACTS_OF_WALL)


def test_minutes_of_many_tasks_are_small() -> None:
    minutes = tuple(
        TaskMinute(TaskId(f"task-{task}"), at(60 * minute), 40, 39, 38, 1, 39, 0)
        for task in range(200)
        for minute in range(60)
    )
    read = MinutesRead(at(3600), at(0), timedelta(minutes=1), minutes)
    message = relay.message_of(at(0), read)
    assert len(relay.encode_relay_message(message)) < 400_000
    assert list(crossed_findings(message).updates()) == [read]


def broken_minutes(**changes: Any) -> bytes:
    minutes = next(json.loads(relay.encode_relay_message(each)) for each in FINDINGS if each.minutes is not None)
    minutes["minutes"] |= changes
    return json.dumps(minutes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "PT0S"},
        {"rows": [[0] * 7]},
        {"rows": [[0, -1, 0, 0, 0, 0, 0, 0]]},
        {"rows": [[0] * 8] * (relay.MAX_ROWS + 1)},
        {"rows": [[7, 0, 0, 0, 0, 0, 0, 0]]},
        {"rows": [[0, 2**53, 0, 0, 0, 0, 0, 0]]},
    ],
)
def test_impossible_minutes_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ServerFault, match="a message of the relay could not be read"):
        decoded = relay.decode_relay_message(broken_minutes(**changes))
        assert isinstance(decoded, relay.RelayFindings)
        list(decoded.updates())
