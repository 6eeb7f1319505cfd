"""Builds the wheel, installs it where no source is, and runs its demo in a terminal: `python -m tests.wheel`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.perf.terminal import Terminal

ROOT: Final = Path(__file__).parents[1]


def main() -> None:
    """Raise an error if the wheel cannot be built, installed or run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", name, str(ROOT))
        (wheel,) = folder.glob("trigger_tui-*.whl")
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        python = folder / "env" / "bin" / "python"
        pip(str(python), "install", str(wheel))
        source = subprocess.check_output([python, "-c", "import tui; print(tui.__file__)"], cwd=name, text=True)
        assert Path(source).is_relative_to(folder), f"the demo would run from {source}"
        os.chdir(name)
        env = {"PATH": os.environ["PATH"], "HOME": name, "LANG": "C.UTF-8"}
        with Terminal([str(folder / "env" / "bin" / "trigger-tui"), "demo"], env=env) as terminal:
            terminal.wait_for("Completed", "live")
            terminal.send("q")
            code = terminal.end()
        assert code == 0, f"the demo of the wheel ended with exit code {code}"
    print(f"{wheel.name}: its demo ran and quit")


def pip(python: str, *arguments: str) -> None:
    """Run pip of that interpreter."""
    subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


if __name__ == "__main__":
    main()
