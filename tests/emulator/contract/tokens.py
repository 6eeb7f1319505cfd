"""Cases of waitpoint tokens, and the content of their responses."""

import re
from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case
from tests.emulator.contract.scene import Scene
from tui.emulator.simulation.records import WaitpointToken

WAITED_FOR_S = 5
CONTENTS = {"1105", "1106", "2820", "2821", "2822"}


def approval(scene: Scene, token_id: str = "waitpoint_1") -> WaitpointToken:
    """Create a token that times out after ten minutes, as a request does that is not served."""
    return scene.world().tokens.add(token_id, 600_000, ("approval",))


@case("1105", "1106")
def one_token(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    approval(scene)
    return again(scene, request)


@case("2820")
def token_of_a_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    scene.trigger("approval", {})
    scene.advance(WAITED_FOR_S)
    return again(scene, request)


@case("2821")
def completed_tokens(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    for number in range(2):
        scene.world().tokens.complete(approval(scene, f"waitpoint_{number}"))
    return again(scene, request)


@case("2822")
def tokens_that_timed_out(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    approval(scene)
    scene.advance(600)
    keyed = scene.world().tokens.add("waitpoint_2", 10_000, ("rec2-timeout",))
    keyed.idempotency_key = "rec2-tk-1"
    scene.advance(20)
    return again(scene, request)


@case("2823")
def unknown_status(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request)


def content(body: dict[str, Any]) -> Any:
    """Tokens without ids, secrets and times."""
    return [_row(row) for row in body["data"]]


def _row(row: dict[str, Any]) -> Any:
    return {name: row[name] for name in ("status", "tags")} | {
        "key": row.get("idempotencyKey"),
        "address": re.sub(r"^\w+://[^/]+|waitpoint_\w+|\w+$", "…", row["url"]),
    }
