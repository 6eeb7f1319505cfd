"""Tracebacks on stderr contain neither the key nor a token."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment, in_this_process
from tests.support.fleet import SECRET
from tui.program.early import LAST_LINE
from tui.sync.session import Session

UNREACHABLE = "http://127.0.0.1:9"
TOKEN = "screen-token-of-one-colleague"
OWN_TOKEN = "token-of-this-very-screen"

COMMANDS = (
    ("ls",),
    ("show", "run_1"),
    ("tree", "run_1"),
    ("logs", "run_1"),
    ("watch",),
    ("watch", "run_1"),
    ("cancel", "run_1", "--yes"),
    ("replay", "run_1", "--yes"),
    ("relay", "--listen", "127.0.0.1:0", "--tokens"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_traceback_of_a_command_has_no_secrets(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(self: Session) -> None:
        raise ZeroDivisionError({"Authorization": f"Bearer {SECRET}"}, TOKEN.encode(), SECRET[:20], OWN_TOKEN)

    tokens = tmp_path / "tokens"
    tokens.write_text(f"ann {TOKEN}\n")
    tokens.chmod(0o600)
    monkeypatch.setattr(Session, "start", start)
    monkeypatch.setenv("TRIGGER_TUI_RELAY_TOKEN", OWN_TOKEN)
    is_relay = arguments[0] == "relay"
    done = in_this_process(*arguments, *([str(tokens)] if is_relay else []), url=UNREACHABLE)
    assert done.code == 1
    assert done.out == ""
    assert "Traceback (most recent call last)" in done.err
    assert "ZeroDivisionError" in done.err
    assert done.err.endswith(f"{LAST_LINE}\n")
    assert SECRET[:20] not in done.err
    assert OWN_TOKEN not in done.err
    assert not is_relay or TOKEN not in done.err


UNHANDLED = """
import asyncio, sys, threading
key = "tr_dev_abcdefghijklmnop"
from tui.program import main as there
import tui.program.main as module

def ended(output, arguments):
    thread = threading.Thread(target=lambda: {}[key])
    thread.start()
    thread.join()
    class Dropped:
        def __del__(self):
            raise ValueError(key)
    Dropped()
    async def forgotten():
        asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError(key)})
    asyncio.run(forgotten())
    raise BaseExceptionGroup("several", [KeyboardInterrupt(key)])

first = module.run
def run(output, arguments):
    first(output, ["--version"])
    ended(output, arguments)
module.run = run
there()
"""


def test_output_of_the_interpreter_has_no_key() -> None:
    env = environment(UNREACHABLE)
    done = subprocess.run([sys.executable, "-c", UNHANDLED], env=env, capture_output=True, text=True, check=False)
    for kind in ("KeyError", "ValueError", "lost", "KeyboardInterrupt"):
        assert kind in done.stderr
    assert done.stderr.count("tr_…") >= 4
    assert SECRET[7:] not in done.stderr
