"""The pane of logs by its keys."""

import asyncio
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.logs import LogServer
from tests.support.ui.monitor import Monitored, run_story, width_of_more_tabs
from tests.support.virtual_clock import VirtualClock
from tui.domain.log import RunLog
from tui.features.logs.view import LogsPane
from tui.kit.speed import PauseCollector

STACK = "Error: only logged\n    at run (file:///app/src/a.ts:1:2)\n    at f (file:///app/node_modules/zod/z.js:3:4)"


def chatty(ended_s: float = -10.0) -> LogServer:
    """A run that has started 100 s ago, with a few lines."""
    fleet = Fleet(VirtualClock())
    fleet.add_all([FleetRun(1, -101, -100, ended_s, "FAILED" if ended_s < 0 else "COMPLETED", task="charge")])
    server = LogServer(fleet)
    server.say(-99.89, "charging order 81251")
    failed = server.say(-99.48, "No such customer", "ERROR")
    server.attributes[failed] = {"code": "missing", "user": {"id": 7}, "stack": STACK}
    server.say(-99.48, "attempt 1 failed", "WARN")
    server.say(-60.0, "retrying", "DEBUG", attemptNumber=2)
    server.say(-59.0, "again: order 81251", attemptNumber=2)
    return server


async def opened(monitor: Monitored, *keys: str) -> LogsPane:
    await monitor.press("j", "5", wait_s=2.0)
    await monitor.press(*keys)
    pane = monitor.screen.panes["logs"]
    assert isinstance(pane, LogsPane)
    return pane


def shown(monitor: Monitored) -> list[str]:
    """The lines of the zoomed pane below the titles, until the first empty one."""
    lines = [" ".join(line.lstrip("▌ ").split()) for line in monitor.lines[3:-1]]
    return lines[: lines.index("")] if "" in lines else lines


def story_of(story: Any, tmp_path: Path, server: LogServer, **options: Any) -> None:
    run_story(story, tmp_path, server.fleet, **{"size": (80, 24)} | options)


def test_logs_show_what_the_run_said(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "5:logs · charge · all levels" in monitor.lines[1]
        assert monitor.lines[1].endswith("5 lines · all read ─")
        assert monitor.lines[2].split() == ["start", "#", "level", "message"]
        assert shown(monitor) == [
            "0.110s 1 info charging order 81251",
            "0.520s 1 error No such customer",
            "0.520s 1 warn attempt 1 failed",
            "40s 2 debug retrying",
            "41s 2 info again: order 81251",
        ]
        assert monitor.lines[7].startswith("▌"), "the end of a log is why one opens it"
        assert "The run ended here." in monitor.text
        await monitor.press("L")
        assert "4 of 5" in monitor.lines[1]
        assert "The run ended here. 1 debug line hidden." in monitor.text
        await monitor.press("L", "L")
        assert shown(monitor) == ["0.520s 1 error No such customer"]
        assert "4 lines below error hidden." in monitor.text

    story_of(story, tmp_path, chatty())


def test_opened_line_shows_its_attributes(tmp_path: Path) -> None:
    server = chatty()

    async def story(monitor: Monitored) -> None:
        await opened(monitor, "g", "x", "enter")
        await monitor.later(1)
        assert [line.strip() for line in monitor.lines[5:9]] == [
            'code: "missing"',
            "▾ user: 1 key" if "▾ user" in monitor.text else "user: { id: 7 }",
            "▸ stack: 2 frames  yours 1 · zod 1",
            "0.520s  1  warn    attempt 1 failed",
        ]
        await monitor.press("j", "j", "j", "enter")
        assert "run  src/a.ts:1:2" in monitor.text
        assert "⋯ 1 frame  zod 1" in monitor.text
        assert "z.js" not in monitor.text
        await monitor.press("k", "k", "k", "enter")
        assert "missing" not in monitor.text
        await monitor.press("enter", wait_s=1)
        assert "missing" in monitor.text
        assert server.requests["span"] == 1

    story_of(story, tmp_path, server)


def test_live_log_is_followed_while_it_is_visible(tmp_path: Path) -> None:
    server = chatty(ended_s=40.0)

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        assert "5 lines · follows ·" in monitor.lines[1]
        assert "no line for 1m" in monitor.text
        before = server.requests["events"]
        await monitor.later(8)
        assert 3 <= server.requests["events"] - before <= 4
        server.say(0.0, "one more")
        await monitor.later(3)
        assert shown(monitor)[-1].endswith("one more")
        assert pane.page.is_at_end
        await monitor.press("enter")
        server.say(0.0, "behind an open line")
        await monitor.later(3)
        assert pane.page.place == 5, "the user reads the open line"
        await monitor.press("enter", "g", "F")
        assert "follows" not in monitor.lines[1]
        before = server.requests["events"]
        await monitor.later(5)
        assert server.requests["events"] == before
        await monitor.press("F")
        await monitor.press("4", wait_s=1)
        before = server.requests["events"]
        await monitor.later(6)
        assert server.requests["events"] == before, "a hidden pane costs no request"
        await monitor.press("5", wait_s=30)
        assert "The run ended here." in monitor.text
        before = server.requests["events"]
        await monitor.later(20)
        assert server.requests["events"] == before

    story_of(story, tmp_path, server)


@pytest.mark.parametrize(
    ("width", "right"), [(100, " 2 of 2 hits ─"), (120, " 2 of 2 hits · 4 of 5 "), (200, " 2 of 2 hits · 4 of 5 · ")]
)
def test_rule_beside_tabs_keeps_the_hits_of_a_search(tmp_path: Path, width: int, right: str) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor, "L", "g")
        await monitor.press("slash", *"ORDER", "enter", "n")
        assert any("5:logs" in line and right in line for line in monitor.lines)

    story_of(story, tmp_path, chatty(ended_s=100.0), size=(width + 2 * width_of_more_tabs(), 40))


def test_search_goes_from_hit_to_hit(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor, "g")
        await monitor.press("slash", *"ORDER", "enter")
        assert "─ 1 of 2 hits" in monitor.lines[1]
        await monitor.press("n")
        assert pane.page.place == 4
        assert "─ 2 of 2 hits" in monitor.lines[1]
        await monitor.press("n")
        assert pane.page.place == 0
        await monitor.press("right_square_bracket", wait_s=2)
        assert "· other · all levels · /ORDER" in monitor.lines[1]
        assert "hits" in monitor.lines[1], "the search goes on in the log of another run"
        await monitor.press("escape")
        assert "hits" not in monitor.lines[1]

    server = chatty()
    server.fleet.add_all([FleetRun(2, -300, -299, -200, task="other")])
    story_of(story, tmp_path, server)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (JSONResponse({"error": "no"}, 403), "The logs could not be read: 403 no. r tries again."),
        (JSONResponse({"events": []}), "No logs. This run wrote none."),
    ],
)
def test_log_without_lines_says_why(tmp_path: Path, failure: JSONResponse, words: str) -> None:
    server = chatty()
    server.failure = failure

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert words in monitor.text
        await monitor.press("X")
        is_unread = "could not be read" in words
        assert ("the log is not read yet" in monitor.text, "no error line above" in monitor.text) == (
            is_unread,
            not is_unread,
        )
        server.failure = None
        await monitor.press("r", wait_s=2)
        assert "attempt 1 failed" in monitor.text

    story_of(story, tmp_path, server)


def test_refresh_replaces_a_read_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = chatty()

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        reads, hung = server.requests["events"], asyncio.Event()

        async def hang(*_: object) -> None:
            await hung.wait()

        with monkeypatch.context() as patched:
            patched.setattr("tui.sync.fetch.RunFetcher.fetch_log", hang)
            await monitor.press("r")
        await monitor.press("r", wait_s=1)
        assert server.requests["events"] == reads, "it may still answer"
        await monitor.later(2)
        await monitor.press("r", wait_s=1)
        assert server.requests["events"] == reads + 1

    story_of(story, tmp_path, server)


def test_lines_stay_through_an_outage(tmp_path: Path) -> None:
    server = chatty(ended_s=400.0)

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        server.failure = JSONResponse({"error": "busy"}, 503)
        await monitor.later(5)
        assert "The logs could not be read: 503 busy. r tries again." in monitor.text
        assert "attempt 1 failed" in monitor.text
        assert "· last read failed ·" in monitor.lines[1]
        server.failure = None
        server.say(0.0, "back again")
        await monitor.later(12)
        assert "could not be read" not in monitor.text
        assert shown(monitor)[-1].endswith("back again")

    story_of(story, tmp_path, server)


def test_search_without_a_match_leaves_the_cursor(tmp_path: Path) -> None:
    server = chatty(ended_s=400.0)

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor, "g", "slash", *"late", "enter")
        assert "no hit" in monitor.lines[1]
        assert "n N hits" not in monitor.lines[-1]
        before = pane.page.place
        server.say(0.0, "a late line")
        await monitor.later(3)
        assert "0 of 1 hit" in monitor.lines[1]
        assert "n N hits" in monitor.lines[-1]
        assert pane.page.place == before
        await monitor.press("n")
        assert pane.page.place == 5

    story_of(story, tmp_path, server)


def test_log_without_errors_offers_no_next_error(tmp_path: Path) -> None:
    server = chatty()

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        assert pane.has_use_for("error_step")
        server.rows = [row for row in server.rows if row["level"] != "ERROR"]
        server.body = None
        await monitor.press("r", wait_s=2)
        assert not pane.has_use_for("error_step")

    story_of(story, tmp_path, server)


def test_lines_are_saved_to_a_new_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    async def run(arguments: Sequence[str]) -> int:
        read.append(Path(arguments[-1]).read_text())  # noqa: ASYNC240  a small file
        return 0

    async def story(monitor: Monitored) -> None:
        await opened(monitor, "L")
        await monitor.press("ctrl+s", "ctrl+s")
        while len(files := sorted((tmp_path / "trigger-tui" / "logs").glob("*.log"))) < 2:
            await monitor.later(0.1)
        assert files[1].stat().st_mode & 0o777 == 0o600
        assert files[0].read_text() == files[1].read_text()
        await monitor.later(0.1)
        assert "4 lines saved to" in monitor.lines[-1]
        monkeypatch.setattr(monitor.app, "run_in_foreground", run)
        monkeypatch.setattr(monitor.app, "environ", {"PAGER": "sh"})
        await monitor.press("O")
        await monitor.until(lambda: bool(read), "the pager")
        assert read == [files[0].read_text()]

    story_of(story, tmp_path, chatty(), size=(200, 60))


def test_keys_of_a_long_log_make_only_visible_lines(tmp_path: Path) -> None:
    server = chatty()
    for number in range(25_000 - 5):
        server.say(-50 + number / 1000, f"line {number}")

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        assert "first 25,000 lines" in monitor.lines[1]
        assert "The server sends the first 25,000 rows; later lines are not shown." in " ".join(monitor.text.split())
        assert server.requests["events"] == 1
        made = 0
        draw = pane.view._line

        def counted(log: RunLog, index: int) -> Any:
            nonlocal made
            made += 1
            return draw(log, index)

        pane.view._line = counted  # type: ignore[method-assign]
        pane.rebuild()
        await monitor.press("k", "g", "G", "ctrl+b")
        assert made < 100

    story_of(story, tmp_path, server)


@pytest.fixture
def nothing_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen object is not listed, and to thaw those of all tests would take seconds."""
    monkeypatch.setattr(PauseCollector, "start", lambda _: None)


@pytest.mark.usefixtures("nothing_is_frozen")
def test_log_is_dropped_when_another_run_is_selected(tmp_path: Path) -> None:
    server = chatty()
    server.fleet.add_all([FleetRun(2, -300, -299, -200, task="other")])

    async def story(monitor: Monitored) -> None:
        gc.collect()
        others = {id(log) for log in logs_in_memory()}
        pane = await opened(monitor)
        await monitor.until(lambda: pane.reading.log is not None, "the log")
        assert id(pane.reading.log) in {id(log) for log in logs_in_memory()} - others
        await monitor.press("1", "j")
        await monitor.until(lambda: (pane.view.log, pane.reading.log) == (None, None), "the pane to drop the log")
        await monitor.until(lambda: {id(log) for log in logs_in_memory()} <= others, "the memory of the log to be free")

    story_of(story, tmp_path, server)


def logs_in_memory() -> list[RunLog]:
    return [each for each in gc.get_objects() if isinstance(each, RunLog)]
