"""`watch`: its lines, its end, and outages."""

import signal
import subprocess
import sys

import pytest

from tests.support.commands import environment, in_this_process
from tests.support.recording_server import Fault, RecordingsApi, Reply

RUN = "run_cmwuqyb05001v9f7dfg0xzmnh"
"""Executing in recording 120, finished in 313."""

CRASHED = "run_cmwuqwv39000l9f7dy1wfrtva"
CANCELED = "run_cmwuqyyjg002b9f7dqczvu2cr"


def test_watch_json_has_the_run_and_its_previous_status(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("120", "313", path=f"/api/v3/runs/{RUN}")
    done = in_this_process("watch", RUN, "--json", "--interval", "0.5", url=recordings_api.url)
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


def test_watch_exits_with_3_without_a_connection(recordings_api: RecordingsApi) -> None:
    assert in_this_process("watch", url="http://127.0.0.1:9").code == 3
    recordings_api.answer(Fault.CLOSE)
    assert in_this_process("watch", RUN, url=recordings_api.url).code == 3


def test_watch_explains_a_period_that_is_too_long(recordings_api: RecordingsApi) -> None:
    recordings_api.answer(Reply(422, {"error": "too expensive"}), path="/api/v1/runs")
    done = in_this_process("watch", "--no-realtime", url=recordings_api.url)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "GET /api/v1/runs: 422 too expensive "
        "(the server requires less than the last 24h: watch one RUN, or use ls --period 1h)\n"
    )


def test_watch_reports_an_outage_and_continues(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("120", "941", Fault.CLOSE, "313", path=f"/api/v3/runs/{RUN}")
    done = in_this_process("watch", RUN, "--no-realtime", "--interval", "0.5", url=recordings_api.url)
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
