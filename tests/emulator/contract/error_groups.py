"""Cases of error groups, and the content of their responses.

Each case creates the runs that the recorded groups counted. Their fingerprints follow from their errors, so the
recorded paths work as they are.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case, recording_of, replay
from tests.emulator.contract.mixes import shared_quiet
from tests.emulator.contract.scene import Scene
from tests.support.recordings import recording
from tui.emulator.access import AUDIENCE, ISSUER, claims_of, sign
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import CODES, Failure, FailureKind, Script

USER = "cmwwupd5e0000ih7dpngz0xpn"
VERSIONS = ("20261126.1", "20261126.2", "20261126.3")
KINDS = {code: kind for kind, code in CODES.items()}

NOT_CREATED = {
    "800bea8fa1b435c9": "the recording cut its message, which the fingerprint covers",
    "ce4ebd85961200e4": "the emulator has no failure with this code; the server left paths out of its fingerprint",
    "cbc03b5051409a5f": "the emulator has no failure with this code",
    "a14590ccb9bc0043": "the emulator has no failure with this code",
}
"""Recorded groups without runs here, with the reason."""


Row = dict[str, Any]


# --- the runs behind recorded groups


def failure_of(row: Row) -> Failure:
    """The failure of a group's runs."""
    message, error_type = row["errorMessage"], row["errorType"]
    if error_type in KINDS:
        return Failure(KINDS[error_type], message)
    if row["taskIdentifier"].endswith("-string"):
        return Failure(FailureKind.STRING, message)
    if row["taskIdentifier"].endswith("-object"):
        return Failure(FailureKind.OBJECT, message)
    return Failure(FailureKind.CUSTOM, message, error_type)


def fail(scene: Scene, row: Row, count: int) -> None:
    """Let this many more runs fail with a group's error."""
    script = Script(throws=failure_of(row))
    for _ in range(count):
        scene.world().trigger(NewRun(task_id=row["taskIdentifier"], script=script, max_attempts=1))
    scene.advance(2)


def fail_in_versions(scene: Scene, row: Row) -> None:
    """Create all runs of a recorded group, one of them in each affected version but the newest."""
    *earlier, newest = reversed(row.get("affectedVersions", VERSIONS[:1]))
    for version in earlier:
        scene.world().lifecycle.deploy(version, {})
        fail(scene, row, 1)
    scene.world().lifecycle.deploy(newest, {})
    fail(scene, row, row["count"] - len(earlier))


def created(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["fingerprint"] not in NOT_CREATED]


def act(scene: Scene, row: Row, action: str, **body: Any) -> None:
    answer = scene.ask("POST", f"/api/v1/errors/{row['id']}/{action}", body=body)
    assert answer.status_code == 200, answer.text


def minted(scene: Scene) -> str:
    """A token with the scopes for error groups that acts for a user."""
    claims = claims_of(DEVELOPMENT, ["write:errors", "read:errors"])
    times = {"iss": ISSUER, "aud": AUDIENCE, "exp": scene.time[0] / 1000 + 3600}
    return sign({**claims, **times, "act": {"sub": USER}}, DEVELOPMENT.key)


# --- content


def content(body: Any) -> Any:
    """A page or a group with the order of its times instead of the times."""
    if "data" in body:
        return {"data": [_group(row) for row in created(body["data"])], "has next": "next" in body["pagination"]}
    return _group(body)


def _group(row: Row) -> Row:
    seen, done = moment(row["lastSeen"]), moment(row.get("resolvedAt") or row["ignoredUntil"])
    times = ("firstSeen", "lastSeen", "resolvedAt", "ignoredAt", "ignoredUntil")
    ignored, until = moment(row.get("ignoredAt")), moment(row["ignoredUntil"])
    return {
        **{key: value is not None if key in times else value for key, value in row.items()},
        "is seen since": done is not None and seen is not None and seen > done,
        "ignored for": until - ignored if ignored is not None and until is not None else None,
    }


def moment(text: str | None) -> float | None:
    """Epoch milliseconds of a time in a response, rounded."""
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


# --- cases


def of_recording(number: str) -> Row:
    body: Row = recording(number)["response"]["body"]
    return body


def listed(scene: Scene, number: str = "1030") -> None:
    """Let runs fail as in the groups of a recorded list."""
    for row in created(of_recording(number)["data"]):
        fail(scene, row, row["count"])


def ignored(scene: Scene) -> None:
    row = of_recording("2704")
    fail_in_versions(scene, row)
    act(scene, row, "ignore", duration=5000, reason=row["ignoredReason"])


def failed_after_its_time(scene: Scene) -> None:
    ignored(scene)
    scene.advance(6)
    fail(scene, of_recording("2704"), 1)


def failed_again(scene: Scene) -> None:
    row = of_recording("2701")
    fail_in_versions(scene, {**row, "count": row["count"] - 1})
    act(scene, row, "resolve", resolvedInVersion=row["resolvedInVersion"])
    scene.advance(0.3)
    fail(scene, row, 1)


replay("621", given=shared_quiet, content=content)
replay("623", "1023", given=shared_quiet)
replay("2711", "2712", "2713", "2716", given=lambda scene: fail(scene, of_recording("2707"), 1))
replay("1027", "1028", "1030", given=listed, content=content)
replay("2702", given=listed)
replay("620", given=lambda scene: listed(scene, "620"), content=content)
replay("2701", given=failed_again, content=content)
replay("2704", given=ignored, content=content)
replay("2705", given=failed_after_its_time, content=content)


@case("1020", "1021", "1022", "1024", "2707", "2710", "2714", "2715", "2717", "2718", content=content)
def one_group(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    fail_in_versions(scene, recording_of(request)["body"])
    return again(scene, request)


@case("2708", "2719", content=content)
def changed_by_a_user(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    fail_in_versions(scene, recording_of(request)["body"])
    return again(scene, request, key=minted(scene))


@case("1031", "1032", is_list=True)
def runs_of_a_group(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    listed(scene)
    answer = again(scene, request)
    assert {run["taskIdentifier"] for run in answer.json()["data"]} == {"fail-cause"}
    return answer


@case("2700", "2703", "2706", content=content)
def groups_with_states(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    for row in created(recording_of(request)["body"]["data"]):
        was_set = row["resolvedAt"] or row["ignoredUntil"]
        fails_later = was_set is not None and row["lastSeen"] > was_set
        fail(scene, row, row["count"] - fails_later)
        if row["status"] == "resolved":
            act(scene, row, "resolve")
        elif row["status"] == "ignored":
            act(scene, row, "ignore", duration=5000)
        scene.advance(6)
        fail(scene, row, int(fails_later))
    # Another one behind the last of the page.
    fail(scene, recording("1030")["response"]["body"]["data"][-3], 1)
    scene.advance(10)
    return again(scene, request)
