"""Programs beside the monitor have bounded output and time, and end with it."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import await_end
from tui.kit import programs as background
from tui.kit.programs import MAX_KEPT_BYTES, Ending, KeptOutput, ProgramResult, run_in_background

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
    assert result.start.startswith(b"y\ny\n")
    assert result.end.endswith(b"y\nend\nerror\n")
    assert result.left_out == 10 * 1024 * 1024 + len(b"end\nerror\n") - 2 * MAX_KEPT_BYTES


def test_program_has_no_terminal_and_no_input() -> None:
    result = run('readlink /proc/self/fd/0; cat; cut -d" " -f6,7 /proc/$$/stat; printf "%s" "$2"', "a", "-n $(id)\n'")
    stdin, ids, *rest = result.start.decode().split("\n")
    assert stdin == "/dev/null"
    assert ids.split()[1] == "0", "no controlling terminal"
    assert "\n".join(rest) == "-n $(id)\n'"


@pytest.mark.parametrize("script", ["cat", "exec <&-; sleep 0.05; echo done"])
def test_program_gets_its_stdin_or_ignores_it(script: str) -> None:
    sent = b"x" * 300_000
    environ = {"PATH": os.environ["PATH"]}
    result = asyncio.run(run_in_background("/bin/sh", ["sh", "-c", script], environ, "/", stdin=sent))
    assert (result.exit_code, result.ending) == (0, Ending.BY_ITSELF)
    size = len(result.start) + result.left_out + len(result.end)
    assert size == (len(sent) if script == "cat" else len(b"done\n"))


def test_program_that_leaves_others_behind_has_ended() -> None:
    result = run("sleep 30 & echo $!")
    psutil.Process(int(result.start)).kill()
    assert (result.exit_code, result.ending) == (0, Ending.BY_ITSELF)


def test_endless_program_is_ended_with_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "TIME_LIMIT_S", 0.2)
    monkeypatch.setattr(background, "END_GRACE_S", 0.1)
    result = run("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done'; :")
    assert (result.exit_code, result.ending) == (-9, Ending.TIME_LIMIT)
    assert not is_alive(int(result.start.split()[0]))
    monkeypatch.setattr(background, "TIME_LIMIT_S", 20.0)
    monkeypatch.setattr(background, "MAX_OUTPUT_BYTES", 1_000_000)
    assert run("exec yes").ending is Ending.TOO_MUCH_OUTPUT


def test_canceled_program_is_ended_with_its_group(tmp_path: Path) -> None:
    found = tmp_path / "pids"
    os.mkfifo(found)
    script = f"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ {{}} > {found}; while :; do sleep 0.05; done'; :"

    async def canceled() -> int:
        environ = {"PATH": os.environ["PATH"]}
        running = asyncio.ensure_future(run_in_background("/bin/sh", ["sh", "-c", script], environ, "/"))
        process_id = int((await asyncio.to_thread(found.read_text)).split()[0])
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return process_id

    await_end(asyncio.run(canceled()))


def test_program_canceled_at_its_start_is_ended_with_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    kill_group = os.killpg

    def kill(group: int, number: int) -> None:
        groups.append(group)
        kill_group(group, number)

    monkeypatch.setattr(os, "killpg", kill)

    async def canceled() -> None:
        running = asyncio.ensure_future(run_in_background("/bin/sh", ["sh", "-c", "sleep 60; :"], {}, "/"))
        await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(canceled())
    assert groups
    await_end(groups[0])


def is_alive(process_id: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    return False


def test_program_that_cannot_start_raises() -> None:
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(run_in_background("/no/such", ["such"], {}, "/"))
