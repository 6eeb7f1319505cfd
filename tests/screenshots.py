"""Pictures of the program for the README: `python -m tests.screenshots` makes them anew from the running program.

What lives here: which screens, at which sizes, and what leads there: keys, faults, time. Most are of an emulator whose
time stands still, so that the same pictures come out again; what shows that time passes has a living one to itself.
Names as arguments: only those.
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
"""Until what was asked for about a run has been read and drawn."""

OUTAGE_S: Final = 20.0
"""Over a full minute of the living world: then the line has two times of day."""

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
    keys("x")(terminal, url)  # near the top, where timers ran
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(SETTLE_S)


def late(terminal: Terminal, url: str) -> None:
    """The server takes its time."""
    to_a_failed_run(terminal, url)
    set_faults(url, [{"kind": "hang"}])
    terminal.wait_for(" old, late")


def gap(terminal: Terminal, url: str) -> None:
    """It was away, and all that happened meanwhile has been read."""
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(OUTAGE_S)
    set_faults(url, [])
    terminal.wait_for("no data")
    terminal.send("j")  # then the list stands still, and what is new does not push the line away
    terminal.wait_for(" caught up")
    keys(*"kkkk")(terminal, url)


def set_faults(url: str, faults: list[dict[str, object]]) -> None:
    """Make the emulator break, or whole again."""
    request = urllib.request.Request(f"{url}/emulator/faults", json.dumps({"faults": faults}).encode())
    with urllib.request.urlopen(request) as answer:
        answer.read()


def filtered(text: str) -> str:
    """The keys that filter the list."""
    return f"/{text}\r"


to_a_failed_run: Final = keys(*"xxxxxxxXX")


@dataclass(frozen=True, slots=True)
class Shot:
    """What is played, at which sizes, with which flags; `is_living`: in a world of its own, whose time passes."""

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
    """Write every picture, or those that are named."""
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
    """What a command drew on a terminal of so many columns, as SVG."""
    terminal = Pipe(*arguments, env=env, columns=columns)
    terminal.end()
    text = Text.from_ansi(terminal.screen.decode().replace("\r\n", "\n").rstrip("\n"))
    return drawing.svg(text, columns, f"trigger-tui {' '.join(arguments)}")


def shoot(name: str, shot: Shot, size: tuple[int, int], env: dict[str, str]) -> None:
    """Play a scene on a monitor of its own, and write what is on the screen then."""
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
    """An emulator of such a world; its address."""
    with running(["emulator", "--port", "0", *world]) as told:
        yield next(word for word in told.readline().split() if word.startswith("http://"))


@contextmanager
def relay(env: Mapping[str, str]) -> Iterator[str]:
    """A relay to the API that is named there; its address."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as tokens:
        print("wall", TOKEN, file=tokens, flush=True)
        with running(["relay", "--tokens", tokens.name, "--listen", "127.0.0.1:0"], env) as told:
            yield next(word for word in told.readline().split() if word.startswith("ws://"))


@contextmanager
def running(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[IO[str]]:
    """A command that goes on until it is ended here; what it prints."""
    command = [sys.executable, "-m", "tui", *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            program.terminate()


if __name__ == "__main__":
    main(sys.argv[1:])
