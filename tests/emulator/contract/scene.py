"""A running emulator with the recorded project's tasks, whose clock the test owns.

It serves real HTTP on loopback. Each case gets new worlds. `runs` lists the recorded runs.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from tests.support.emulator.server import NO_TLS
from tui.emulator.access import sign_token
from tui.emulator.environment import API_VERSION, DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
SCHEDULED = next(task for task in LATER_RECORDED_TASKS if task.id == "nightly-report")
SCHEDULED_TASKS = (replace(SCHEDULED, id="daily-report", every_s=86_400), replace(SCHEDULED, every_s=60))
"""The recorded project had two schedules of one task. Here a task has one schedule."""

UNSCHEDULED_TASKS = tuple(task for task in (*RECORDED_TASKS, *LATER_RECORDED_TASKS) if task is not SCHEDULED)
COMPANY = DemoTasks((*UNSCHEDULED_TASKS, *SCHEDULED_TASKS), limits=RECORDED_LIMITS)
KEYS = {"dev": DEVELOPMENT.key, "prod": PRODUCTION.key}
ON_ITS_WAY_S = 0.001
VERSIONED = {"x-trigger-api-version": API_VERSION}


@dataclass
class Scene:
    """The emulator of one case. Requests are sent with `key`."""

    url: str
    emulator: Emulator
    client: httpx2.Client
    time: list[int]
    key: str = DEVELOPMENT.key
    names: dict[str, str] = field(default_factory=dict)
    """The ids here, by recorded id."""

    quiet: tuple[int, str, list[World]] | None = None
    """An environment that no case changes, once built: its time, its key and its worlds."""

    aged: World | None = None
    """A world with runs of 0 to 40 days that no case changes, once built."""

    def reset(self, seed: int = 0) -> None:
        """Start with new worlds, no faults and full rate limits."""
        self.time[0] = START_MS
        self.key = DEVELOPMENT.key
        self.names.clear()
        self.emulator.limiter.forget()
        self.emulator.faults.set([], ())
        for environment in (DEVELOPMENT, PRODUCTION):
            self.emulator.put(World(COMPANY, start_ms=START_MS, environment=environment, seed=seed))

    def advance(self, seconds: float) -> None:
        """Advance the clock. The worlds follow with the next request."""
        self.time[0] += round(seconds * 1000)

    @property
    def elapsed_s(self) -> float:
        return (self.time[0] - START_MS) / 1000

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
        content = None if body is None else body.encode() if isinstance(body, str) else None
        return self.client.request(
            method,
            self.url + path,
            params=dict(query) if query else None,
            headers={**auth, **(headers or {})},
            json=body if body is not None and content is None else None,
            content=content,
        )

    def poll(self, path: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> httpx2.Response:
        """Send a live request and advance the clock until it is answered."""
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(self.ask, "GET", path, query=query, headers=headers)
            while not answer.done():
                due_ms = self.emulator.feeds.next_due_ms()
                if due_ms is None:
                    # The request or its response is on its way.
                    wait([answer], ON_ITS_WAY_S)
                    continue
                self.time[0] = max(self.time[0], due_ms)
                self.emulator.feeds.settle()
            return answer.result()

    def trigger(self, task: str, payload: Any = None, *, key: str | None = None, **options: Any) -> str:
        """Trigger a task through the API and return the run's id."""
        body = {"payload": payload, "options": options}
        answer = self.ask("POST", f"/api/v1/tasks/{task}/trigger", body=body, key=key)
        assert answer.status_code == 200, answer.text
        run_id: str = answer.json()["id"]
        return run_id

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
def scenes() -> Iterator[Scene]:
    """Start the server. Call `reset` before each case."""
    time = [START_MS]
    environments: tuple[Environment, ...] = (DEVELOPMENT, PRODUCTION)
    emulator = Emulator(COMPANY, Options(rate_per_s=0, history=0, environments=environments), lambda: time[0])
    with (
        serve_in_thread(application(emulator), emulator, is_ticking=False) as url,
        httpx2.Client(timeout=10, verify=NO_TLS, trust_env=False, follow_redirects=False) as client,
    ):
        yield Scene(url, emulator, client, time)
