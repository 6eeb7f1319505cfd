"""Pictures of the program for the README: `python -m tests.screenshots` makes them anew from the running program.

What lives here: which screens, at which sizes, and the keys that lead there, on an emulator whose time stands still, so
that the same pictures come out again. Names as arguments: only those.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.text import Text

from tests import drawing
from tests.cli.running import Terminal as Pipe
from tests.cli.running import environment
from tests.perf.terminal import Terminal

FOLDER: Final = Path(__file__).parents[1] / "screenshots"
FAILED: Final = "run_cmwur1jyh01569f7dq2cr6wwh"
ROOT: Final = "run_cmwuqwexc00m29f7de6v8aoe6"
COMMANDS: Final = {
    "ls": (["ls", "--status", "failed", "--limit", "12"], 100),
    "show": (["show", FAILED], 80),
    "tree": (["tree", ROOT], 100),
}

SIZES: Final = ((80, 24), (120, 40), (200, 60))
WORLD: Final = ("--seed", "0", "--start", "2026-11-24T13:49:00Z", "--time-scale", "0", "--history", "1200")
KEY: Final = "tr_prod_emulator"
PRESS_S: Final = 0.3
SETTLE_S: Final = 2.0
"""Until what was asked for about a run has been read and drawn."""

Scene = Callable[[Terminal, str], None]


def keys(*pressed: str) -> Scene:
    """A scene to which keys lead."""

    def play(terminal: Terminal, _: str) -> None:
        for key in pressed:
            terminal.send(key)
            terminal.read_for(PRESS_S)
        terminal.read_for(SETTLE_S)
        terminal.wait_until(lambda: "loading…" not in terminal.text, "all that is seen")

    return play


def stale(terminal: Terminal, url: str) -> None:
    """The server does not answer any more."""
    to_a_failed_run(terminal, url)
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(SETTLE_S)


def set_faults(url: str, faults: list[dict[str, object]]) -> None:
    """Make the emulator break, or whole again."""
    request = urllib.request.Request(f"{url}/emulator/faults", json.dumps({"faults": faults}).encode())
    with urllib.request.urlopen(request) as answer:
        answer.read()


def filtered(text: str) -> str:
    """The keys that filter the list."""
    return f"/{text}\r"


to_a_failed_run: Final = keys(*"xxxxxxxXX")
SCENES: Final[dict[str, Scene]] = {
    "list": to_a_failed_run,
    "failed": keys(*"xxxxx3z"),
    "family": keys(filtered("task:generate-report status:failed"), "j", "4", "z"),
    "confirm": keys(filtered("task:agent-turn status:waiting"), "j", "j", "C"),
    "stale": stale,
    "help": keys("?"),
}


def main(only: list[str]) -> None:
    """Write every picture, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    with emulator() as url, tempfile.TemporaryDirectory() as folder:
        env = environment(url, TRIGGER_SECRET_KEY=KEY, XDG_STATE_HOME=folder)
        for name, (arguments, columns) in COMMANDS.items():
            if not only or name in only:
                (FOLDER / f"{name}.svg").write_text(command(arguments, columns, env), encoding="utf-8")
        for name, scene in SCENES.items():
            if not only or name in only:
                with ThreadPoolExecutor(len(SIZES)) as threads:
                    for shot in [threads.submit(shoot, name, scene, size, env) for size in SIZES]:
                        shot.result()
                set_faults(url, [])


def command(arguments: list[str], columns: int, env: dict[str, str]) -> str:
    """What a command drew on a terminal of so many columns, as SVG."""
    terminal = Pipe(*arguments, env=env, columns=columns)
    terminal.end()
    text = Text.from_ansi(terminal.screen.decode().replace("\r\n", "\n").rstrip("\n"))
    return drawing.svg(text, columns, f"trigger-tui {' '.join(arguments)}")


def shoot(name: str, scene: Scene, size: tuple[int, int], env: dict[str, str]) -> None:
    """Play a scene on a monitor of its own, and write what is on the screen then."""
    with Terminal([sys.executable, "-m", "tui"], size=size, env=env) as terminal:
        terminal.wait_for("Completed")
        terminal.read_for(SETTLE_S)
        scene(terminal, env["TRIGGER_API_URL"])
        stem = f"{name}-{size[0]}x{size[1]}"
        picture = drawing.svg(drawing.text_of(terminal), size[0], "trigger-tui")
        (FOLDER / f"{stem}.svg").write_text(picture, encoding="utf-8")
        drawing.png(terminal, FOLDER / f"{stem}.png")


@contextmanager
def emulator() -> Iterator[str]:
    """An emulator whose time stands still."""
    arguments = [sys.executable, "-m", "tui", "emulator", "--port", "0", *WORLD]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield next(word for word in program.stdout.readline().split() if word.startswith("http://"))
        finally:
            program.terminate()


if __name__ == "__main__":
    main(sys.argv[1:])
