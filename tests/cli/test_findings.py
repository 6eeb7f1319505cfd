"""`status` and `wall --json`: what they print, their exit codes, and when they end."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx2
import pytest

from tests.support.commands import in_this_process
from tests.support.emulator.server import DEVELOPMENT, run_emulator
from tests.support.recording_server import RecordingsApi, Reply
from tui.domain.facts import FactSource
from tui.domain.finding import Finding, FindingSubject, FindingWord, SourceUnread, SubjectKind, TaskFails, Verdict
from tui.domain.run import TaskId
from tui.domain.text import Raw
from tui.emulator.stories import tell
from tui.features.alerts.words import FindingState, verdict_lines, verdict_objects
from tui.features.wall import command as findings
from tui.features.wall import command as status
from tui.features.wall.command import FindingsStream
from tui.sync import session as session_findings
from tui.sync.session import Session
from tui.text.styled import plain

NOW = datetime(2026, 11, 26, 14, 32, 7, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=11)
CHARGE = Finding(
    FindingWord.FAILING,
    FindingSubject(SubjectKind.TASK, "charge", Raw("charge")),
    SINCE,
    TaskFails(131, 264, Raw("2")),
    "task:charge status:failed",
    task=TaskId("charge"),
)
CALM = Verdict(NOW, heard_at=NOW, is_known=True)


class FrozenSession:
    """A session of which only the time is asked."""

    def local_now(self) -> datetime:
        return NOW


def stream() -> FindingsStream:
    return FindingsStream(cast("Session", FrozenSession()))


def said(objects: list[dict[str, Any]]) -> list[tuple[str, str | None, str]]:
    return [(each["word"], each["subject"], each["state"]) for each in objects]


def test_wall_json_prints_the_findings_of_now_then_changes() -> None:
    printed = stream()
    wrong = replace(CALM, findings=(CHARGE,))
    (first,) = printed.first(wrong)
    assert first == {
        "word": "FAILING",
        "subject": "charge",
        "sentence": "131 of 264 runs failed, only in 2",
        "since": "2026-11-26T14:21:07.000Z",
        "isOlder": False,
        "noRunSince": None,
        "state": "present",
        "kind": "task",
        "key": "charge",
        "task": "charge",
        "runId": None,
        "filter": "task:charge status:failed",
    }
    assert printed.changes(wrong) == []
    more = replace(CALM, findings=(replace(CHARGE, evidence=TaskFails(132, 265)),))
    assert said(printed.changes(more)) == [("FAILING", "charge", "changed")]
    assert said(printed.changes(CALM)) == [("FAILING", "charge", "gone"), ("OK", None, "new")]
    assert said(printed.changes(wrong)) == [("FAILING", "charge", "new")]


def test_status_says_not_known_if_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "NOBODY_AFTER_S", 0.1)
    done = in_this_process("status", url="http://127.0.0.1:9")
    assert (done.code, done.out) == (3, "NOT KNOWN  no data from the server yet\n")
    done = in_this_process("status", "--json", url="http://127.0.0.1:9")
    assert (done.code, [each["word"] for each in done.objects]) == (3, ["NOT KNOWN"])


def test_a_refused_key_exits_with_1(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(401, {"error": "Invalid API key"}))
    for command in (("status",), ("wall", "--json")):
        done = in_this_process(*command, url=recordings_api.url)
        assert (done.code, done.out) == (1, "")
        assert "401" in done.err


@pytest.fixture(scope="module")
def stuck_run() -> Iterator[str]:
    """The address of an emulator in which one run is stuck, 20 s after its start."""
    with run_emulator(is_ticking=True, story=lambda seed, start_ms: tell("stuck-run", seed, start_ms, 1.0)) as server:
        server.get("/api/v1/runs")
        server.advance(20)
        yield server.url


@pytest.fixture(scope="module")
def calm() -> Iterator[str]:
    """The address of an emulator in which nothing is wrong."""
    with run_emulator(is_ticking=True, story=lambda seed, start_ms: tell("calm", seed, start_ms, 1.0)) as server:
        server.get("/api/v1/runs")
        yield server.url


def test_status_prints_one_finding_a_line(stuck_run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "RUNS_WITHIN_S", 1.0)  # its schedules are healthy
    done = in_this_process("status", url=stuck_run, TRIGGER_SECRET_KEY=DEVELOPMENT.key)
    assert done.code == 4
    (line,) = done.out.splitlines()
    assert line.startswith("STUCK    import-catalog  one run executing for 20m, p95 of the task is 4m  over p95 since ")


@pytest.mark.parametrize(
    ("route", "fault", "source"),
    [("list", {"kind": "error", "status": 500}, "runs"), ("tokens", {"kind": "close"}, "waitpoints")],
)
def test_status_is_not_ok_without_a_source(
    calm: str, monkeypatch: pytest.MonkeyPatch, route: str, fault: dict[str, Any], source: str
) -> None:
    monkeypatch.setattr(session_findings, "FIRST_FACTS_S", 0.5)
    monkeypatch.setattr(status, "WITHIN_S", 1.5)
    with httpx2.Client() as client:
        client.post(f"{calm}/emulator/faults", json={"faults": [{**fault, "route": route}]})
        done = in_this_process("status", "--json", url=calm, TRIGGER_SECRET_KEY=DEVELOPMENT.key)
        client.post(f"{calm}/emulator/faults", json={"faults": []})
    assert done.code == 3
    (verdict,) = done.objects
    assert verdict["word"] == "NOT KNOWN"
    assert source in {each["source"] for each in verdict["unread"]}


def test_findings_say_what_else_is_not_known() -> None:
    refused = SourceUnread(FactSource.MINUTES, Raw("the query was refused (429)"), SINCE)
    partial = replace(CALM, findings=(CHARGE,), unread=(refused,), own_since=SINCE)
    lines = [plain(line) for line in verdict_lines(partial, NOW)]
    assert lines == [
        "FAILING  charge  131 of 264 runs failed, only in 2, counts since 14:21  since 14:21",
        "NOT KNOWN  failures: the query was refused (429)",
    ]
    failing, unknown = verdict_objects(partial, FindingState.PRESENT, NOW)
    assert failing["sentence"] == "131 of 264 runs failed, only in 2, counts since 14:21"
    assert unknown["unread"] == [
        {"source": "history", "reason": "the query was refused (429)", "readAt": "2026-11-26T14:21:07.000Z"}
    ]


def test_wall_json_says_what_is_not_read() -> None:
    printed, unread = stream(), (SourceUnread(FactSource.QUEUES, Raw("500")),)
    assert said(printed.first(replace(CALM, findings=(CHARGE,)))) == [("FAILING", "charge", "present")]
    partial = replace(CALM, findings=(CHARGE,), unread=unread)
    assert said(printed.changes(partial)) == [("NOT KNOWN", None, "new")]
    assert printed.changes(replace(partial, at=NOW + timedelta(seconds=1))) == []
    empty = replace(CALM, unread=unread)
    assert said(printed.changes(empty)) == [("NOT KNOWN", None, "new")], "the finding may be there"
    assert said(printed.changes(replace(CALM, findings=(CHARGE,)))) == [("FAILING", "charge", "present")]
    assert said(printed.changes(CALM)) == [("FAILING", "charge", "gone"), ("OK", None, "new")]
