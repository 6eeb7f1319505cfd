"""Commands about one run and its changes: `logs`, `trace`, `watch`."""

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
    assert (done.code, done.out, done.err) == (0, "", "This run wrote no logs.\n")


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
    recordings_api.answer(reply(row(1, events=[{}] * 24_999)), path=EVENTS)
    done = in_this_process("logs", LIVE, "--follow", "--level", "error", url=recordings_api.url)
    assert (done.code, done.out) == (0, "")
    assert done.err == "The server sends the first 25,000 rows; later lines are not shown. Stopped following.\n"


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


RETRIED = "run_cmwuqwphl00009f7de45f6e3t"


def answered(node: dict[str, Any], depth: int = 0) -> list[tuple[str, int]]:
    """Return the spans of a response with their depths, in order."""
    return [(node["id"], depth), *(found for child in node["children"] for found in answered(child, depth + 1))]


def trace_with(*children: dict[str, Any], is_truncated: bool = False, **data: Any) -> Reply:
    root = {"id": "root", "runId": RETRIED, "data": span_data("task", **data), "children": list(children)}
    return Reply(200, {"trace": {"traceId": "t", "rootSpan": root, "isTruncated": is_truncated}})


def span_data(message: str, **data: Any) -> dict[str, Any]:
    return {"message": message, "duration": 10**9, "startTime": "2026-11-24T13:43:46.188Z", "level": "TRACE"} | data


def test_json_has_the_server_s_values(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("241", path=f"/api/v1/runs/{RETRIED}/trace")
    lines = in_this_process("trace", RETRIED, "--json", url=recordings_api.url).objects
    delay = next(line for line in lines if line["message"] == "Retry #1 delay")
    assert delay == {
        "spanId": delay["spanId"],
        "parentId": lines[0]["spanId"],
        "runId": RETRIED,
        "message": "Retry #1 delay",
        "startTime": "2026-11-24T13:43:47.225Z",
        "durationMs": 946.000128,
        "isError": False,
        "isPartial": False,
        "level": "TRACE",
        "depth": 1,
    }
    assert lines[0]["parentId"] is None
    assert [line["level"] for line in lines].count("DEBUG") == 10


def test_cut_trace_is_reported_and_not_completed(recordings_api: RecordingsApi) -> None:
    spans = [{"id": f"s{number}", "data": span_data(f"line {number}"), "children": []} for number in range(9)]
    spans.append({"id": "s0", "data": {"startTime": "never"}})
    recordings_api.answer(trace_with(*spans, is_truncated=True), path=f"/api/v1/runs/{RETRIED}/trace")
    done = in_this_process("trace", RETRIED, "--json", url=recordings_api.url)
    assert done.code == 0
    assert done.err == "the trace is cut at 5,000 rows, 11 spans received; the rest is missing\n"
    assert len(done.objects) == 11
    assert not any("events" in request.path for request in recordings_api.requests)
    text = in_this_process("trace", RETRIED, url=recordings_api.url).out
    assert "Trace cut at 5,000 rows, 11 spans received; the rest is not shown." in text.replace("\n", " ")


def test_run_without_a_trace_is_refused(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("215", path=f"/api/v1/runs/{RETRIED}/trace")
    for options in ((), ("--json",)):
        done = in_this_process("trace", RETRIED, *options, url=recordings_api.url)
        assert (done.code, done.out) == (1, "")
        assert "Trace not found" in done.err


def test_text_counts_what_has_no_row(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("241", path=f"/api/v1/runs/{RETRIED}/trace")
    text = in_this_process("trace", RETRIED, url=recordings_api.url).out
    assert text.endswith("Not shown: 10 engine spans and 3 run() spans; --json prints them too.\n")
    engine = {"id": "e", "data": span_data("[engine] QUEUED", level="DEBUG"), "children": []}
    recordings_api.answer(trace_with(engine), path=f"/api/v1/runs/{RETRIED}/trace")
    text = in_this_process("trace", RETRIED, url=recordings_api.url).out
    assert text.endswith("Not shown: 1 engine span; --json prints them too.\n")


"""Executing in recording 120, finished in 313."""

CRASHED = "run_cmwuqwv39000l9f7dy1wfrtva"
CANCELED = "run_cmwuqyyjg002b9f7dqczvu2cr"


def test_watch_json_has_the_run_and_its_previous_status(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("120", "313", path=f"/api/v3/runs/{LIVE}")
    done = in_this_process("watch", LIVE, "--json", "--interval", "0.5", url=recordings_api.url)
    first, second = done.objects
    assert (first["status"], second["status"]) == ("EXECUTING", "COMPLETED_SUCCESSFULLY")
    assert "previousStatus" not in first
    assert (second["previousStatus"], second["previousApiStatus"]) == ("EXECUTING", "EXECUTING")
    assert "previousServerStatus" not in second


@pytest.mark.parametrize(("run_id", "code"), [(CRASHED, 4), (CANCELED, 4)], ids=["crashed", "canceled"])
def test_watch_exits_with_4_for_a_failed_run(recordings_api: RecordingsApi, run_id: str, code: int) -> None:
    done = in_this_process("watch", run_id, url=recordings_api.url)
    assert done.code == code
    assert len(done.out.splitlines()) == 1


def test_watch_explains_a_period_that_is_too_long(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(422, {"error": "too expensive"}), path="/api/v1/runs")
    done = in_this_process("watch", "--no-realtime", url=recordings_api.url)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "GET /api/v1/runs: 422 too expensive "
        "(the server wants a shorter period than 24h: watch one RUN, or use ls --period 1h)\n"
    )


def test_watch_reports_an_outage_and_continues(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("120", "941", Fault.CLOSE, "313", path=f"/api/v3/runs/{LIVE}")
    done = in_this_process("watch", LIVE, "--no-realtime", "--interval", "0.5", url=recordings_api.url)
    assert done.code == 0
    assert len(done.out.splitlines()) == 2
    lines = done.err.splitlines()
    assert "retrying in" in lines[0]
    assert "500" in lines[0]
    assert lines[-1].startswith("connected again")


def test_watch_prints_only_new_transitions(recordings_api: RecordingsApi) -> None:
    def row(run_id: str, status: str, second: int) -> dict[str, object]:
        return {
            "id": run_id,
            "status": status,
            "taskIdentifier": "mail",
            "createdAt": f"2026-11-24T14:05:{second:02d}.000Z",
            "updatedAt": f"2026-11-24T14:05:{second:02d}.500Z",
        }

    def page(*rows: dict[str, object]) -> Reply:
        return Reply(body={"data": list(rows), "pagination": {}})

    old, fresh = row("run_old", "COMPLETED", 0), row("run_new", "QUEUED", 2)
    started = row("run_new", "EXECUTING", 3) | {"createdAt": fresh["createdAt"]}
    recordings_api.answer(page(old), page(old), page(fresh, old), page(started, old), path="/api/v1/runs")
    program = subprocess.Popen(
        [sys.executable, "-m", "tui", "watch", "--no-realtime", "--interval", "0.5"],
        env=environment(recordings_api.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stderr is not None
    lines = [program.stdout.readline()]
    if "Executing" not in lines[0]:
        lines.append(program.stdout.readline())
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=100)
    assert program.returncode == 130
    assert err == ""
    assert out == ""
    assert all("run_new" in line for line in lines)
    assert "Executing" in lines[-1]
