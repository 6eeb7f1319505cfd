"""Programs beside the monitor: bounded output and time, an end with it, browsers, and files that are deleted."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import environment
from tests.support.processes import await_end
from tui.kit import programs
from tui.kit import programs as background
from tui.kit.programs import (
    MAX_KEPT_BYTES,
    Ending,
    KeptOutput,
    ProgramResult,
    browsers_for,
    is_web_address,
    run_in_background,
    start_browser,
)

PATTERN = bytes(range(251)) * (3 * MAX_KEPT_BYTES // 251 + 2)


def run(script: str, *arguments: str) -> ProgramResult:
    environ = {"PATH": os.environ["PATH"]}
    return asyncio.run(run_in_background("/bin/sh", ["sh", "-c", script, "sh", *arguments], environ, "/"))


@given(st.lists(st.integers(0, 3 * MAX_KEPT_BYTES), max_size=6))
def test_start_and_end_of_an_output_are_kept(sizes: list[int]) -> None:
    kept, whole = KeptOutput(), b""
    for size in sizes:
        chunk = PATTERN[len(whole) % 251 :][:size]
        kept.add(chunk)
        whole += chunk
    assert kept.start == whole[:MAX_KEPT_BYTES]
    assert kept.end == whole[MAX_KEPT_BYTES:][-MAX_KEPT_BYTES:]
    assert kept.left_out == max(0, len(whole) - 2 * MAX_KEPT_BYTES)


def test_large_output_is_read_and_bounded() -> None:
    result = run("yes | head -c 10M; echo end; echo error >&2; exit 3")
    assert (result.exit_code, result.ending) == (3, Ending.BY_ITSELF)
    assert result.kept.start.startswith(b"y\ny\n")
    assert result.kept.end.endswith(b"y\nend\nerror\n")
    assert result.kept.left_out == 10 * 1024 * 1024 + len(b"end\nerror\n") - 2 * MAX_KEPT_BYTES


def test_program_has_no_terminal_and_no_input() -> None:
    result = run('readlink /proc/self/fd/0; cat; cut -d" " -f6,7 /proc/$$/stat; printf "%s" "$2"', "a", "-n $(id)\n'")
    stdin, ids, *rest = result.kept.start.decode().split("\n")
    assert stdin == "/dev/null"
    assert ids.split()[1] == "0", "no controlling terminal"
    assert "\n".join(rest) == "-n $(id)\n'"


def test_endless_program_is_ended_with_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "TIME_LIMIT_S", 0.2)
    monkeypatch.setattr(background, "END_GRACE_S", 0.1)
    result = run("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done'; :")
    assert (result.exit_code, result.ending) == (-9, Ending.TIME_LIMIT)
    assert not is_alive(int(result.kept.start.split()[0]))
    monkeypatch.setattr(background, "TIME_LIMIT_S", 20.0)
    monkeypatch.setattr(background, "MAX_OUTPUT_BYTES", 1_000_000)
    assert run("exec yes").ending is Ending.TOO_MUCH_OUTPUT


def test_canceled_program_is_ended_with_its_group(tmp_path: Path) -> None:
    found = tmp_path / "pids"
    os.mkfifo(found)
    script = f"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ {{}} > {found}; while :; do sleep 0.05; done'; :"

    async def canceled() -> int:
        environ = {"PATH": os.environ["PATH"]}
        running = asyncio.create_task(run_in_background("/bin/sh", ["sh", "-c", script], environ, "/"))
        process_id = int((await asyncio.to_thread(found.read_text)).split()[0])
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return process_id

    await_end(asyncio.run(canceled()))


def is_alive(process_id: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    return False


LINK = "https://d.example.com/runs/run_1"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in ("open", "xdg-open", "wslview"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("variables", "platform", "commands"),
    [
        (
            {"BROWSER": "my 'tab %s':  :chrome --app=%s --new", "SSH_TTY": "x"},
            "linux",
            [("my", f"tab {LINK}"), ("chrome", f"--app={LINK}", "--new")],
        ),
        ({"BROWSER": "'unended"}, "linux", []),
        ({"BROWSER": "%s"}, "linux", [("%s", LINK)]),
        ({"DISPLAY": ":0"}, "linux", [("xdg-open", LINK), ("wslview", LINK)]),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", [("wslview", LINK)]),
        ({}, "darwin", [("open", LINK)]),
        ({}, "linux", []),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"}, "linux", []),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", []),
    ],
)
def test_browser_is_the_users_or_the_platforms(
    variables: dict[str, str], platform: str, commands: list[tuple[str, ...]], folder: str
) -> None:
    found = browsers_for(LINK, {"PATH": folder, **variables}, platform)
    assert found == commands


def test_address_is_of_the_web() -> None:
    assert is_web_address(LINK)
    for text in ("javascript:x", "file:///etc/passwd", "https://a b", "https://a\n", "https://ä", "-x", "https://"):
        assert not is_web_address(text)


def test_browser_that_fails_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outcome(script: str, within_s: float) -> str | None:
        monkeypatch.setattr(programs, "FAILS_WITHIN_S", within_s)
        return await start_browser(("sh", "-c", script), {"PATH": "/usr/bin:/bin"})

    async def outcomes() -> list[str | None]:
        scripts = ("echo on the screen; echo >&2; read x && exit 9", "exit 3", "kill -9 $$")
        found = [await outcome(script, 100.0) for script in scripts]
        return [*found, await outcome("exec sleep 1", 0.05), await start_browser(("/no/such/browser",), {})]

    assert asyncio.run(outcomes()) == ["exit 1", "exit 3", "ended by signal 9", None, "No such file or directory"]


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
