"""Which events become messages, and how many are kept."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.support.fleet import SECRET
from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import recording
from tests.support.virtual_clock import START, VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import Capability, Environment, RunId
from tui.domain.text import Raw
from tui.domain.update import (
    CapabilityLost,
    EnvironmentRead,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    Update,
)
from tui.kit.live_model import DUPLICATE_WINDOW, MAX_MESSAGES, Messages, Reporter
from tui.kit.selection import RUN as RUN_NEED
from tui.kit.selection import TREE, FetchState, Selection
from tui.settings.settings import read_settings
from tui.store.changes import Changes
from tui.sync.budget import Priority
from tui.sync.session import Session

RUN = recording("014")["response"]["body"]["data"][0]["id"]
URL = "https://trigger.acme.example"


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_oldest_message_is_dropped() -> None:
    messages = Messages()
    for number in range(MAX_MESSAGES + 10):
        messages.add(START, f"message {number}")
    assert len(messages) == MAX_MESSAGES
    assert next(iter(messages)).text == "message 10"


def test_duplicate_message_is_counted_and_moves() -> None:
    messages = Messages()
    for text in ("a", "b", "a", "a"):
        messages.add(START + at(messages.added_count), text)
    assert [(each.text, each.count, each.at, each.first_at) for each in messages] == [
        ("b", 1, START + at(1), START + at(1)),
        ("a", 3, START + at(3), START),
    ]
    for number in range(DUPLICATE_WINDOW):
        messages.add(START, f"other {number}")
    messages.add(START, "a")
    assert [each.count for each in messages if each.text == "a"] == [3, 1]


def messages_after(tmp_path: Path, *updates: Update) -> list[str]:
    """What a session of these updates leaves in the ring."""

    async def scenario() -> list[str]:
        settings = read_settings(
            {"TRIGGER_SECRET_KEY": SECRET, "TRIGGER_API_URL": URL, "XDG_STATE_HOME": str(tmp_path)}
        )
        session = Session(settings, clock=VirtualClock())
        messages = Messages()
        reporter = Reporter(session, messages)
        for update in updates:
            session.interlock.observe(update)
            session.store.apply(update)
            reporter.on_changes(Changes())
            reporter.on_changes(Changes())
        session.action_log.failure = "the action log cannot be written"
        reporter.on_changes(Changes())
        return [f"{each.text}{f' x{each.count}' if each.count > 1 else ''}" for each in messages]

    return asyncio.run(scenario())


def test_failure_and_its_end_are_reported_once(tmp_path: Path) -> None:
    retry = SourceRetrying("rest", START + at(1), START + at(2), 1, "GET /api/v1/runs: no connection", False)
    again = SourceRetrying("rest", START + at(2), START + at(4), 2, "GET /api/v1/runs: no connection", False)
    stop = SourceStopped("rest", START + at(99), "GET /api/v1/runs: 401 Invalid API key", 401)
    assert messages_after(
        tmp_path,
        SourceConnected("rest", START, 2.0),
        retry,
        again,
        SourceConnected("rest", START + at(61), 2.0),
        SourceConnected("rest", START + at(63), 2.0),
        CapabilityLost(Capability.QUERY, "POST /api/v1/query: 403 no scope"),
        EnvironmentRead(Environment(Raw("dev"), "DEVELOPMENT", Raw("api"), Raw("acme")), START),
        EnvironmentRead(Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme")), START + at(70)),
        stop,
    ) == [
        f"No answer from {URL}: no connection. x2",
        "Connected again after 60 s.",
        (
            "The server refuses queries: 403 no scope. "
            "Counts are those of the loaded runs, and deep levels of trees may be missing."
        ),
        "Actions are blocked: the key now belongs to prod; it belonged to dev.",
        (
            "The key was refused (401). Set TRIGGER_SECRET_KEY to the secret key of an environment: "
            "dashboard, page API keys."
        ),
        "Actions are not logged: the action log cannot be written.",
    ]


def test_failed_read_is_reported_once_for_each_run(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        settings = read_settings({"TRIGGER_SECRET_KEY": SECRET, "XDG_STATE_HOME": str(tmp_path)})
        messages = Messages()
        reporter = Reporter(Session(settings, clock=VirtualClock()), messages)
        error = "GET /api/v3/runs/run_1: 500 Internal Server Error"
        failed = Selection(RunId("run_1"), states={RUN_NEED: FetchState(failure=error)})
        for selection in (
            Selection(),
            failed,
            failed,
            replace(failed, states={TREE: FetchState(failure="the budget is spent")}),
        ):
            reporter.report_selection(selection)
        return [message.text for message in messages]

    assert asyncio.run(scenario()) == [
        "Could not read run_1: 500 Internal Server Error.",
        "Could not read the tree of run_1: the budget is spent.",
    ]


def test_cut_response_is_reported_once(recordings_api: RecordingsApi, tmp_path: Path) -> None:
    row = recording("014")["response"]["body"]["data"][0] | {"tags": [f"t{number}" for number in range(500)]}
    recordings_api.answer(Reply(body={"data": [row]}))

    async def scenario() -> list[str]:
        environ = {"TRIGGER_SECRET_KEY": SECRET, "TRIGGER_API_URL": recordings_api.url}
        messages = Messages()
        async with Session(read_settings(environ | {"XDG_STATE_HOME": str(tmp_path)}), clock=VirtualClock()) as session:
            await session.start()
            reporter = Reporter(session, messages)
            for _ in range(3):
                await session.fetcher.fetch_page(RunFilters(), Priority.SELECTED, size=100)
                reporter.on_changes(Changes())
        return [message.text for message in messages]

    expected = f"The server sent too much: 500 tags of {RUN}, only the first 100 are kept."
    assert asyncio.run(scenario()) == [expected]
