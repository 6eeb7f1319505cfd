"""The start at the address of a view, and saved views, through the real program."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.cli.test_monitor import DEMO, MONITOR
from tests.perf.terminal import Terminal
from tests.support.commands import environment, trigger_tui
from tui.commands.output import Stop
from tui.features import LISTS
from tui.program.main import view_address


def test_demo_starts_at_an_address() -> None:
    with Terminal([*DEMO, "runs?task=*&status=completed&sort=took"], env=environment(None)) as terminal:
        terminal.wait_for("/task:* status:completed", "by took", "Completed")
        terminal.send("qq")
        assert terminal.end() == 0


VIEW_NAMES = " ".join(["errors", "runs", "wall", "run", *(name for name in LISTS if name != "errors")])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ("vrun?",),
            f'no view "vrun", nearest: run; the views are {VIEW_NAMES}\n',
        ),
        (("queues?sort=worts",), 'no order "worts", nearest: worst; the orders are worst queued oldest usage starts\n'),
        (("runs?tsk=x", "--theme", "light"), "tsk:x: no field 'tsk', nearest: task\n"),
        (
            ("demo", "errors?sort=newe"),
            'no order "newe", nearest: new; the orders are new most latest first-seen task\n',
        ),
        (("--ascii", "runs?since=soon"), '"soon" is not a period: 7d, 2:50-3:20, yesterday 2:50-3:20\n'),
        (("runs",), "runs is a view, whose address has a `?`: 'runs?' (see `trigger-tui --help`)\n"),
        (("runs?", "ls"), "runs? is a view, and `ls` a command: name only one (see `trigger-tui --help`)\n"),
    ],
)
def test_wrong_address_is_one_line(arguments: tuple[str, ...], reason: str) -> None:
    done = trigger_tui(*arguments, url="http://127.0.0.1:9")
    assert (done.code, done.out, done.err) == (2, "", reason)


def test_span_in_an_address_is_in_the_zone_of_the_file() -> None:
    zone = timezone(timedelta(hours=14))
    since = f"{datetime.now(zone) - timedelta(minutes=3):%Y-%m-%d %H:%M}-now"
    address = view_address(f"runs?since={since}", zone)
    assert address is not None
    assert address.since == since
    with pytest.raises(Stop, match="has not begun"):
        view_address(f"runs?since={since}", UTC)


def test_word_without_a_question_mark_stays_a_command() -> None:
    done = trigger_tui("errors", url="http://127.0.0.1:9")
    assert done.code == 3


def test_errors_have_an_address_before_anything_answers() -> None:
    with Terminal([*MONITOR, "errors?since=6h", "--no-title"], env=environment("http://127.0.0.1:9")) as terminal:
        terminal.wait_for("1:errors", "last 6h")
        terminal.send("qq")
        assert terminal.end() == 0


def test_saved_view_is_there_after_a_restart(tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path)}
    address = "runs?task=charge-*&status=failed&sort=took"
    with Terminal([*MONITOR, address], env=environment("http://127.0.0.1:9", **state)) as terminal:
        terminal.wait_for("by took", "? keys")
        terminal.send("S")
        terminal.wait_for("save this view")
        terminal.send("charge failures\tc\r")
        terminal.wait_for("saved “charge failures”: ' c opens it")
        terminal.send("\x11")
        assert terminal.end() == 0
    with Terminal(MONITOR, env=environment("http://127.0.0.1:9", **state)) as terminal:
        terminal.wait_for("newest first", "? keys")
        terminal.send("'c")
        terminal.wait_for("/task:charge-* status:failed", "by took")
        terminal.send("\x11")
        assert terminal.end() == 0


@pytest.mark.parametrize("case", ["a file", "a loop of links", "a path too long"])
def test_unusable_state_directory_is_said_once(tmp_path: Path, case: str) -> None:
    folder = tmp_path / "trigger-tui"
    if case == "a file":
        folder.write_text("in the way")
    elif case == "a loop of links":
        folder.symlink_to(folder)
    state = str(tmp_path) if case != "a path too long" else "/" + "a" * 300
    with Terminal(MONITOR, env=environment("http://127.0.0.1:9", XDG_STATE_HOME=state)) as terminal:
        terminal.wait_for("? keys")
        terminal.send("Sx\r")
        terminal.wait_for("Nothing is remembered in")
        terminal.send("\x1b:sort task\r")  # a command, which the history would keep, and an order
        terminal.wait_for("· by task")
        terminal.send(":messages\r")
        terminal.wait_for("─ messages ─", "Nothing is remembered in")
        assert terminal.text.count("Nothing is remembered in") == 1
        terminal.send("\x11")
        assert terminal.end() == 0
