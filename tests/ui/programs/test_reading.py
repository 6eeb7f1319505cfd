"""A payload, an error and a link leave the real monitor, whose screen comes back."""

import json
import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import environment
from tests.support.processes import await_end
from tui.kit.programs import PREFIX

RECORDS = """
import json, os, sys
with open(sys.argv[1], "a") as log:
    path = sys.argv[-1]
    text = open(path).read() if os.path.exists(path) else ""
    mode = os.stat(path).st_mode if text else 0
    print(json.dumps([sys.argv[2:], text, mode, os.environ.get("TRIGGER_SECRET_KEY")]), file=log)
"""


@pytest.fixture
def recorder(tmp_path: Path) -> str:
    """A command that records its arguments and the file that it gets, in `recorded`."""
    script = tmp_path / "records.py"
    script.write_text(RECORDS)
    (tmp_path / "recorded").touch()
    return shlex.join([sys.executable, str(script), str(tmp_path / "recorded")])


def test_run_leaves_by_pager_editor_and_browser(tmp_path: Path, recorder: str) -> None:
    recorded, files = tmp_path / "recorded", tmp_path / "files"
    files.mkdir()
    config = tmp_path / "config.toml"
    config.write_text('[dashboard]\nurl = "https://d.example.com"\n')
    config.chmod(0o600)
    crashes = tmp_path / "crashes"
    crashes.write_text("#!/bin/sh\nstty raw -echo\nprintf '\\033[?1049h\\033[?25h\\033[7m in a mess'\nkill -9 $$\n")
    crashes.chmod(0o700)
    variables = {
        "PAGER": f"{recorder} --paged 'two words'",
        "EDITOR": str(crashes),
        "BROWSER": f"{recorder} %s --tab",
        "TMPDIR": str(files),
        "TRIGGER_TUI_CONFIG": str(config),
    }
    demo = [sys.executable, "-m", "tui", "demo", "--history", "60", "--rate", "0"]

    def records(count: int) -> list[list[object]]:
        while recorded.read_text().count("\n") < count:
            terminal.read_for(0.02)
        return [json.loads(line) for line in recorded.read_text().splitlines()]

    with Terminal(demo, env=environment(None, **variables), is_controlling=True) as terminal:
        terminal.wait_for("Completed")
        terminal.wait_quiet()
        terminal.send("jO")
        terminal.wait_for("Open in the pager", "payload")
        terminal.wait_until(lambda: "reading" not in terminal.text, "the run")
        terminal.send("p")
        (arguments, text, mode, key), *_ = records(1)
        assert isinstance(arguments, list)
        assert arguments[:2] == ["--paged", "two words"]
        assert str(arguments[2]).startswith(f"{files}/{PREFIX}")
        assert str(arguments[2]).endswith("-payload.json")
        json.loads(str(text))
        assert "\n  " in str(text)
        assert isinstance(mode, int)
        assert stat.S_IMODE(mode) == 0o600
        assert key is None
        terminal.wait_for("1:runs")
        terminal.send("\x0f")
        terminal.wait_for("Open in the editor", "payload")
        terminal.send("p")
        terminal.wait_for("The editor failed: crashes, ended by signal 9")
        assert "mess" not in terminal.text
        assert terminal.screen.cursor.hidden
        assert list(files.iterdir()) == []
        terminal.send("o")
        arguments = records(2)[1][0]
        assert isinstance(arguments, list)
        assert str(arguments[0]).startswith("https://d.example.com/projects/v3/proj_")
        assert arguments[1:] == ["--tab"]
        assert "1:runs" in terminal.text
        terminal.send("\x11")
        assert terminal.end() == 0


KILLED = """
import asyncio, os, signal
import psutil
from tui.kit.programs import text_file
async def main():
    async with text_file("run_1-payload.json", lambda: "{}"):
        print(psutil.Process().children()[0].pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_file_is_deleted_when_the_monitor_is_killed(tmp_path: Path) -> None:
    environ = environment(None, TMPDIR=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", KILLED], env=environ, stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    await_end(int(done.stdout))
    assert list(tmp_path.iterdir()) == []
