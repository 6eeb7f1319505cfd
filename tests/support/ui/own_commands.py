"""Config files with commands, and a program that records how it was called."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.ui.monitor import Monitored
from tui.settings.file import read_config
from tui.settings.settings import ConfigFile

PATIENCE_S = 100.0
RECORDER = """\
out=$1; shift
printf '%s\\0' "$@" > "$out.arguments"
env -0 > "$out.variables"
readlink /proc/self/fd/0 > "$out.stdin"
"""


class Recorder:
    """A program that writes its arguments and variables into files."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "recorded"
        self._script = folder / "record.sh"
        self._script.write_text(RECORDER)

    def command(self, *arguments: str) -> list[str]:
        """Return the program as the config file names it."""
        return ["sh", str(self._script), str(self._out), *arguments]

    @property
    def was_called(self) -> bool:
        return self._out.with_suffix(".stdin").exists()

    @property
    def arguments(self) -> list[str]:
        """What it got, without the program itself."""
        return self._read("arguments")

    @property
    def variables(self) -> dict[str, str]:
        pairs = (entry.partition("=") for entry in self._read("variables"))
        return {name: value for name, _, value in pairs}

    @property
    def stdin(self) -> str:
        return self._out.with_suffix(".stdin").read_text().strip()

    def _read(self, part: str) -> list[str]:
        content = self._out.with_suffix(f".{part}").read_bytes().decode()
        return content.split("\0")[:-1]


def entry(name: str, command: list[str], **fields: object) -> str:
    """Return the lines of a command in the config file."""
    values = {"name": name, "command": command} | fields
    lines = "\n".join(f"{key} = {_toml(value)}" for key, value in values.items())
    return f"[[commands]]\n{lines}\n"


def config_of(folder: Path, *entries: str, mode: int = 0o600) -> ConfigFile:
    """Write a config file and read it."""
    folder.chmod(0o700)
    path = folder / "config.toml"
    path.write_text("\n".join(entries))
    path.chmod(mode)
    return read_config(path, shown="config.toml")


async def until_real(monitor: Monitored, is_reached: Callable[[], bool], what: str) -> None:
    """Wait for what another process does. It does not know virtual time."""
    ends_s = time.monotonic() + PATIENCE_S
    while not is_reached():
        assert time.monotonic() < ends_s, f"waited in vain for {what}; on the screen:\n{monitor.text}"
        await asyncio.sleep(0.005)
    await monitor.later()


def environ() -> dict[str, str]:
    """The variables of a monitor whose user has a key, other tokens, and a copy of the key."""
    return {
        "PATH": os.environ["PATH"],
        "TRIGGER_SECRET_KEY": "tr_dev_of_the_shell",
        "TRIGGER_ACCESS_TOKEN": "tr_pat_of_the_shell",
        "TRIGGER_TUI_RELAY_TOKEN": "token-of-the-shell",
        "MY_COPY": "Bearer tr_dev_of_the_shell",
        "HARMLESS": "yes",
    }


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(str(value))
