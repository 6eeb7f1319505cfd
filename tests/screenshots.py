"""Draws the pictures for the README from the running program: `python -m tests.screenshots [NAME…]`.

Each scene has a size and the keys, faults or time that lead to it. Most scenes use an emulator whose time stands still,
so that the pictures are repeatable. Scenes in which time passes have an emulator of their own.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rich.text import Text

from tests.perf.terminal import Terminal
from tests.support import drawing
from tests.support.commands import Terminal as Pipe
from tests.support.commands import environment

FOLDER: Final = Path(__file__).parents[1] / "screenshots"
FAILED: Final = "run_cmwur1jyh01569f7dq2cr6wwh"
ROOT: Final = "run_cmwuqwexc00m29f7de6v8aoe6"
COMMANDS: Final = {
    "ls": (["ls", "--status", "failed", "--limit", "12"], 100),
    "show": (["show", FAILED], 80),
    "tree": (["tree", ROOT], 100),
}

SIZES: Final = ((80, 24), (120, 40), (200, 60))
SMALL: Final = SIZES[:1]
STILL: Final = ("--seed", "0", "--start", "2026-11-24T13:49:00Z", "--time-scale", "0", "--history", "1200")
LIVING: Final = (
    "--seed",
    "0",
    "--start",
    "2026-11-24T13:49:40Z",
    "--time-scale",
    "1",
    "--history",
    "300",
    "--rate",
    "2",
)
KEY: Final = "tr_prod_emulator"
TOKEN: Final = "0123456789abcdef-of-the-wall"
PRESS_S: Final = 0.3
SETTLE_S: Final = 2.0
"""Time for the requests about a run to be answered and drawn."""

OUTAGE_S: Final = 20.0
"""More than a minute of the world, so that the line has two times of day."""

Scene = Callable[[Terminal, str], None]


def keys(*pressed: str) -> Scene:
    """Return a scene that keys lead to."""

    def play(terminal: Terminal, _: str) -> None:
        for key in pressed:
            terminal.send(key)
            terminal.read_for(PRESS_S)
        terminal.read_for(SETTLE_S)
        terminal.wait_until(lambda: "loading…" not in terminal.text, "all that is seen")

    return play


def stale(terminal: Terminal, url: str) -> None:
    """Make the server stop responding."""
    keys("x")(terminal, url)  # near the top, where timers run
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(SETTLE_S)


def late(terminal: Terminal, url: str) -> None:
    """Make the server slow."""
    to_a_failed_run(terminal, url)
    set_faults(url, [{"kind": "hang"}])
    terminal.wait_for(" old, late")


def gap(terminal: Terminal, url: str) -> None:
    """Show the list after an outage whose runs were read."""
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(OUTAGE_S)
    set_faults(url, [])
    terminal.wait_for("no data")
    terminal.send("j")  # now new runs do not move the line
    terminal.wait_for(" caught up")
    keys(*"kkkk")(terminal, url)


def set_faults(url: str, faults: list[dict[str, object]]) -> None:
    """Set the faults of the emulator."""
    request = urllib.request.Request(f"{url}/emulator/faults", json.dumps({"faults": faults}).encode())
    with urllib.request.urlopen(request) as answer:
        answer.read()


def filtered(text: str) -> str:
    """Return the keys that filter the list."""
    return f"/{text}\r"


to_a_failed_run: Final = keys(*"xxxxxxxXX")


@dataclass(frozen=True, slots=True)
class Shot:
    """A scene with its sizes and flags. `is_living`: it has its own emulator, whose time passes."""

    play: Scene
    sizes: Sequence[tuple[int, int]] = SIZES
    flags: tuple[str, ...] = ()
    is_living: bool = False
    is_relayed: bool = False


SHOTS: Final = {
    "list": Shot(to_a_failed_run),
    "failed": Shot(keys(*"xxxxx3z")),
    "family": Shot(keys(filtered("task:generate-report status:failed"), "j", "4", "z")),
    "confirm": Shot(keys(filtered("task:agent-turn status:waiting"), "j", "j", "C")),
    "stale": Shot(stale),
    "help": Shot(keys("?")),
    "late": Shot(late, SMALL, flags=("--no-realtime",), is_living=True),
    "gap": Shot(gap, SMALL, is_living=True),
    "relay": Shot(to_a_failed_run, SMALL, is_relayed=True),
}


def main(only: list[str]) -> None:
    """Write all pictures, or the named ones."""
    FOLDER.mkdir(exist_ok=True)
    with emulator(STILL) as url, tempfile.TemporaryDirectory() as folder:
        env = environment(url, TRIGGER_SECRET_KEY=KEY, XDG_STATE_HOME=folder)
        for name, (arguments, columns) in COMMANDS.items():
            if not only or name in only:
                (FOLDER / f"{name}.svg").write_text(command(arguments, columns, env), encoding="utf-8")
        for name, shot in SHOTS.items():
            if not only or name in only:
                with ThreadPoolExecutor(len(SIZES)) as threads:
                    for done in [threads.submit(shoot, name, shot, size, env) for size in shot.sizes]:
                        done.result()
                set_faults(url, [])


def command(arguments: list[str], columns: int, env: dict[str, str]) -> str:
    """Return the output of a command on a terminal of this many columns, as SVG."""
    terminal = Pipe(*arguments, env=env, columns=columns)
    terminal.end()
    text = Text.from_ansi(terminal.screen.decode().replace("\r\n", "\n").rstrip("\n"))
    return drawing.svg(text, columns, f"trigger-tui {' '.join(arguments)}")


def shoot(name: str, shot: Shot, size: tuple[int, int], env: dict[str, str]) -> None:
    """Play a scene on its own monitor, and write the screen."""
    with ExitStack() as around:
        if shot.is_living:
            env = env | {"TRIGGER_API_URL": around.enter_context(emulator(LIVING))}
        flags, url = shot.flags, env["TRIGGER_API_URL"]
        if shot.is_relayed:
            flags = (*flags, "--relay", around.enter_context(relay(env)))
            env = env | {"TRIGGER_TUI_RELAY_TOKEN": TOKEN}
            del env["TRIGGER_SECRET_KEY"]
        terminal = around.enter_context(Terminal([sys.executable, "-m", "tui", *flags], size=size, env=env))
        terminal.wait_for("Completed")
        terminal.read_for(SETTLE_S)
        shot.play(terminal, url)
        stem = f"{name}-{size[0]}x{size[1]}"
        picture = drawing.svg(drawing.text_of(terminal), size[0], "trigger-tui")
        (FOLDER / f"{stem}.svg").write_text(picture, encoding="utf-8")
        drawing.png(terminal, FOLDER / f"{stem}.png")


@contextmanager
def emulator(world: Sequence[str]) -> Iterator[str]:
    """Start an emulator of a world. Yield its address."""
    with running(["emulator", "--port", "0", *world]) as told:
        yield next(word for word in told.readline().split() if word.startswith("http://"))


@contextmanager
def relay(env: Mapping[str, str]) -> Iterator[str]:
    """Start a relay to the API of the environment. Yield its address."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as tokens:
        print("wall", TOKEN, file=tokens, flush=True)
        with running(["relay", "--tokens", tokens.name, "--listen", "127.0.0.1:0"], env) as told:
            yield next(word for word in told.readline().split() if word.startswith("ws://"))


@contextmanager
def running(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[IO[str]]:
    """Run a command until the end of the block. Yield its output."""
    command = [sys.executable, "-m", "tui", *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            program.terminate()


if __name__ == "__main__":
    main(sys.argv[1:])
