"""The start at the address of a view, and saved views, through the real program."""

from pathlib import Path

import pytest

from tests.cli.test_monitor import MONITOR
from tests.perf.terminal import Terminal
from tests.support.commands import environment, in_this_process
from tui.features import LISTS

VIEW_NAMES = " ".join(["errors", "runs", "wall", "run", *(name for name in LISTS if name != "errors")])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ("vrun?",),
            f'no view "vrun", nearest: run; the views are {VIEW_NAMES}\n',
        ),
        (("runs?tsk=x", "--theme", "light"), "tsk:x: no field 'tsk', nearest: task\n"),
        (("--ascii", "runs?since=soon"), '"soon" is not a period: 7d, 2:50-3:20, yesterday 2:50-3:20\n'),
        (("runs",), "runs is a view, whose address has a `?`: 'runs?' (see `trigger-tui --help`)\n"),
        (("runs?", "ls"), "runs? is a view, and `ls` a command: name only one (see `trigger-tui --help`)\n"),
    ],
)
def test_wrong_address_is_one_line(arguments: tuple[str, ...], reason: str) -> None:
    done = in_this_process(*arguments, url="http://127.0.0.1:9")
    assert (done.code, done.out, done.err) == (2, "", reason)


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


def test_unusable_state_directory_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "trigger-tui").write_text("in the way")
    with Terminal(MONITOR, env=environment("http://127.0.0.1:9", XDG_STATE_HOME=str(tmp_path))) as terminal:
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
