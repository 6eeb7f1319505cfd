"""An emulator on a port whose clock the test owns, with live polls."""

import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx2

from tui.emulator.access import sign_token
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.emulator.simulation.runs import NewRun, Run
from tui.emulator.simulation.script import Backoff, Call, Child, Failure, FailureKind, Script, Start, Task, Work
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
PATIENCE_S = 100.0
ON_ITS_WAY_S = 0.001
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of `http:`. A context of their own would read the machine's certificates, which takes 8 ms."""

ERROR = Failure(FailureKind.ERROR, "Upstream\0 returned 503", "Error", "    at run (file:///app/src/a.ts:1:2)")
CRASH = Failure(FailureKind.CRASH, "Process exited with code 1 after signal null.")


def pipeline(_: Call) -> Script:
    middle = Start((Child("middle", {"n": 1}, tags=("child",)),), is_awaited=True)
    leaves = Start(tuple(Child("leaf", {"n": n}) for n in range(3)), is_awaited=True, is_batch=True)
    return Script((middle, leaves), output={"ok": 3})


def middle(_: Call) -> Script:
    return Script((Start((Child("leaf", {"n": 9}),), is_awaited=True),), output=1)


COMPANY = DemoTasks(
    [
        Task("hello", lambda _: Script((Work(40),), output={"message": "Hello"}), "a.ts"),
        Task("slow", lambda _: Script((Work(60_000),)), "a.ts"),
        Task("fail", lambda _: Script((Work(10),), throws=ERROR), "a.ts", backoff=Backoff(first_ms=500)),
        Task("crash", lambda _: Script((Work(10),), throws=CRASH), "a.ts"),
        Task("single", lambda _: Script((Work(60_000),)), "a.ts", queue="single-file", machine="large-1x"),
        Task("pipeline", pipeline, "a.ts"),
        Task("middle", middle, "a.ts"),
        Task("leaf", lambda call: Script((Work(300),), output=call.payload), "a.ts"),
    ],
    limits={"single-file": 1},
)


@dataclass
class EmulatorServer:
    """The server as its clients see it. `emulator` is its state, `time` is epoch milliseconds."""

    url: str
    emulator: Emulator
    client: httpx2.Client
    time: list[int]
    key: str = DEVELOPMENT.key
    """Sent with each request that names no other key."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> httpx2.Response:
        """Send a request. A `key` of "" sends no header; one with a space is the whole header."""
        token = self.key if key is None else key
        auth = {} if not token else {"authorization": token if " " in token else f"Bearer {token}"}
        content = body.encode() if isinstance(body, str) else None
        return self.client.request(
            method,
            self.url + path,
            params=dict(query) if query else None,
            headers={**auth, **(headers or {})},
            json=body if body is not None and content is None else None,
            content=content,
        )

    def get(self, path: str, *, params: Mapping[str, Any] | None = None, **more: Any) -> httpx2.Response:
        return self.ask("GET", path, query=params, **more)

    def trigger(self, task: str = "slow", payload: Any = None, *, key: str | None = None, **options: Any) -> str:
        """Trigger a task through the API and return the run's id."""
        body = {"payload": payload, "options": options}
        answer = self.ask("POST", f"/api/v1/tasks/{task}/trigger", body=body, key=key)
        assert answer.status_code == 200, answer.text
        run_id: str = answer.json()["id"]
        return run_id

    def faults(self, *specs: Any) -> None:
        """Replace all faults."""
        answer = self.client.post(f"{self.url}/emulator/faults", json={"faults": specs})
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        """Advance the clock. The worlds follow with the next request."""
        self.time[0] += round(seconds * 1000)

    def world(self, slug: str = "dev") -> World:
        """The world itself, advanced to now."""
        world = self.emulator._slots[slug].world
        assert world is not None
        world.advance(self.time[0])
        return world

    def token(self, *scopes: str, expires_in_s: float = 3600, key: str = DEVELOPMENT.key) -> str:
        """A public token of the development environment."""
        now_s = self.time[0] / 1000
        environment = replace(DEVELOPMENT, key=key)
        return sign_token(environment, list(scopes), issued_s=now_s, expires_s=now_s + expires_in_s)

    @contextmanager
    def live(self, path: str, **more: Any) -> Iterator["Future[httpx2.Response]"]:
        """Send a request for the realtime feed, and wait until it is held or answered."""
        held = self.emulator.feeds.held
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(self.get, path, **more)
            while self.emulator.feeds.held == held and not answer.done():
                wait([answer], ON_ITS_WAY_S)
            yield answer

    def poll(self, path: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> httpx2.Response:
        """Send a live request and advance the clock until it is answered."""
        with self.live(path, params=query, headers=headers) as answer:
            while not answer.done():
                due_ms = self.emulator.feeds.next_due_ms()
                if due_ms is None:
                    # The response is on its way.
                    wait([answer], ON_ITS_WAY_S)
                    continue
                self.time[0] = max(self.time[0], due_ms)
                self.emulator.feeds.settle()
            return answer.result()


ServerT = TypeVar("ServerT", bound=EmulatorServer)


@contextmanager
def server_of(
    kind: type[ServerT], company: DemoTasks, *, is_ticking: bool = False, **options: Any
) -> Iterator[ServerT]:
    """Start an emulator. Unless the options say otherwise, it creates no runs of its own."""
    time = [START_MS]
    emulator = Emulator(company, Options(**{"rate_per_s": 0, "history": 0, **options}), lambda: time[0])
    with (
        serve_in_thread(application(emulator), emulator, is_ticking=is_ticking) as url,
        httpx2.Client(timeout=PATIENCE_S, verify=NO_TLS, trust_env=False, follow_redirects=False) as client,
    ):
        yield kind(url, emulator, client, time)


def run_emulator(company: DemoTasks = COMPANY, **options: Any) -> AbstractContextManager[EmulatorServer]:
    return server_of(EmulatorServer, company, **options)


def later(world: World, ms: int) -> None:
    world.advance(world.now_ms + ms)


def started(world: World, task: str, after_ms: int = 0, **more: Any) -> Run:
    """Trigger a run, then advance the world by `after_ms`."""
    run, _ = world.trigger(NewRun(task_id=task, **more))
    later(world, after_ms)
    return run


__all__ = ["DEVELOPMENT", "PRODUCTION", "EmulatorServer", "later", "run_emulator", "started"]
