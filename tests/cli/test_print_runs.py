"""`ls`, `show` and `tree` against the recordings over HTTP."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from starlette.responses import JSONResponse, Response

from tests.support.commands import environment, in_this_process, on_terminal, trigger_tui
from tests.support.fleet import SECRET, Fleet, FleetRun, serving
from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import recording
from tests.support.virtual_clock import VirtualClock
from tui.commands.output import Output
from tui.sync.reads import MAX_STALE_PAGES

SCHEMA = Draft7Validator(
    json.loads((Path(__file__).parents[1] / "RUN_SCHEMA.json").read_text()),
    format_checker=Draft7Validator.FORMAT_CHECKER,
)
FAILED = "run_cmwuqwphl00009f7de45f6e3t"
ROOT = "run_cmwur0a5o002h9f7dcmx6srqz"


def queries(api: RecordingsApi, path: str = "/api/v1/runs") -> list[dict[str, str]]:
    return [request.query for request in api.requests if request.path == path]


def test_ls_prints_whole_ids_without_colour_to_a_pipe(recordings_api: RecordingsApi) -> None:
    done = trigger_tui("ls", "--limit", "5", url=recordings_api.url)
    assert done.code == 0
    assert done.err == ""
    head, *rows = done.out.splitlines()
    assert head.split() == ["status", "task", "run", "took", "age", "version", "tags", "cost"]
    assert len(rows) == 5
    assert rows[0].startswith("✗ Failed ")
    assert "run_cmwur0jg4003u9f7dkkxil4se" in rows[0]
    assert "\x1b" not in done.out


def test_ls_json_is_one_object_per_line(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("014")
    done = in_this_process("ls", "--json", "--limit", "40", url=recordings_api.url)
    assert done.code == 0
    assert len(done.objects) == 40
    for run in done.objects:
        SCHEMA.validate(run)
        assert None not in run.values()
    assert done.out.isascii()
    assert done.objects[0]["status"] == "COMPLETED_WITH_ERRORS"
    assert done.objects[0]["apiStatus"] == "FAILED"


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        (["--status", "threw"], "filter[status]", "FAILED"),
        (["--status", "failed"], "filter[status]", "FAILED,INTERRUPTED,CRASHED,SYSTEM_FAILURE,TIMED_OUT"),
        (["--status", "COMPLETED_WITH_ERRORS"], "filter[status]", "FAILED"),
        (["--status", "timed-out,Crashed", "--status", "expired"], "filter[status]", "TIMED_OUT,CRASHED,EXPIRED"),
        (["--task", "leaf", "--task", "middle"], "filter[taskIdentifier]", "leaf,middle"),
        (["--tag", "user:日本 語 🚀"], "filter[tag]", "user:日本 語 🚀"),
        (["--version", "20261124.1"], "filter[version]", "20261124.1"),
        (["--queue", "task/hello-world"], "filter[queue]", "task/hello-world"),
        (["--queue", "ok"], "filter[queue]", "ok,task/ok"),
        ([], "filter[createdAt][period]", "24h"),
        (["--status", "executing,failed"], "filter[createdAt][period]", "24h"),
        (["--status", "executing,queued"], "filter[createdAt][period]", "3650d"),
        (["--period", "1h"], "filter[createdAt][period]", "1h"),
    ],
)
def test_ls_sends_its_filters_to_the_server(
    recordings_api: RecordingsApi, flags: list[str], name: str, value: str
) -> None:
    assert in_this_process("ls", *flags, url=recordings_api.url).code == 0
    assert queries(recordings_api)[0][name] == value


@pytest.mark.parametrize(
    "flags",
    [["--status", "faled"], ["--status", "failed-to-run"], ["--period", "banana"], ["--limit", "0"], ["--nope"]],
)
def test_ls_rejects_filters_that_the_api_ignores(recordings_api: RecordingsApi, flags: list[str]) -> None:
    done = in_this_process("ls", *flags, url=recordings_api.url)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert flags[0] in done.err
    assert recordings_api.requests == []


def test_ls_reads_pages_up_to_the_limit() -> None:
    fleet = Fleet(VirtualClock())
    for number in range(300):
        fleet.add(FleetRun(number, -300 + number, -299 + number, -298 + number))
    with serving(fleet) as api:
        done = in_this_process("ls", "--json", "--limit", "230", url=api.url)
    ids = [run["id"] for run in done.objects]
    assert len(ids) == len(set(ids)) == 230
    assert ids[0] == fleet.runs[-1].id
    assert [query["page[size]"] for _, query in fleet.requests_to("/api/v1/runs")] == ["100", "100", "30"]


@pytest.mark.parametrize(
    ("ids", "cursor"),
    [([], "same"), ([], None), (["run_1"], None)],
    ids=["the cursor repeats", "no rows", "the rows repeat"],
)
@pytest.mark.parametrize("command", ["ls", "errors"])
def test_pages_without_end_stop_a_command(command: str, ids: list[str], cursor: str | None) -> None:
    fleet = Fleet(VirtualClock())
    row = {"status": "FAILED", "taskIdentifier": "t", "createdAt": "2026-11-24T13:00:00Z"}

    def endless(path: str) -> Response | None:
        following = cursor or f"c{len(fleet.requests)}"
        page = {"data": [row | {"id": run_id} for run_id in ids], "pagination": {"next": following}}
        return JSONResponse(page) if path == "/api/v1/runs" else None

    fleet.fault = endless
    with serving(fleet) as api:
        done = in_this_process(command, "--json", url=api.url)
    assert (done.code, len(done.objects) if command == "ls" else 0) == (1, len(ids) if command == "ls" else 0)
    kind = "failed runs" if command == "errors" else "run" if ids else "runs"
    assert done.err.splitlines()[-1].endswith(f"stopped after {len(ids)} {kind}: the server sent too many pages")
    assert len(fleet.requests_to("/api/v1/runs")) <= MAX_STALE_PAGES + 1


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--tag", "no-such-tag"], "tag no-such-tag, last 24h or still live. --period 30d looks further back."),
        (["--queue", "ok"], "queue ok or task/ok, last 24h or still live. --period 30d looks further back."),
        (["--status", "failed,crashed"], "status failed, last 24h. --period 30d looks further back."),
        (["--status", "executing"], "status executing, of any age."),
        (["--task", "a,b", "--period", "7d"], "task a or b, last 7d."),
    ],
)
def test_ls_without_runs_repeats_the_filters(flags: list[str], more: list[str], sentence: str) -> None:
    with serving(Fleet(VirtualClock())) as api:
        done = in_this_process("ls", *flags, *more, url=api.url)
    assert (done.code, done.out, done.err) == (0, "", f"No runs match: {sentence}\n")


def test_ls_ends_quietly_after_a_closed_pipe(recordings_api: RecordingsApi) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "tui", "ls", "--limit", "100"],
        env=environment(recordings_api.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.close()
    assert program.wait(100) == 0
    assert program.stderr.read() == b""
    program.stderr.close()


def test_ls_fits_a_terminal_and_uses_colour(recordings_api: RecordingsApi) -> None:
    terminal = on_terminal("ls", "--limit", "5", env=environment(recordings_api.url), columns=40)
    assert terminal.end() == 0
    assert b"\x1b[1;31m" in terminal.received
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", terminal.received).decode()
    assert all(len(line) <= 40 for line in plain.splitlines())
    assert "leaf" in plain


def test_ls_uses_ascii_without_unicode(recordings_api: RecordingsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    done = trigger_tui("ls", "--ascii", url=recordings_api.url)
    assert (done.code, done.out.isascii()) == (0, True)
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(BytesIO(), encoding="ascii"))
    assert Output.for_process({}).is_ascii


def test_show_prints_a_ticket_in_markdown(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("241", path=f"/api/v1/runs/{FAILED}/trace")
    done = in_this_process("show", FAILED, "--markdown", url=recordings_api.url)
    assert done.code == 0
    assert done.out.startswith("## Failed: `")
    assert "- Environment: `dev` of `references-4744/hello-world-9aEu`" in done.out
    assert "src/trigger/errors.ts:20:29" in done.out
    assert "- Attempt 3: Failed, started 2026-11-24 13:4" in done.out
    assert "Payload" not in done.out
    with_payload = in_this_process("show", FAILED, "--markdown", "--payload", url=recordings_api.url).out
    assert with_payload.startswith(done.out)
    assert with_payload.endswith('### Payload\n\n```json\n{\n  "order": "ord_1001"\n}\n```\n')
    assert in_this_process("show", FAILED, "--markdown", "--json", url=recordings_api.url).code == 2


@pytest.mark.parametrize(
    ("status", "missing", "numbers"),
    [(500, "the attempts are not known: ", []), (403, "earlier attempts are not known: ", [3])],
)
def test_show_json_names_missing_attempts(
    recordings_api: RecordingsApi, status: int, missing: str, numbers: list[int]
) -> None:
    recordings_api.answer(Reply(status, {"error": "no"}), path=f"/api/v1/runs/{FAILED}/trace")
    (run,) = in_this_process("show", FAILED, "--json", url=recordings_api.url).objects
    assert (run["attemptsComplete"], run["attemptsMissing"].startswith(missing)) == (False, True)
    assert [attempt["number"] for attempt in run.get("attempts", [])] == numbers


@pytest.mark.parametrize("may_query", [True, False], ids=["with queries", "without queries"])
def test_tree_shows_every_depth(recordings_api: RecordingsApi, may_query: bool) -> None:
    recordings_api.answer("141", path=f"/api/v3/runs/{ROOT}")
    recordings_api.answer("142", path="/api/v3/runs/run_cmwur0aer002k9f7dn014y7fy")
    recordings_api.answer("234", path=f"/api/v1/runs/{ROOT}/trace")
    refused = Reply(401, {"error": "Invalid API key"})
    recordings_api.answer("834" if may_query else refused, method="POST", path="/api/v1/query")
    done = in_this_process("tree", ROOT, url=recordings_api.url)
    assert done.code == 0
    rows = [line for line in done.out.splitlines() if "  run_" in line]
    assert len(rows) == 11
    assert rows[0].startswith("▌ ✓ pipeline")
    assert sum("leaf" in line for line in rows) == 9
    # Without queries one run is missing: it was triggered without waiting, and its detail was not recorded.
    assert ("Not all of the tree was read: 1 run cannot be read any more" in done.out) is not may_query
    objects = in_this_process("tree", ROOT, "--json", url=recordings_api.url).objects
    assert sorted(node["depth"] for node in objects) == [0] + [1] * 7 + [2] * 3
    below = next(node for node in objects if node["depth"] == 2)
    assert below["relatedRuns"]["parent"]["id"] == "run_cmwur0aer002k9f7dn014y7fy"


def test_missing_key_names_the_variable_and_the_demo(recordings_api: RecordingsApi) -> None:
    done = in_this_process("ls", url=recordings_api.url, TRIGGER_SECRET_KEY="")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "TRIGGER_SECRET_KEY" in done.err
    assert "trigger-tui demo" in done.err


def test_conflicting_addresses_are_both_named() -> None:
    done = in_this_process("ls", "--api-url", "http://127.0.0.1:1", url="http://127.0.0.1:2")
    assert done.code == 2
    assert "--api-url http://127.0.0.1:1" in done.err
    assert "TRIGGER_API_URL=http://127.0.0.1:2" in done.err


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [("900", 1, "401"), ("912", 1, "403"), ("940", 1, "500"), ("920", 1, "TRIGGER_API_URL"), ("150", 1, "Not found")],
)
def test_refusal_exits_with_1_and_one_line(recordings_api: RecordingsApi, number: str, code: int, words: str) -> None:
    recordings_api.answer(number)
    done = in_this_process("ls", url=recordings_api.url)
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert words in done.err
    assert SECRET not in done.err


def test_ls_reports_truncated_responses(recordings_api: RecordingsApi) -> None:
    row = recording("014")["response"]["body"]["data"][0]
    recordings_api.answer(Reply(body={"data": [row | {"tags": [f"t{number}" for number in range(5_000)]}]}))
    done = in_this_process("ls", "--json", url=recordings_api.url)
    assert done.code == 0
    assert len(done.objects[0]["tags"]) == 100
    assert done.err == f"GET /api/v1/runs: 5,000 tags of {row['id']}, only the first 100 are kept\n"


def test_full_disk_prints_one_line(recordings_api: RecordingsApi) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "tui", "ls"],
            env=environment(recordings_api.url),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "cannot write to stdout: No space left on device\n"


def test_ls_computes_ages_by_the_clock_of_the_server(recordings_api: RecordingsApi) -> None:
    row = {"id": "run_1", "status": "QUEUED", "taskIdentifier": "t", "createdAt": "2026-11-24T14:04:55Z"}
    recordings_api.answer(Reply(body={"data": [row], "pagination": {}}))
    done = in_this_process("ls", url=recordings_api.url)
    assert " 5s " in done.out.splitlines()[1]


def test_no_connection_exits_with_3_and_one_line() -> None:
    done = in_this_process("ls", url="http://127.0.0.1:9")
    assert (done.code, done.out) == (3, "")
    assert len(done.err.splitlines()) == 1
    assert "no connection" in done.err


@pytest.mark.parametrize(
    ("command", "run_id"),
    [
        *(("show", run_id) for run_id in ("", "../whoami", "a/b", "run_1?x=y", "run 1", "run_\udcff")),
        *((command, "../whoami") for command in ("tree", "logs", "watch", "cancel", "replay")),
    ],
)
def test_invalid_run_id_is_a_usage_error(recordings_api: RecordingsApi, command: str, run_id: str) -> None:
    done = in_this_process(command, run_id, url=recordings_api.url)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert recordings_api.requests == []


def test_help_and_version_need_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert trigger_tui("--version", env={"PATH": "/usr/bin"}).code == 0
    for flag in ("-h", "--help"):
        assert in_this_process(flag, TRIGGER_SECRET_KEY="").code == 0
    help_text = capsys.readouterr().out
    for command in ("ls", "show", "tree", "logs", "watch", "cancel", "replay"):
        assert help_text.count(f"\n  {command} ") == 2
        assert in_this_process(command, "--help", TRIGGER_SECRET_KEY="").code == 0


def test_ls_lists_a_span_of_time(recordings_api: RecordingsApi) -> None:
    done = in_this_process("ls", "--period", "2026-11-24 13:40 - 2026-11-24 13:50", url=recordings_api.url)
    assert done.code == 0, done.err
    query = queries(recordings_api)[0]
    begin = int(datetime(2026, 11, 24, 13, 40, tzinfo=UTC).timestamp()) * 1000
    assert query["filter[createdAt][from]"] == str(begin)
    assert query["filter[createdAt][to]"] == str(begin + 600_000)
    done = in_this_process("ls", "--period", "02:60-03:00", url=recordings_api.url)
    assert done.code == 2
    assert "past times in UTC" in done.err
