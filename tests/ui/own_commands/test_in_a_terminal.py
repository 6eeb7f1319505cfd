"""Own commands through the real program: hostile values, the terminal lent and taken back, and the end."""

import re
import sys
from pathlib import Path

import psutil

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.fleet import SECRET, Fleet, FleetRun, serving
from tests.support.ui.own_commands import Recorder, config_of, entry
from tests.support.virtual_clock import VirtualClock

READY = "? keys"
SCREEN_ON = b"\x1b[?1049h"
"""The monitor writes this when it takes the terminal back."""

TASK = "-x ; touch pwned $(touch pwned) `touch pwned`\n\"a\" 'b' \x1b]0;pwned\x07 日本"
ENDLESS = "trap '' TERM HUP; echo $$ > \"$1\"; while :; do sleep 0.05; done"


def test_commands_in_the_real_program(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add_all([FleetRun(1, -20.0, -19.0, -15.0, "FAILED", task=TASK)])
    recorder, pid_file = Recorder(tmp_path), tmp_path / "pid"
    config_of(
        tmp_path,
        entry("fore", recorder.command("--", "{run.task}", "{task.id}{task.id}"), key="K"),
        entry("endless", ["sh", "-c", ENDLESS, "sh", str(pid_file), "--", "{run.task}"], key="U", background=True),
    )
    with serving(fleet) as api:
        env = environment(api.url, XDG_STATE_HOME=str(tmp_path), TRIGGER_TUI_CONFIG=str(tmp_path / "config.toml"))
        with Terminal([sys.executable, "-m", "tui"], env=env, is_controlling=True) as terminal:
            terminal.wait_for(READY, "Failed")
            terminal.send("j")
            terminal.wait_for("K fore", "U endless")
            screens = terminal.received.count(SCREEN_ON)
            terminal.send("K")
            terminal.wait_until(lambda: recorder.was_called, "the command")
            terminal.wait_until(lambda: terminal.received.count(SCREEN_ON) > screens, "the monitor again")
            terminal.wait_for(READY)
            assert recorder.arguments == ["--", TASK, TASK + TASK]
            assert not any(SECRET in value for value in recorder.variables.values())
            assert recorder.stdin.startswith("/dev/pts/"), "it has the terminal"
            terminal.send("U")
            terminal.wait_for("endless runs")
            terminal.wait_until(lambda: pid_file.exists() and bool(pid_file.read_text()), "the command")
            process = psutil.Process(int(pid_file.read_text()))
            terminal.send("q")
            terminal.wait_for(f"endless on {fleet.runs[0].id} was still running, and was ended.")
            assert terminal.end() == 0
            assert b"\x1b]0;pwned" not in terminal.received
    assert not psutil.pid_exists(process.pid) or process.status() == psutil.STATUS_ZOMBIE
    assert not list(tmp_path.rglob("pwned"))
    assert not Path("pwned").exists()
    assert not re.search(SECRET, (tmp_path / "trigger-tui" / "actions.jsonl").read_text())
