"""The suite covers every response and every screen; a failure names what to add."""

import json
from random import Random

import pytest

from tests.hostile.cases import Case
from tests.hostile.commands import missing_examples
from tests.hostile.dosing import dose_of
from tests.hostile.poison_commands import PoisonCommands
from tests.hostile.poisons import POISONS
from tests.hostile.random_mode import RandomUsers, gestures_of
from tests.hostile.random_user.gestures import SUSPEND, Gesture, bytes_of
from tests.hostile.random_user.user import RandomUser
from tests.hostile.random_user.world import Place
from tests.hostile.response_fields import ERRORS, HEADERS, kind_of, recorded_fields
from tests.hostile.rewriting import Dose, poisoned
from tests.support.recordings import recordings
from tui.features import key_table
from tui.kit.terminal.input import InputDecoder
from tui.program.main import STORIES

NOT_REQUESTED = {
    "GET /api/v1/batches/{}": "no surface shows a batch yet",
    "GET /api/v1/batches/{}/results": "empty for v4 runs",
    "GET /api/v1/bulk-actions": "no surface shows bulk actions",
    "GET /api/v1/bulk-actions/{}": "no surface shows bulk actions",
    "POST /api/v1/bulk-actions": "no surface shows bulk actions",
    "POST /api/v1/bulk-actions/{}/abort": "no surface shows bulk actions",
    "GET /api/v1/deployments/current": "the list of deployments has the same",
    "GET /api/v1/deployments/{}": "no command asks for it; the list reads it for the selected deployment",
    "GET /api/v1/errors/{}": "the errors view reads it, for a group that somebody acknowledged",
    "POST /api/v1/errors/{}/ignore": "no action changes the state of a group",
    "POST /api/v1/errors/{}/resolve": "no action changes the state of a group",
    "POST /api/v1/errors/{}/unresolve": "no action changes the state of a group",
    "GET /api/v1/orgs": "takes a personal access token",
    "GET /api/v1/projects": "takes a personal access token",
    "GET /api/v1/projects/{}": "takes a personal access token",
    "GET /api/v1/projects/{}/dev-status": "takes a personal access token",
    "GET /api/v1/projects/{}/environments": "takes a personal access token",
    "GET /api/v1/projects/{}/runs": "takes a personal access token",
    "GET /api/v1/projects/{}/{}": "takes a personal access token",
    "GET /api/v1/projects/{}/{}/workers/current": "takes a personal access token",
    "POST /api/v1/projects/{}/{}/jwt": "takes a personal access token",
    "GET /api/v2/whoami": "takes a personal access token",
    "GET /api/v1/query/schema": "queries are written against the recorded schema",
    "GET /api/v1/queues/{}": "the list of queues has the same",
    "GET /api/v1/queues/{}/metrics": "no command asks for it; the queues view reads it for one queue",
    "POST /api/v1/queues/{}/pause": "no action pauses a queue",
    "GET /api/v1/runs/{}/metadata": "the detail has the same",
    "GET /api/v1/runs/{}/result": "the detail has the same",
    "GET /api/v1/schedules/{}": "the list of schedules has the same",
    "GET /api/v1/waitpoints/{}/{}": "the list of tokens has the same",
    "GET /realtime/v1/batches/{}": "no surface follows a batch",
    "OPTIONS /api/v1/runs": "for browsers",
    "POST /api/v1/runs/{}/reschedule": "no action reschedules",
    "POST /api/v1/runs/{}/tags": "no action adds tags",
    "POST /api/v1/schedules/{}/activate": "no action changes a schedule",
    "POST /api/v1/schedules/{}/deactivate": "no action changes a schedule",
    "POST /api/v1/waitpoints/{}": "no action creates a waitpoint token",
    "POST /api/v1/waitpoints/{}/{}/complete": "no action completes a waitpoint token",
    "POST /api/v1/tasks/{}/trigger": "no action triggers",
}
"""Recorded kinds of responses that no surface requests, each with the reason."""


@pytest.fixture(scope="module")
def requested_kinds() -> set[str]:
    return PoisonCommands().requested_kinds()


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return PoisonCommands().cases(Random(0), is_short=False)


def test_suite_can_call_every_command() -> None:
    assert missing_examples() == []


def test_every_recorded_kind_is_requested_or_explained(requested_kinds: set[str]) -> None:
    recorded = set(recorded_fields()) - {ERRORS, HEADERS}
    assert recorded - requested_kinds - set(NOT_REQUESTED) == set(), (
        "ask for these on a surface, or name them in NOT_REQUESTED"
    )
    assert requested_kinds & set(NOT_REQUESTED) == set(), "surfaces ask for these now: remove them from NOT_REQUESTED"
    assert set(NOT_REQUESTED) <= recorded, "no recording has these any more: remove them from NOT_REQUESTED"


def test_every_field_of_a_requested_kind_has_a_case(requested_kinds: set[str], cases: list[Case]) -> None:
    poisoned_fields = {(kind, dose.path) for kind, dose in map(dose_of, cases)}
    wanted = {
        (kind, path)
        for kind, fields in recorded_fields().items()
        if kind in requested_kinds | {ERRORS, HEADERS}
        for path in fields
    }
    assert wanted - poisoned_fields == set()


def test_long_form_has_two_thousand_cases(cases: list[Case]) -> None:
    assert len(set(cases)) == len(cases) >= 2_000


def test_every_poison_is_used(cases: list[Case]) -> None:
    assert {dose.poison.name for _, dose in map(dose_of, cases)} == set(POISONS)


def test_every_field_has_a_place_in_its_recordings() -> None:
    lost = {
        (kind, path) for kind, fields in recorded_fields().items() if kind not in {ERRORS, HEADERS} for path in fields
    }
    for _, parsed in recordings():
        for pair in parsed.get("polls", [parsed]):
            if "request" not in pair or not isinstance(pair["response"]["body"], dict | list):
                continue
            kind = kind_of(pair["request"]["method"], pair["request"]["path"])
            body = json.dumps(pair["response"]["body"]).encode()
            for path in [path for of, path in lost if of == kind]:
                changed, placed = poisoned(body, [Dose(path, POISONS["number"], "zq0", 0)])
                lost -= {(kind, path)} if placed and changed != body else set()
    assert lost == set()


def test_terminal_can_send_every_bound_key() -> None:
    table = key_table()
    for key in {*(key for row in table.rows.values() for key in row.keys), *table.text_keys} - {"escape"}:
        assert [message.key for message in InputDecoder().feed(bytes_of(key), 0.0)] == [key]  # type: ignore[attr-defined]


def test_random_users_press_every_bound_key() -> None:
    drawn = {gesture for seed in range(60) for gesture in gestures_of(f"{seed} 200")}
    keys = {gesture.argument for gesture in drawn if gesture.kind == "key"}
    assert {key for row in key_table().rows.values() for key in row.keys} - keys == {SUSPEND}
    assert Gesture("suspend") in drawn
    assert {gesture for gesture in drawn if not hasattr(RandomUser, f"_{gesture.kind}")} == set()


def test_random_users_meet_every_story() -> None:
    cases = RandomUsers().cases(Random(0), is_short=False)
    assert {Place.parse(case.surface).story for case in cases} >= set(STORIES) - {"calm"}
