"""HTTP around the routes: the order of refusals, methods, addresses, bodies, connections."""

import gzip
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx2
import pytest

from tests.support.emulator.server import PATIENCE_S, EmulatorServer, read_all, read_answer, request, run_emulator
from tests.support.emulator.small_world import LARGE, a_world
from tests.support.recordings import recording
from tui.emulator import demo_tasks as company
from tui.emulator.access import Permission
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.routes.table import ROUTES
from tui.emulator.routes.table import ServedRoute as Route
from tui.emulator.server.application import MAX_BODY_BYTES, as_json, takes_gzip
from tui.emulator.world import World

LIST = "/api/v1/runs"


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


@pytest.fixture
def api(server: EmulatorServer) -> EmulatorServer:
    """The server with full rate limits and no faults."""
    server.faults()
    server.emulator.limiter.forget()
    server.answering.wait_for(0)
    return server


# --- the order of checks


def test_missing_key_is_refused_first(api: EmulatorServer) -> None:
    api.faults({"kind": "rate-limit", "most": 0}, {"kind": "error"})
    for method, path in (("GET", LIST), ("DELETE", LIST), ("GET", "/api/v1/nope"), ("GET", "/"), ("POST", "//")):
        answer = api.ask(method, path.replace("//", "/x"), key=None)
        assert (answer.status_code, answer.json()) == (401, recording("901")["response"]["body"])
        assert "x-ratelimit-limit" not in answer.headers
        assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"


def test_limit_is_checked_before_key_and_route(api: EmulatorServer) -> None:
    api.faults({"kind": "rate-limit", "most": 1})
    for key in ("tr_dev_wrong", "Basic x", "Bearer a.b.c"):
        assert [api.get(LIST, key=key).status_code for _ in range(2)] == [401, 429]
    assert [api.get("/api/v1/nope").status_code for _ in range(2)] == [404, 429]
    assert api.ask("DELETE", LIST).status_code == 429


def test_route_and_method_are_checked_before_the_key(api: EmulatorServer) -> None:
    assert api.get("/api/v1/nope", key="tr_dev_wrong").status_code == 404
    assert api.ask("DELETE", LIST, key="tr_dev_wrong").status_code == 405
    assert api.get(LIST, key="tr_dev_wrong").status_code == 401


def test_scope_is_checked_before_the_body(api: EmulatorServer) -> None:
    token = api.token("read:runs")
    answer = api.ask("POST", "/api/v1/tasks/hello/trigger", key=token, content=b"{not json")
    assert answer.status_code == 403
    answer = api.ask("POST", "/api/v1/tasks/hello/trigger", content=b"{not json")
    assert (answer.status_code, answer.json()) == (400, recording("925")["response"]["body"])


def test_every_route_requires_a_scope(api: EmulatorServer) -> None:
    """A token without scopes opens nothing, and one with all scopes not the routes for secret keys."""
    run_id, nothing, everything = api.running(), api.token(), api.token("admin")
    for route in ROUTES:
        path = route.path.replace("{id:path}", run_id).replace("{id}", run_id)
        path = path.replace("{task:path}", "hello").replace("{queue:path}", "task/hello").replace("{span}", "0" * 16)
        refused = 401 if route.permission is Permission.SECRET else 403
        assert api.ask(route.method, path, key=nothing).status_code == refused, route
        assert (api.ask(route.method, path, key=everything).status_code == 401) == (refused == 401), route
    assert api.status(run_id) in {"EXECUTING", "CANCELED"}


def test_every_response_counts_down(api: EmulatorServer) -> None:
    left = [
        int(api.ask(method, path).headers["x-ratelimit-remaining"])
        for method, path in (("GET", LIST), ("DELETE", LIST), ("GET", "/api/v1/nope"), ("HEAD", LIST))
    ]
    assert left == [749, 748, 747, 746]


# --- methods


def test_head_is_get_without_body(api: EmulatorServer) -> None:
    api.running()
    answer = api.ask("HEAD", LIST)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == recording("924")["response"]["headers"]["content-type"]
    with api.socket(LIST, method="HEAD", more="connection: close\r\n") as connection:
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert (head[:15], body) == (b"HTTP/1.1 200 OK", b"")
    assert api.ask("HEAD", "/api/v3/runs/run_x").status_code == 404


def test_options_answer_browsers(api: EmulatorServer) -> None:
    recorded = recording("923")["response"]["headers"]
    answer = api.ask("OPTIONS", LIST, key=None)
    assert (answer.status_code, answer.json()) == (200, {})
    for name in ("access-control-allow-methods", "access-control-max-age", "vary"):
        assert answer.headers[name] == recorded[name]
    assert api.ask("OPTIONS", "/api/v1/queues", key=None).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "GET", "POST", "TRACE", "FROB"])
def test_wrong_methods_are_refused_as_recorded(api: EmulatorServer, method: str) -> None:
    body = recording("921")["response"]["body"]
    if method != "GET":
        answer = api.ask(method, LIST)
        assert (answer.status_code, answer.json()) == (405, body)
        assert "access-control-expose-headers" not in answer.headers
    if method != "POST":
        answer = api.ask(method, f"/api/v2/runs/{api.trigger()}/cancel")
        assert (answer.status_code, answer.json()) == (400, body)


# --- paths


@pytest.mark.parametrize(
    "path", ["/", "/x", "/api", "/api/v1", "/api/v1/nope", "//api/v1/runs", "/api//v1/runs", "/%00"]
)
def test_unknown_path_returns_the_404_page(api: EmulatorServer, path: str) -> None:
    with api.socket(path) as connection:
        status, page = read_answer(connection)
    assert (status, page[:15]) == (404, b"<!DOCTYPE html>")
    answer = api.get("/api/v1/nope")
    recorded = recording("920")["response"]["headers"]
    assert {name: answer.headers[name] for name in ("content-type", "cache-control", "vary")} == {
        name: recorded[name] for name in ("content-type", "cache-control", "vary")
    }


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/v1/runs/", "/api/v1/runs"),
        ("/api/v1/runs/?page%5Bsize%5D=1&x=%2F", "/api/v1/runs?page%5Bsize%5D=1&x=%2F"),
        ("/api/v1/runs//", "/api/v1/runs/"),
        ("//", "/"),
        ("//evil.example/", "/evil.example"),
        ("/%C3%A9%20/", "/%C3%A9%20"),
        ("/a%3Fb/", "/a%3Fb"),
    ],
)
def test_trailing_slash_redirects(api: EmulatorServer, path: str, location: str) -> None:
    with api.socket(path, more="connection: close\r\n") as connection:
        head = read_all(connection).decode()
    lines = head.split("\r\n")
    assert lines[0].startswith("HTTP/1.1 301")
    assert f"location: {location}" in lines
    assert "vary: Accept, Accept-Encoding" in lines
    assert head.endswith(f"Moved Permanently. Redirecting to {location}")


def test_ids_are_decoded_once(api: EmulatorServer) -> None:
    run_id = api.running()
    encoded = "".join(f"%{ord(letter):02X}" for letter in run_id)
    for path, status in (
        (f"/api/v3/runs/{encoded}", 200),
        (f"/api/v1/runs/{encoded}/trace", 200),
        (f"/api/v3/runs/{encoded.replace('%', '%25')}", 404),
        ("/api/v3/runs/run_%2Fabc", 404),
        ("/api/v3/runs/run_%252Fabc", 404),
        ("/api/v3/runs/run_%FF%FE", 404),
        ("/api/v3/runs/%00", 404),
        ("/api/v3/runs/" + "x" * 5000, 404),
        ("/api/v3/runs/%E2%98%83", 404),
    ):
        with api.socket(path) as connection:
            assert read_answer(connection)[0] == status, path
    assert api.get("/api/v3/runs/run_%2Fabc").json() == recording("927")["response"]["body"]


@pytest.mark.parametrize(
    "path",
    [
        f"{LIST}?filter[status]=%FF%FE",
        f"{LIST}?%FF=%FF&&&=&page[size]=1",
        f"{LIST}?filter[tag]=%ED%A0%BD&filter[tag]=a",
    ],
)
def test_invalid_utf8_in_a_query_is_answered(api: EmulatorServer, path: str) -> None:
    with api.socket(path) as connection:
        status, body = read_answer(connection)
    assert status in {200, 400}
    json.loads(body)


@pytest.mark.parametrize(
    "raw", [b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
)
def test_malformed_request_is_400_and_closes(api: EmulatorServer, raw: bytes) -> None:
    with api.socket() as connection:
        connection.sendall(raw)
        assert read_all(connection).startswith(b"HTTP/1.1 400")
    assert api.get(LIST).status_code == 200


@pytest.mark.parametrize("host", ["", "[::1", "\xe4\xf6", "a b", "x" * 3000])
def test_strange_host_is_accepted(api: EmulatorServer, host: str) -> None:
    run_id = api.trigger("text", payload=LARGE * 3)
    raw = request(f"/api/v3/runs/{run_id}").replace(b"host: x", f"host: {host}".encode("latin-1"))
    with api.socket() as connection:
        connection.sendall(raw)
        status, body = read_answer(connection)
    assert status == 200
    assert json.loads(body)["payloadPresignedUrl"].startswith("http://")


def test_http_1_0_without_host_is_accepted(api: EmulatorServer) -> None:
    with api.socket() as connection:
        connection.sendall(f"GET {LIST} HTTP/1.0\r\nauthorization: Bearer {DEVELOPMENT.key}\r\n\r\n".encode())
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 200")
    assert json.loads(received.partition(b"\r\n\r\n")[2]).keys() == {"data", "pagination"}


# --- bodies


def test_gzipped_and_plain_bodies_are_equal(api: EmulatorServer) -> None:
    for _ in range(5):
        api.running()
    plain = api.get(LIST, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with api.socket(LIST, more="accept-encoding: br, gzip\r\n") as connection:
        assert gzip.decompress(read_answer(connection)[1]) == plain.content
    packed = api.get(LIST)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    for answer in (plain, packed):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in answer.headers
    # Too small to compress.
    assert "content-encoding" not in api.get("/api/v3/runs/run_x").headers


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=1.0, identity; q=0.5", True),
        ("gzip;q=0.01", True),
        ("", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
    ],
)
def test_accept_encoding_decides_on_gzip(accepted: str, *, takes: bool) -> None:
    assert takes_gzip(accepted) is takes


def test_json_is_formatted_like_javascript() -> None:
    assert as_json({"a": "é☃😀\ud83d", "b": [1, None, True]}) == '{"a":"é☃😀\\ud83d","b":[1,null,true]}'.encode()
    assert json.loads(as_json("\ud83d\udc00"[::-1])) == "\udc00\ud83d"


def test_lone_surrogate_is_accepted_and_returned(api: EmulatorServer) -> None:
    body = b'{"payload": {"half": "\\ud83d", "\\udc00": 1}, "options": {"tags": ["\\ud83d"]}}'
    run_id = api.ask("POST", "/api/v1/tasks/hello/trigger", content=body).json()["id"]
    api.advance(3)
    assert api.get(f"/api/v3/runs/{run_id}").json()["payload"] == {"half": "\ud83d", "\udc00": 1}
    for path in (LIST, f"/api/v1/runs/{run_id}/trace", f"/api/v1/runs/{run_id}/events", "/emulator/world"):
        assert api.get(path).status_code == 200


def test_infinite_numbers_are_null_and_nan_is_invalid(api: EmulatorServer) -> None:
    def trigger(number: bytes) -> httpx2.Response:
        return api.ask("POST", "/api/v1/tasks/hello/trigger", content=b'{"payload": [%s, 1.5]}' % number)

    for number in (b"1e999", b"-1e999"):
        run_id = trigger(number).json()["id"]
        assert api.get(f"/api/v3/runs/{run_id}").json()["payload"] == [None, 1.5]
    for number in (b"NaN", b"Infinity", b"-Infinity"):
        assert trigger(number).status_code == 400


def test_body_is_accepted_up_to_the_limit(api: EmulatorServer) -> None:
    def trigger(size: int, **more: Any) -> httpx2.Response:
        frame = b'{"payload": "%s"}'
        return api.ask("POST", "/api/v1/tasks/hello/trigger", content=frame % (b"x" * (size - len(frame) + 2)), **more)

    before = len(api.world().ledger)
    assert trigger(MAX_BODY_BYTES).status_code == 200
    answer = trigger(MAX_BODY_BYTES + 1)
    assert (answer.status_code, answer.json()) == (413, {"error": "Request body too large"})
    assert len(api.world().ledger) == before + 1
    # The body of an unknown sender is not read, so its connection cannot be reused.
    assert trigger(20_000_000, key="tr_dev_wrong").status_code == 401
    assert api.get(LIST).status_code == 200


def test_incomplete_body_is_abandoned(api: EmulatorServer) -> None:
    with api.socket("/api/v1/tasks/hello/trigger", method="POST", more="content-length: 100\r\n") as connection:
        connection.sendall(b'{"payload"')
        api.answering.wait_for(1)
    api.answering.wait_for(0)


# --- connections and concurrency


def test_one_connection_serves_many_requests(api: EmulatorServer) -> None:
    with api.socket() as connection:
        for path, expected in ((LIST, 200), ("/api/v1/nope", 404), ("/api/v3/runs/run_x", 404), (LIST, 200)):
            connection.sendall(request(path))
            assert read_answer(connection)[0] == expected
        # Two requests on one connection are answered in order.
        connection.sendall(request(LIST) + request("/api/v3/runs/run_x"))
        received = b""
        while received.count(b"0\r\n\r\n") < 2:
            received += connection.recv(65536)
        assert received.index(b"HTTP/1.1 200") < received.index(b"HTTP/1.1 404")


def test_fifty_requests_at_once(api: EmulatorServer) -> None:
    run_ids = [api.running() for _ in range(5)]
    paths = [
        LIST,
        *(f"/api/v3/runs/{run_id}" for run_id in run_ids),
        *(f"/api/v1/runs/{each}/trace" for each in run_ids),
    ]

    def ask(number: int) -> tuple[int, Any]:
        answer = httpx2.get(
            api.url + paths[number % len(paths)],
            headers={"authorization": f"Bearer {DEVELOPMENT.key}"},
            trust_env=False,
        )
        return answer.status_code, answer.json()

    alone = [ask(number) for number in range(len(paths))]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    assert answers == [alone[number % len(paths)] for number in range(50)]
    assert {status for status, _ in answers} == {200}


def test_environments_have_separate_worlds() -> None:
    with run_emulator(company.COMPANY, history=30, rate_per_s=1.0) as api:
        dev, prod = (
            [row["id"] for row in api.get(f"{LIST}?page[size]=100", key=each.key).json()["data"]]
            for each in (DEVELOPMENT, PRODUCTION)
        )
        assert len(dev) >= 30
        assert len(prod) >= 30
        assert not set(dev) & set(prod)
        assert api.get(f"/api/v3/runs/{prod[0]}", key=DEVELOPMENT.key).status_code == 404
        assert api.ask("POST", f"/api/v2/runs/{prod[0]}/cancel", key=DEVELOPMENT.key).status_code == 404
        assert api.get(f"/api/v3/runs/{prod[0]}", key=PRODUCTION.key).status_code == 200
        env = {api.get(LIST, key=each.key).json()["data"][0]["env"]["name"] for each in (DEVELOPMENT, PRODUCTION)}
        assert env == {"dev", "prod"}


def test_world_is_built_once_for_concurrent_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end, made = Event(), Event(), []

    with run_emulator() as api:
        make = api.emulator._make

        def slowly(environment: Any) -> World:
            made.append(environment.slug)
            if environment is PRODUCTION:
                begun.set()
                assert may_end.wait(PATIENCE_S)
            return make(environment)

        monkeypatch.setattr(api.emulator, "_make", slowly)
        with ThreadPoolExecutor(5) as pool:
            waiting = [pool.submit(api.get, LIST, key=PRODUCTION.key) for _ in range(5)]
            assert begun.wait(PATIENCE_S)
            assert api.get(LIST).status_code == 200
            assert not any(each.done() for each in waiting)
            may_end.set()
            assert [each.result().status_code for each in waiting] == [200] * 5
        assert sorted(made) == ["dev", "prod"]


def test_failed_world_is_built_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with run_emulator() as api:

        def fail(_: Any) -> World:
            raise LookupError("no world today")

        with monkeypatch.context() as patch:
            patch.setattr(api.emulator, "_make", fail)
            assert api.get(LIST).status_code == 500
        assert "no world today" in caplog.text
        assert api.get(LIST).status_code == 200


def test_stopping_server_does_not_wait_for_a_world(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = Event(), Event()
    with run_emulator() as api:

        def slowly(_: Any) -> World:
            begun.set()
            assert may_end.wait(PATIENCE_S)
            return a_world()

        monkeypatch.setattr(api.emulator, "_make", slowly)
        with api.socket(LIST) as connection:
            assert begun.wait(PATIENCE_S)
            stays = connection.dup()
    with stays:
        assert read_all(stays) == b""
    may_end.set()


# --- bugs in a route


def test_bug_in_a_route_is_logged_and_500(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Any) -> Any:
        raise ZeroDivisionError("the route is wrong")

    with run_emulator() as api:
        endpoint = next(route for route in ROUTES if route.name == "whoami")
        monkeypatch.setattr("tui.emulator.server.application.ROUTES", (Route("whoami", "GET", endpoint.path, broken),))
        with run_emulator() as wrong:
            answer = wrong.get("/api/v1/whoami")
            assert (answer.status_code, answer.json()) == (500, {"error": "Internal Server Error"})
            assert wrong.get("/api/v1/nope").status_code == 404
        assert api.get("/api/v1/whoami").status_code == 200
    assert "the route is wrong" in caplog.text
    assert [record.levelno for record in caplog.records if record.name.startswith("tui")] == [logging.ERROR]


# --- packets


def test_packets_need_no_key_and_count_against_no_limit(api: EmulatorServer) -> None:
    run_id = api.trigger("big", payload={"text": LARGE * 3})
    api.advance(3)
    detail = api.get(f"/api/v3/runs/{run_id}").json()
    api.faults({"kind": "rate-limit", "most": 0}, {"kind": "error"})
    payload, output = (httpx2.get(detail[f"{part}PresignedUrl"], trust_env=False) for part in ("payload", "output"))
    assert payload.json() == {"text": LARGE * 3}
    assert output.json() == {"json": {"text": LARGE}}
    assert "x-ratelimit-limit" not in payload.headers
    url = detail["payloadPresignedUrl"]
    assert httpx2.post(url, trust_env=False).status_code == 405
    assert httpx2.head(url, trust_env=False).content == b""
    for wrong, status in ((url + "x", 403), (url.partition("?")[0], 403), (f"{api.url}/packets/x", 404)):
        assert httpx2.get(wrong, trust_env=False).status_code == status
    assert httpx2.get(url.replace("/dev/", "/nope/"), trust_env=False).status_code == 404
    api.advance(301)
    assert httpx2.get(url, trust_env=False).status_code == 403
