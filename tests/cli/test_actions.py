"""`cancel` and `replay`: consent, outcomes, and exit codes."""

import os
import signal
from collections.abc import Iterator

import pytest
from starlette.responses import JSONResponse

from tests.support.commands import PATIENCE_S, answered, environment, in_this_process, on_terminal
from tests.support.fleet import Fleet, FleetApi, FleetRun, serving
from tests.support.responses import HeldResponse, server_error
from tests.support.virtual_clock import VirtualClock

LONG = 1e6
REPORT = b"\x1b[12;40R"


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet(VirtualClock())
    for number in range(30):
        fleet.add(FleetRun(number, -100 + number, -60, LONG))
    fleet.add(FleetRun(50, -50, -40, -30))
    return fleet


@pytest.fixture
def api(fleet: Fleet) -> Iterator[FleetApi]:
    with serving(fleet) as api:
        yield api


def writes(fleet: Fleet) -> list[str]:
    return [path for _, path, _ in fleet.requests if path.endswith(("/cancel", "/replay"))]


def test_cancel_with_yes_confirms_by_reading_the_run(fleet: Fleet, api: FleetApi) -> None:
    done = in_this_process("cancel", fleet.runs[0].id, "--yes", url=api.url)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{fleet.runs[0].id}  canceled\n"
    assert fleet.status(fleet.runs[0]) == "CANCELED"


def test_cancel_json_has_the_phase(fleet: Fleet, api: FleetApi) -> None:
    done = in_this_process("cancel", fleet.runs[0].id, fleet.runs[-1].id, "--yes", "--json", url=api.url)
    first, second = done.objects
    status = {"status": "CANCELLED", "apiStatus": "CANCELED"}
    assert first == {"run": fleet.runs[0].id, "action": "cancel", "phase": "confirmed"} | status
    assert (second["status"], second["apiStatus"]) == ("COMPLETED_SUCCESSFULLY", "COMPLETED")
    assert second["phase"] == "refused"
    assert second["message"] == "it is already Completed"
    assert done.code == 1


def test_replay_prints_the_new_run(fleet: Fleet, api: FleetApi) -> None:
    done = in_this_process("replay", fleet.runs[-1].id, "--yes", "--json", url=api.url)
    assert done.code == 0
    assert done.objects[0]["newRun"] == fleet.newest.id != fleet.runs[-1].id


@pytest.mark.parametrize("verb", ["cancel", "replay"])
def test_action_needs_yes_without_a_terminal(fleet: Fleet, api: FleetApi, verb: str) -> None:
    done = in_this_process(verb, fleet.runs[0].id, url=api.url)
    assert done.code == 2
    assert "--yes" in done.err
    assert fleet.requests == []


@pytest.mark.parametrize("verb", ["cancel", "replay"])
def test_action_needs_the_name_in_production(fleet: Fleet, api: FleetApi, verb: str) -> None:
    fleet.lead_to("prod", "PRODUCTION")
    run_id = fleet.runs[0].id
    done = in_this_process(verb, run_id, "--yes", url=api.url)
    assert done.code == 2
    assert "--env-name prod" in done.err
    done = in_this_process(verb, run_id, "--yes", "--env-name", "dev", url=api.url)
    assert done.code == 2
    assert writes(fleet) == []
    assert in_this_process(verb, run_id, "--yes", "--env-name", "prod", url=api.url).code == 0
    assert len(writes(fleet)) == 1


def test_unnamed_environment_counts_as_production(fleet: Fleet, api: FleetApi) -> None:
    fleet.fault = lambda path: server_error(401) if path == "/api/v1/whoami" else None
    done = in_this_process("cancel", fleet.runs[0].id, "--yes", url=api.url)
    assert done.code == 2
    assert "--env-name" in done.err
    assert writes(fleet) == []


def test_action_needs_the_count_above_ten_runs(fleet: Fleet, api: FleetApi) -> None:
    ids = [run.id for run in fleet.runs[:11]]
    done = in_this_process("cancel", *ids, "--yes", url=api.url)
    assert done.code == 2
    assert "--count 11" in done.err
    assert in_this_process("cancel", *ids, "--yes", "--count", "10", url=api.url).code == 2
    assert writes(fleet) == []
    assert in_this_process("cancel", *ids, "--yes", "--count", "11", url=api.url).code == 0
    assert len(writes(fleet)) == 11


def test_count_includes_runs_below(fleet: Fleet, api: FleetApi) -> None:
    parent = fleet.runs[0]
    for number in range(100, 112):
        fleet.add(FleetRun(number, -20, -10, LONG, parent=parent.number))
    done = in_this_process("cancel", parent.id, "--yes", url=api.url)
    assert done.code == 2
    assert "1 run and 12 below (12 Executing)" in done.err
    assert "--count 13" in done.err
    assert writes(fleet) == []


def test_dry_run_sends_nothing(fleet: Fleet, api: FleetApi) -> None:
    done = in_this_process("cancel", fleet.runs[0].id, fleet.runs[-1].id, "--dry-run", url=api.url)
    assert done.code == 0
    assert "would be canceled" in done.out
    assert "it is already Completed" in done.out
    assert "nothing was sent" in done.err
    assert writes(fleet) == []


def test_unknown_id_stops_the_whole_command(fleet: Fleet, api: FleetApi) -> None:
    done = in_this_process("cancel", fleet.runs[0].id, "run_nobody", "--yes", url=api.url)
    assert done.code == 1
    assert "run_nobody" in done.err
    assert writes(fleet) == []


def test_action_is_refused_in_an_unexpected_environment(fleet: Fleet, api: FleetApi) -> None:
    done = in_this_process("cancel", fleet.runs[0].id, "--yes", "--expect-env", "staging", url=api.url)
    assert done.code == 1
    assert "not the expected staging" in done.err
    assert writes(fleet) == []


def test_action_asks_at_a_terminal_and_needs_y(fleet: Fleet, api: FleetApi) -> None:
    for answer, code in ((b"\n", 1), (b"y\n", 0)):
        assert writes(fleet) == []
        asks = b"Cancel 1 run in dev?"
        assert answered("cancel", fleet.runs[0].id, url=api.url, question=asks, answer=REPORT + answer) == code
    assert len(writes(fleet)) == 1


def test_question_needs_the_name_in_production(fleet: Fleet, api: FleetApi) -> None:
    fleet.lead_to("prod", "PRODUCTION")
    ids = [run.id for run in fleet.runs[:2]]
    for answer, code in ((b"y\n", 1), (b"prod\n", 0)):
        assert answered("cancel", *ids, url=api.url, question=b"type prod to confirm", answer=answer) == code
    assert len(writes(fleet)) == 2


@pytest.mark.parametrize("kind", ["production", "PROD", "SOMETHING_NEW", ""])
def test_unknown_environment_type_counts_as_production(fleet: Fleet, api: FleetApi, kind: str) -> None:
    fleet.lead_to("dev", kind)
    done = in_this_process("cancel", fleet.runs[0].id, "--yes", url=api.url)
    assert done.code == 2
    assert "--env-name dev" in done.err
    assert writes(fleet) == []


def test_question_needs_the_count_without_a_name(fleet: Fleet, api: FleetApi) -> None:
    fleet.fault = lambda path: server_error(500) if path in {"/api/v1/whoami", "/api/v1/runs"} else None
    ids = [run.id for run in fleet.runs[:2]]
    question = b"counts as production? (type 2 to confirm)"
    assert answered("cancel", *ids, url=api.url, question=question, answer=b"y\n") == 1
    assert writes(fleet) == []
    done = in_this_process("cancel", *ids, "--yes", "--env-name", "unknown", url=api.url)
    assert done.code == 0


def test_interruption_names_the_run_without_an_outcome(fleet: Fleet, api: FleetApi) -> None:
    second, held = fleet.runs[1], HeldResponse()
    fleet.fault = lambda path: held if path == f"/api/v2/runs/{second.id}/cancel" else None
    terminal = on_terminal("cancel", fleet.runs[2].id, second.id, fleet.runs[3].id, "--yes", env=environment(api.url))
    assert held.is_asked.wait(PATIENCE_S)
    os.kill(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130, terminal.received
    assert f"the outcome for {second.id} is not known; the request was not sent for 1 run".encode() in terminal.received


def test_response_about_another_run_stops_the_action(fleet: Fleet, api: FleetApi) -> None:
    other = fleet.row(fleet.runs[1])
    path_of = f"/api/v3/runs/{fleet.runs[0].id}"
    fleet.fault = lambda path: JSONResponse(other | {"relatedRuns": {"children": []}}) if path == path_of else None
    done = in_this_process("cancel", fleet.runs[0].id, "--yes", url=api.url)
    assert done.code == 1
    assert "another run" in done.err
    assert writes(fleet) == []


def test_refused_key_is_said_in_one_line(fleet: Fleet, api: FleetApi) -> None:
    fleet.fault = lambda path: JSONResponse({"error": "no"}, 403) if path.endswith("/cancel") else None
    done = in_this_process("cancel", *(run.id for run in fleet.runs[:3]), "--yes", url=api.url)
    assert done.code == 1
    assert done.err == "cancel: this key may not do that (403)\n"
    assert [line.split()[1] for line in done.out.splitlines()] == ["refused:"] * 3
    assert len(writes(fleet)) == 1
