"""Cases of waitpoint tokens, and the content of their responses."""

import re
from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case
from tests.emulator.contract.scene import Scene

PATH = "/api/v1/waitpoints/tokens"
WAITED_FOR_S = 5
CONTENTS = {"1100", "1101", *(str(number) for number in (1103, 1105, 1106, 2820, 2821, 2822, 2824, 2825, 2826, 2827))}


def created(scene: Scene, **body: Any) -> str:
    """Create a token and return its id."""
    answer = scene.ask("POST", PATH, body=body)
    assert answer.status_code == 200, answer.text
    token_id: str = answer.json()["id"]
    return token_id


def approval(scene: Scene) -> str:
    """A token that times out after ten minutes."""
    return created(scene, timeout="10m", tags=["approval"])


def over(scene: Scene) -> str:
    """Let tokens time out, the last one with a key."""
    approval(scene)
    scene.advance(600)
    token_id = created(scene, timeout="10s", tags=["rec2-timeout"], idempotencyKey="rec2-tk-1")
    scene.advance(20)
    return token_id


@case("1101", "2827", "2828", "2829", "2830")
def create_token(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request)


@case("1105", "1106")
def one_token(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    approval(scene)
    return again(scene, request)


@case("1100", "1103")
def token_that_waits(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request, path=_path(request, approval(scene)))


@case("2820")
def token_of_a_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    scene.trigger("approval", {})
    scene.advance(WAITED_FOR_S)
    return again(scene, request)


@case("2821")
def completed_tokens(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    for _ in range(2):
        scene.ask("POST", f"{PATH}/{approval(scene)}/complete", body={"data": {"approved": True}})
    return again(scene, request)


@case("2822")
def tokens_that_timed_out(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    over(scene)
    return again(scene, request)


@case("2823")
def unknown_status(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request)


@case("2824")
def token_before_its_timeout(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    token_id = created(scene, timeout="10s", tags=["rec2-timeout"], idempotencyKey="rec2-tk-1")
    return again(scene, request, path=_path(request, token_id))


@case("2825", "2826")
def token_after_its_timeout(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request, path=_path(request, over(scene)))


def _path(request: dict[str, Any], token_id: str) -> str:
    path: str = request["path"]
    return re.sub(r"waitpoint_\w+", token_id, path)


def content(body: dict[str, Any]) -> Any:
    """Tokens without ids, secrets and times."""
    return [_row(row) for row in body.get("data", [body])]


def _row(row: dict[str, Any]) -> Any:
    kept = {
        name: row[name] for name in ("status", "type", "tags", "outputIsError", "success", "isCached") if name in row
    }
    return kept | {
        "output": re.sub(r"\d", "9", row.get("output", "")),
        "key": row.get("idempotencyKey") if row.get("userProvidedIdempotencyKey", "status" in row) else None,
        "address": re.sub(r"^\w+://[^/]+|waitpoint_\w+|\w+$", "…", row.get("url", "")),
    }
