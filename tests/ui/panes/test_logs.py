"""The pane of logs by its keys, and the files of saved lines: private, new, never in place of another file."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from tests.support.fleet import FleetRun, fleet_of
from tests.support.ui.logs import LogServer
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.run import RunId
from tui.features.logs import model as log_file
from tui.features.logs.model import save_text
from tui.features.logs.view import LogsPane

STACK = "Error: only logged\n    at run (file:///app/src/a.ts:1:2)\n    at f (file:///app/node_modules/zod/z.js:3:4)"


def chatty(ended_s: float = -10.0) -> LogServer:
    """A run that has started 100 s ago, with a few lines."""
    fleet = fleet_of(FleetRun(1, -101, -100, ended_s, "FAILED" if ended_s < 0 else "COMPLETED", task="charge"))
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
        assert "5:logs · charge ─" in monitor.lines[1]
        assert monitor.lines[1].endswith("5 lines · complete ─")
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
    server = chatty(ended_s=33.0)

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        assert "5 lines · following ·" in monitor.lines[1]
        assert "no new line for 1m" in monitor.text
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
        await monitor.press("5", wait_s=12)
        assert "The run ended here." in monitor.text
        before = server.requests["events"]
        await monitor.later(10)
        assert server.requests["events"] == before

    story_of(story, tmp_path, server)


def test_search_goes_from_hit_to_hit(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor, "g")
        await monitor.press("slash", *"ORDER", "enter")
        assert "─ 1 of 2 matches" in monitor.lines[1]
        await monitor.press("n")
        assert pane.page.place == 4
        assert "─ 2 of 2 matches" in monitor.lines[1]
        await monitor.press("n")
        assert pane.page.place == 0
        await monitor.press("right_square_bracket", wait_s=2)
        assert "5:logs · /ORDER ─" in monitor.lines[1]
        assert "matches" in monitor.lines[1], "the search goes on in the log of another run"
        await monitor.press("escape")
        assert "matches" not in monitor.lines[1]

    server = chatty()
    server.fleet.add_all([FleetRun(2, -300, -299, -200, task="other")])
    story_of(story, tmp_path, server)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (JSONResponse({"error": "no"}, 403), "The logs could not be read: 403 no. r tries again."),
        (JSONResponse({"events": []}), "This run wrote no logs."),
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


def test_lines_stay_through_an_outage(tmp_path: Path) -> None:
    server = chatty(ended_s=400.0)

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        server.failure = JSONResponse({"error": "busy"}, 503)
        await monitor.later(5)
        assert "The logs could not be read: 503 busy. r tries again." in monitor.text
        assert "attempt 1 failed" in monitor.text
        assert "· last read failed ─" in monitor.lines[1]
        server.failure = None
        server.say(0.0, "back again")
        await monitor.later(12)
        assert "could not be read" not in monitor.text
        assert shown(monitor)[-1].endswith("back again")

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


NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


def test_file_is_private_and_its_name_is_safe(tmp_path: Path) -> None:
    path = save_text(tmp_path, RunId("../run/é" + "x" * 300), ["a\n", "b\n"], NOW)
    assert path.parent == tmp_path / "logs"
    assert path.name == "___run__" + "x" * 72 + "-20261124T130000Z.log"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("a\nb\n", 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_file_that_exists_is_never_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_NAMES", 3)
    secret = tmp_path / "secret"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "run_1-20261124T130000Z.log").symlink_to(secret)
    names = [save_text(tmp_path, RunId("run_1"), ["x"], NOW).name for _ in range(2)]
    assert names == ["run_1-20261124T130000Z-2.log", "run_1-20261124T130000Z-3.log"]
    assert not secret.exists()
    with pytest.raises(FileExistsError):
        save_text(tmp_path, RunId("run_1"), ["x"], NOW)
