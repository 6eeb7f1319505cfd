"""The relay's findings and facts as messages: what crosses, and what is refused."""

import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from tests.support.domain.patches import at
from tests.wire.relay.samples import EVIDENCE, FACTS_OF_WALL, FINDINGS, VERDICT
from tui.api.errors import ServerFault
from tui.api.relay import MAX_ROWS, RelayFindings, decode_relay_message, encode_relay_message, message_of
from tui.domain.facts import FactSource, MinutesRead, TaskMinute, WaitToken
from tui.domain.finding import FindingsRead
from tui.domain.run import TaskId


def crossed(message: RelayFindings) -> RelayFindings:
    decoded = decode_relay_message(encode_relay_message(message))
    assert isinstance(decoded, RelayFindings)
    return decoded


def test_facts_and_verdict_cross_unchanged() -> None:
    verdict, *facts = [next(crossed(message).updates()) for message in FINDINGS]
    assert isinstance(verdict, FindingsRead)
    assert verdict.verdict is not None
    assert verdict.verdict.at == at(2)  # the relay said it then
    assert verdict.verdict.findings == VERDICT.findings
    assert [type(each.evidence) for each in verdict.verdict.findings] == [type(each) for _, each in EVIDENCE]
    assert facts == list(FACTS_OF_WALL)


def test_sources_of_an_older_relay_are_left_out() -> None:
    """It reads the health report, too, which nothing shows."""
    message = json.loads(encode_relay_message(FINDINGS[0]))
    refused = message["verdict"]["refused"]
    message["verdict"]["refused"] = [["report", "404"], *refused]
    message["unread"] = [
        {"at": "2026-11-24T12:00:00Z", "source": source, "reason": "404", "is_refused": True}
        for source in ("report", "errors")
    ]
    message["environment_normals"] = {"at": "2026-11-24T12:00:00Z", "is_trustworthy": False}
    decoded = decode_relay_message(json.dumps(message).encode())
    assert isinstance(decoded, RelayFindings)
    assert decoded.verdict == FINDINGS[0].verdict
    assert [each.source for each in decoded.unread] == [FactSource.ERRORS]


def test_minutes_of_many_tasks_are_small() -> None:
    minutes = tuple(
        TaskMinute(TaskId(f"task-{task}"), at(60 * minute), 40, 39, 38, 1, 39, 0)
        for task in range(200)
        for minute in range(60)
    )
    read = MinutesRead(at(3600), at(0), timedelta(minutes=1), minutes)
    message = message_of(at(0), read)
    assert len(encode_relay_message(message)) < 400_000
    assert list(crossed(message).updates()) == [read]


def broken(**changes: Any) -> bytes:
    minutes = next(json.loads(encode_relay_message(each)) for each in FINDINGS if each.minutes is not None)
    minutes["minutes"] |= changes
    return json.dumps(minutes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "PT0S"},
        {"cell": "-PT60S"},
        {"rows": [[0] * 7]},
        {"rows": [[0, -1, 0, 0, 0, 0, 0, 0]]},
        {"rows": [[0, 1.5, 0, 0, 0, 0, 0, 0]]},
        {"rows": [[0] * 8] * (MAX_ROWS + 1)},
        {"rows": [[7, 0, 0, 0, 0, 0, 0, 0]]},
        {"rows": [[0, 2**53, 0, 0, 0, 0, 0, 0]]},
        {"tasks": None},
    ],
)
def test_impossible_minutes_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ServerFault, match="a message of the relay could not be read"):
        decoded = decode_relay_message(broken(**changes))
        assert isinstance(decoded, RelayFindings)
        list(decoded.updates())


def test_too_many_findings_are_refused() -> None:
    message = json.loads(encode_relay_message(FINDINGS[0]))
    message["verdict"]["findings"] *= 1_000
    with pytest.raises(ServerFault):
        decode_relay_message(json.dumps(message).encode())


def test_no_token_has_an_address() -> None:
    names = {each.name for each in fields(WaitToken)}
    assert names == {"id", "created_at", "tags", "times_out_at", "run_id", "task", "is_doubtful"}
    text = b"".join(encode_relay_message(message) for message in FINDINGS)
    assert b"url" not in text
    assert b"callback" not in text
