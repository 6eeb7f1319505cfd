"""Large payloads and outputs: the URLs in a detail return them for a limited time."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.emulator.small_world import ADDRESS, LARGE, a_world, ask, later, refused, started
from tests.support.recordings import recording
from tui.emulator.environment import PRODUCTION
from tui.emulator.exchange import ApiResponse
from tui.emulator.routes import runs
from tui.emulator.routes.runs import VALID_S, packet, slug_in
from tui.emulator.world import World


def answer_at(world: World, address: str) -> ApiResponse:
    assert address.startswith(f"{ADDRESS}/packets/")
    parts = urlsplit(address)
    path = parts.path.removeprefix("/packets/")
    assert slug_in(path) == world.environment.slug
    return ask(packet, world, dict(parse_qsl(parts.query)), path=path)


def fetched(world: World, address: str) -> Any:
    return answer_at(world, address).body


def large_run(world: World) -> dict[str, Any]:
    payload = {"rows": [LARGE] * 3}
    detail: dict[str, Any] = ask(runs.detail, world, id=started(world, "big", 2000, payload=payload).id).body
    return detail


def test_urls_return_the_large_values() -> None:
    world = a_world()
    detail = large_run(world)
    assert fetched(world, detail["payloadPresignedUrl"]) == {"rows": [LARGE] * 3}
    assert fetched(world, detail["outputPresignedUrl"]) == {"json": {"text": LARGE}}
    recorded = recording("119")["response"]["body"]
    for key in ("payloadPresignedUrl", "outputPresignedUrl"):
        mine, theirs = urlsplit(detail[key]), urlsplit(recorded[key])
        assert mine.path.count("/") == theirs.path.count("/")
        assert set(dict(parse_qsl(mine.query))) == set(dict(parse_qsl(theirs.query))) - {"X-Amz-Credential"}


def test_url_is_valid_for_five_minutes() -> None:
    world = a_world()
    address = large_run(world)["payloadPresignedUrl"]
    later(world, VALID_S * 1000)
    assert fetched(world, address) == {"rows": [LARGE] * 3}
    later(world, 1000)
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query))
    path = parts.path.removeprefix("/packets/")
    answer = refused(packet, world, query, path=path)
    assert (answer.status, "expired" in answer.body) == (403, True)
    assert answer.headers["content-type"] == "application/xml"


@pytest.mark.parametrize(
    "forged",
    [
        {"X-Amz-Signature": "0" * 64},
        {"X-Amz-Signature": "é"},
        {"X-Amz-Expires": "30000"},
        {"X-Amz-Date": "20991124T134727Z"},
        {"X-Amz-Date": "nonsense"},
    ],
)
def test_forged_urls_are_refused(forged: dict[str, str]) -> None:
    world = a_world()
    parts = urlsplit(large_run(world)["payloadPresignedUrl"])
    path = parts.path.removeprefix("/packets/")
    query = dict(parse_qsl(parts.query)) | forged
    assert refused(packet, world, query, path=path).status == 403


def test_urls_of_missing_values_are_404() -> None:
    world = a_world()
    detail = large_run(world)
    parts = urlsplit(detail["payloadPresignedUrl"])
    query = dict(parse_qsl(parts.query))
    path = parts.path.removeprefix("/packets/")
    assert refused(packet, world, query, path=path.replace("payload", "output")).status == 403
    assert refused(packet, a_world(PRODUCTION), query, path=path).status == 403
    assert refused(packet, world, {}, path="x").status == 403
    assert slug_in("x") == ""
    run = world.find(detail["id"])
    assert run is not None
    world.ledger.drop(run)
    assert refused(packet, world, query, path=path).status == 404


def test_packet_has_the_content_type_that_the_sdk_expects() -> None:
    """With a charset after the type the SDK could not read it."""
    world = a_world()
    detail = large_run(world)
    text = ask(runs.detail, world, id=started(world, "hello", payload=LARGE * 3).id).body["payloadPresignedUrl"]
    addresses = (detail["payloadPresignedUrl"], detail["outputPresignedUrl"], text)
    kinds = ["application/json", "application/super+json", "text/plain"]
    assert [answer_at(world, address).headers["content-type"] for address in addresses] == kinds
