"""What bash, zsh and fish complete: options, statuses, names that the monitor has seen, saved views."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.perf.terminal import Terminal
from tests.support.commands import environment, trigger_tui
from tests.support.fleet import SECRET
from tui.settings.private_files import names_path, replace_file

HOSTILE = "$(touch x) *"
NAMES = {"task": ["sync-order", "send-email"], "tag": ["customer:c_1", "customer:c_2", HOSTILE, "\x1b[31mred", "-x"]}
VIEWS = [{"name": "Failed mail", "address": "runs?task=send-email&status=failed", "letter": ""}]
BASH = """
trigger-tui() { "$PYTHON" -X importtime -m tui "$@" 2>>"$IMPORTS"; }
eval "$(trigger-tui completion bash)"
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
: >"$IMPORTS"
for COMP_LINE; do
  COMP_POINT=${#COMP_LINE}
  _trigger_tui_completion trigger-tui
  printf '%s\\t' "${COMPREPLY[@]}"
  echo
done
"""


def environ_of(folder: Path) -> dict[str, str]:
    """Return the variables of a user for whom the monitor has saved names and views."""
    state = folder / "trigger-tui"
    replace_file(names_path(state, SECRET), json.dumps({"version": 1, "names": NAMES}).encode())
    replace_file(state / "views.json", json.dumps({"version": 1, "views": VIEWS}).encode())
    return environment(None, XDG_STATE_HOME=str(folder), PYTHON=sys.executable, IMPORTS=str(folder / "imports"))


def completed(lines: Iterable[str], env: dict[str, str], cwd: Path) -> list[list[str]]:
    command = ["bash", "-c", BASH, "bash", *lines]
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=100, check=True)
    assert done.stderr == ""
    loaded = {each.split("|")[-1].strip() for each in Path(env["IMPORTS"]).read_text().splitlines()}
    assert not {"httpx2", "pydantic", "asyncio", "textual"} & loaded
    return [line.split("\t")[:-1] for line in done.stdout.splitlines()]


def test_bash_completes_values_of_local_files(tmp_path: Path) -> None:
    expected = {
        "trigger-tui ls --sta": ["--status"],
        "trigger-tui ls --status=time": ["timed-out"],
        "trigger-tui ls --status failed,time": [r"failed\,timed-out"],
        "trigger-tui ls --task s": ["sync-order", "send-email"],
        "trigger-tui ls --tag customer:c_1": ["c_1"],  # bash keeps what is before the colon
        "trigger-tui ls --tag ": ["customer:c_1", "customer:c_2", r"\$\(touch\ x\)\ \*"],
        "trigger-tui fail": [r"runs\?task=send-email\&status=failed"],
        "trigger-tui nothing --x": [""],
    }
    assert completed(expected, environ_of(tmp_path), tmp_path) == [*expected.values()]
    assert not (tmp_path / "x").exists()


def test_tab_completes_a_command_in_bash(tmp_path: Path) -> None:
    env = environ_of(tmp_path) | {"PS1": "> ", "TERM": "xterm", "INPUTRC": "/dev/null"}
    with Terminal(["bash", "--norc", "--noprofile"], env=env) as terminal:
        terminal.send(
            'trigger-tui() { "$PYTHON" -m tui "$@"; }; eval "$(trigger-tui completion bash)"; clear; echo ready\r'
        )
        terminal.wait_until(lambda: terminal.text.lstrip().startswith("ready\n>"))
        terminal.send("trigger-tui ls --tag customer:c_1\t--status=tim\tmark")
        terminal.wait_until(lambda: "mark" in terminal.text)
        assert "> trigger-tui ls --tag customer:c_1 --status=timed-out mark" in terminal.text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_read_their_scripts(shell: str, tmp_path: Path) -> None:
    script = trigger_tui("completion", shell).out
    assert "trigger-tui" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True, timeout=100)
