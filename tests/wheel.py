"""Builds the wheel, installs it with the lowest versions of its dependencies, and runs it: `python -m tests.wheel`.

The environment has no source. `tests/run` has the newest versions. The demo runs in a terminal, a command reads from an
emulator, and a screen from a relay.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Final
from zipfile import Path as ZipPath

from packaging.requirements import Requirement

from tests.perf.terminal import Terminal

ROOT: Final = Path(__file__).parents[1]
KEY: Final = "tr_prod_emulator"
TOKEN: Final = "a-token-of-the-wheel-0123456789"


def main() -> None:
    """Raise an error if the wheel cannot be built, installed or run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", name, str(ROOT))
        (wheel,) = folder.glob("trigger_tui-*.whl")
        lowest = list(lowest_versions(wheel))
        (folder / "lowest.txt").write_text("\n".join(lowest))
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        python = folder / "env" / "bin" / "python"
        pip(str(python), "install", "--constraint", str(folder / "lowest.txt"), str(wheel))
        source = subprocess.check_output([python, "-c", "import tui; print(tui.__file__)"], cwd=name, text=True)
        assert Path(source).is_relative_to(folder), f"the demo would run from {source}"
        os.chdir(name)
        env = {"PATH": os.environ["PATH"], "HOME": name, "LANG": "C.UTF-8"}
        run_all(folder, env)
        install_by_tools(folder, env)
    print(f"{wheel.name}: its demo, a command, a relay and its screen ran with {', '.join(lowest)}")


def pip(python: str, *arguments: str) -> None:
    """Run pip of that interpreter."""
    subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def lowest_versions(wheel: Path) -> Iterator[str]:
    """Yield the lowest version of each dependency that the wheel's own metadata admits."""
    (info,) = (each for each in ZipPath(wheel).iterdir() if each.name.endswith(".dist-info"))
    for requirement in map(Requirement, PathDistribution(info).requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            floors = [each.version for each in requirement.specifier if each.operator == ">="]
            assert floors, f"{requirement.name} has no lowest version"
            yield f"{requirement.name}=={floors[0]}"


def run_all(folder: Path, env: dict[str, str]) -> None:
    """Run the demo, a command and a relay with its screen."""
    program = str(folder / "env" / "bin" / "trigger-tui")
    show_runs([program, "demo"], env)
    with server([program, "emulator", "--port", "0"], "http://", env) as url:
        direct = env | {"TRIGGER_API_URL": url, "TRIGGER_SECRET_KEY": KEY}
        printed = subprocess.check_output([program, "ls", "--json", "--limit", "3"], env=direct, text=True)
        assert len(printed.splitlines()) == 3, printed
        tokens = folder / "tokens"
        tokens.write_text(f"wheel {TOKEN}\n")
        tokens.chmod(0o600)
        relay = [program, "relay", "--tokens", str(tokens), "--listen", "127.0.0.1:0"]
        with server(relay, "ws://", direct) as address:
            show_runs([program, "--relay", address], env | {"TRIGGER_TUI_RELAY_TOKEN": TOKEN})


def install_by_tools(folder: Path, env: dict[str, str]) -> None:
    """Install the checkout as the README says, by each of the tools that exist here, and start what they installed."""
    for tool in (["pipx", "install"], ["uv", "tool", "install"]):
        if shutil.which(tool[0]) is None:
            print(f"{tool[0]} is not installed: `{' '.join(tool)} .` was not tried")
            continue
        home, bins = folder / tool[0], folder / tool[0] / "bin"
        places = {"PIPX_HOME": home, "PIPX_BIN_DIR": bins, "UV_TOOL_DIR": home, "UV_TOOL_BIN_DIR": bins}
        own = {**os.environ, **env, **{name: str(place) for name, place in places.items()}}
        subprocess.run([*tool, "."], cwd=ROOT, env=own, check=True)
        subprocess.run([bins / "trigger-tui", "completion", "bash"], env=own, check=True, stdout=subprocess.DEVNULL)


def show_runs(command: list[str], env: dict[str, str]) -> None:
    """Run the monitor until it shows live runs, and quit."""
    with Terminal(command, env=env) as terminal:
        terminal.wait_for("Completed", "live")
        terminal.send("q")
        code = terminal.end()
    assert code == 0, f"{command[1:]} ended with exit code {code}"


@contextmanager
def server(command: list[str], scheme: str, env: dict[str, str]) -> Iterator[str]:
    """Run a server until the end of the block; yields the address that it prints."""
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(word for word in process.stdout.readline().split() if word.startswith(scheme))
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
