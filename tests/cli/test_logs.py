"""`logs`: its lines, following, outages, and the limit of the server."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.commands import environment, in_this_process
from tests.support.recording_server import Fault, RecordingsApi, Reply
from tests.support.recordings import recording

NESTED = "run_cmwuqwvad000s9f7d75urpv94"
"""Finished, with the events 250e."""

LIVE = "run_cmwuqyb05001v9f7dfg0xzmnh"
"""Executing in recording 120, finished in 313."""

DETAIL = f"/api/v3/runs/{LIVE}"
EVENTS = f"/api/v1/runs/{LIVE}/events"


@pytest.fixture(autouse=True)
def nested(recordings_api: RecordingsApi) -> None:
    """Answer the detail of the nested run, which was not recorded, with another one."""
    detail = recording("112")["response"]["body"] | {"id": NESTED, "startedAt": "2026-11-24T13:43:59.765Z"}
    recordings_api.answer(Reply(body=detail), path=f"/api/v3/runs/{NESTED}")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.budget.MAX_BUDGET_SHARE", 1e6)
    monkeypatch.setattr("tui.features.logs.command.MIN_INTERVAL_S", 0.001)
    monkeypatch.setattr("tui.sync.fetch.SETTLED_AFTER", timedelta(days=-30))  # the recordings are of several moments
    monkeypatch.setattr("tui.features.logs.command.MIN_RETRY_S", 0.001)


def row(number: int, level: str = "INFO", **more: Any) -> dict[str, Any]:
    return {
        "spanId": f"{number:016x}",
        "message": f"line {number}",
        "startTime": str(1795527901000000000 + number * 1_000_000),
        "attemptNumber": 1,
        "level": level,
        "events": [],
    } | more


def reply(*rows: dict[str, Any]) -> Reply:
    return Reply(body={"events": list(rows)})


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


def test_logs_json_has_each_row_but_spans(recordings_api: RecordingsApi) -> None:
    done = in_this_process("logs", NESTED, "--json", url=recordings_api.url)
    rows = [each for each in recording("250e")["response"]["body"]["events"] if each["level"] != "TRACE"]
    assert (done.code, done.err) == (0, "")
    assert [(line["message"], line["level"], line["spanId"], line["attempt"]) for line in done.objects] == [
        (each["message"], each["level"], each["spanId"], each["attemptNumber"]) for each in rows
    ]
    assert done.objects[1] == {
        "time": "2026-11-24T13:43:59.826Z",
        "offsetMs": 61,
        "level": "INFO",
        "attempt": 1,
        "message": "info line",
        "spanId": "75438895054e7b82",
    }


def test_logs_print_one_line_each(recordings_api: RecordingsApi) -> None:
    done = in_this_process("logs", NESTED, url=recordings_api.url)
    lines = [line.split(None, 4) for line in done.out.splitlines()]
    assert lines[3] == ["2026-11-24T13:43:59.827Z", "0.062s", "1", "error", "error line"]
    assert len(lines) == 8


@pytest.mark.parametrize(
    ("level", "wanted"), [("all", 8), ("debug", 8), ("info", 8), ("log", 8), ("WARN", 4), ("error", 2)], ids=str
)
def test_level_selects_lines(recordings_api: RecordingsApi, level: str, wanted: int) -> None:
    done = in_this_process("logs", NESTED, "--level", level, "--json", url=recordings_api.url)
    assert len(done.objects) == wanted


def test_lines_of_text_cannot_look_like_log_lines(recordings_api: RecordingsApi) -> None:
    text = "first\n2026-11-24T13:43:59.826Z  0.1s  1  error  forged\n\x1b[2Jend"
    recordings_api.answer(reply(row(1, message=text)), path=EVENTS)
    done = in_this_process("logs", LIVE, url=recordings_api.url)
    first, *more = done.out.splitlines()
    assert first.endswith("first")
    assert all(line.startswith(" " * 40) for line in more)
    assert "\x1b" not in done.out


def test_run_without_lines_says_so(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(reply(), path=f"/api/v1/runs/{NESTED}/events")
    done = in_this_process("logs", NESTED, url=recordings_api.url)
    assert (done.code, done.out, done.err) == (0, "", "No logs. This run wrote none.\n")


def test_failures_have_the_usual_exit_codes(recordings_api: RecordingsApi) -> None:
    assert in_this_process("logs", "run_nobody", url=recordings_api.url).code == 1
    assert in_this_process("logs", "../x", url=recordings_api.url).code == 2
    assert in_this_process("logs", NESTED, "--level", "loud", url=recordings_api.url).code == 2
    assert in_this_process("logs", NESTED, url="http://127.0.0.1:9").code == 3
    recordings_api.answer(Reply(403, {"error": "no"}), path=f"/api/v1/runs/{NESTED}/events")
    assert in_this_process("logs", NESTED, url=recordings_api.url).code == 1


@pytest.mark.usefixtures("fast")
def test_follow_prints_each_line_once_until_the_run_ends(recordings_api: RecordingsApi) -> None:
    same = row(1)  # two equal rows are two lines
    recordings_api.answer("120", "120", "120", "313", path=DETAIL)
    recordings_api.answer(
        reply(same),
        reply(same, same, row(4)),
        reply(same, same, row(3), row(4)),
        reply(same, same, row(3), row(4), row(9)),
        path=EVENTS,
    )
    done = in_this_process("logs", LIVE, "--follow", "--json", url=recordings_api.url)
    assert done.code == 0
    assert messages(done.objects) == ["line 1", "line 1", "line 4", "line 3", "line 9"]
    assert done.err == "the run has ended: Completed\n"


@pytest.mark.usefixtures("fast")
def test_follow_goes_on_after_an_outage(recordings_api: RecordingsApi) -> None:
    # The first read whose kept connection closes is repeated at once, and is no failure.
    recordings_api.answer("120", Fault.CLOSE, Fault.CLOSE, "941", "120", "313", path=DETAIL)
    recordings_api.answer(reply(row(1)), Fault.HALF, reply(row(1), row(2)), path=EVENTS)
    done = in_this_process("logs", LIVE, "--follow", "--json", url=recordings_api.url)
    assert (done.code, messages(done.objects)) == (0, ["line 1", "line 2"])
    assert "no data:" in done.err
    assert "connected again after 3 failed tries" in done.err


def test_limit_of_the_server_ends_following(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("120", path=DETAIL)
    recordings_api.answer(Reply(body=_limit()), path=EVENTS)
    done = in_this_process("logs", LIVE, "--follow", "--level", "error", url=recordings_api.url)
    assert (done.code, done.out) == (0, "")
    assert done.err == "The server sends the first 25,000 rows; later lines are not shown. Following ends here.\n"


def _limit() -> bytes:
    one = json.dumps(row(1))
    return f'{{"events":[{",".join([one] * 25_000)}]}}'.encode()


@pytest.fixture
def following(recordings_api: RecordingsApi) -> Iterator["subprocess.Popen[str]"]:
    recordings_api.answer("120", path=DETAIL)
    recordings_api.answer(reply(row(1)), path=EVENTS)
    program = subprocess.Popen(
        [sys.executable, "-m", "tui", "logs", LIVE, "--follow"],
        env=environment(recordings_api.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield program
    program.kill()
    program.communicate()


def test_follow_flushes_each_line_and_ends_on_ctrl_c(following: "subprocess.Popen[str]") -> None:
    assert following.stdout is not None
    assert following.stdout.readline().endswith("line 1\n")
    following.send_signal(signal.SIGINT)
    assert following.communicate(timeout=100) == ("", "")
    assert following.returncode == 130


def test_follow_ends_when_its_reader_is_gone(following: "subprocess.Popen[str]") -> None:
    assert following.stdout is not None
    following.stdout.readline()
    following.stdout.close()  # and no line comes any more
    assert following.wait(timeout=100) == 0
