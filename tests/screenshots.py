"""Draws the pictures of the READMEs from the running program: `python -m tests.screenshots [NAME…]`.

Most scenes run on an emulator whose time stands still, so that a second run draws the same pictures. Scenes in which
time passes have a living emulator of their own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rich.text import Text

from tests.perf.terminal import Terminal
from tests.support import drawing
from tests.support.animation import Frame, animated_svg, frame_of
from tests.support.commands import environment, on_terminal

FOLDER: Final = Path(__file__).parents[1] / "screenshots"
COMMANDS: Final = {"ls": (["ls", "--status", "failed", "--limit", "12"], 100)}
"""Printed pictures: a command line and the width of its terminal."""

STILL: Final = ("--seed", "9", "--start", "2026-11-24T13:49:00Z", "--time-scale", "0", "--history", "1200")
LIVING: Final = ("--seed", "0", "--start", "2026-11-24T13:49:40Z", "--history", "300", "--rate", "2")
KEY: Final = "tr_prod_emulator"
TOKEN: Final = "0123456789abcdef-of-the-wall"
PRESS_S: Final = 0.3
TYPED_S: Final = 1.0
"""After a text: many keys at once may be a paste, so that no action follows them at once."""

SETTLE_S: Final = 2.0
"""How long the details of a run may take to be read and drawn."""

OUTAGE_S: Final = 20.0
"""More than a full minute of the living emulator, so that the line of the outage has two times of day."""

TOLD: Final = ("--seed", "0", "--rate", "5")
"""A living emulator that tells a story: something goes wrong within its first 15 s."""

TOLD_S: Final = 40.0
"""How long a story goes on after its finding is on the screen."""

TOLD_WITHIN_S: Final = 60.0

STORY: Final = "story"
STORY_SIZE: Final = (120, 34)
STEPS: Final = (
    ("x", 1.2),
    ("x", 1.2),
    ("x", 2.7),
    ("3", 0.3),
    ("z", 2.7),
    ("z", 0.9),
    ("R", 2.4),
    ("y", 2.4),
    ("v", 5.1),
)
"""The keys of the animated picture, each with the time for which its effect is shown."""

PAUSE_S: Final = 1.5
"""Before the animation starts again."""

Scene = Callable[[Terminal, str], None]
"""Brings a monitor to the screen that is drawn. The text is the address of its emulator."""


def keys(*pressed: str) -> Scene:
    """A scene that presses keys, one after the other."""

    def play(terminal: Terminal, _: str) -> None:
        for key in pressed:
            terminal.send(key)
            terminal.read_for(PRESS_S if len(key) == 1 else TYPED_S)
        terminal.read_for(SETTLE_S)
        terminal.wait_until(lambda: "loading…" not in terminal.text, "loaded panes")

    return play


def stale(terminal: Terminal, url: str) -> None:
    """The server answers with errors only."""
    keys("x")(terminal, url)  # near the top, where timers ran
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(SETTLE_S)


def gap(terminal: Terminal, url: str) -> None:
    """The server is back after an outage, and the monitor has read all that it missed."""
    set_faults(url, [{"kind": "error", "status": 503}])
    terminal.wait_for("STALE")
    terminal.read_for(OUTAGE_S)
    set_faults(url, [])
    terminal.wait_for("no data")
    terminal.send("j")  # holds the list still, so that new runs do not push the line away
    terminal.wait_for(" changed meanwhile")
    keys(*"kkkk")(terminal, url)


def told(story: str, shots: Mapping[str, "ToldShot"], env: dict[str, str]) -> None:
    """Draw several monitors at one moment of a story. A shot is the monitor's arguments, its size, and a key."""
    with ExitStack() as stack:
        url = stack.enter_context(emulator((*TOLD, "--story", story)))
        terminals = {
            name: stack.enter_context(monitor(arguments, size, env | {"TRIGGER_API_URL": url}))
            for name, (arguments, size, _) in shots.items()
        }
        for name, (_, _, key) in shots.items():
            terminals[name].send(key)
            terminals[name].wait_for(FINDINGS[story], within_s=TOLD_WITHIN_S)
        for _ in range(round(TOLD_S / PRESS_S / len(terminals))):
            for terminal in terminals.values():
                terminal.read_for(PRESS_S)
        for name, terminal in terminals.items():
            columns, rows = shots[name][1]
            drawing.png(terminal, FOLDER / f"{name}-{columns}x{rows}.png")


def set_faults(url: str, faults: list[dict[str, object]]) -> None:
    """Replace the faults of the emulator."""
    request = urllib.request.Request(f"{url}/emulator/faults", json.dumps({"faults": faults}).encode())
    with urllib.request.urlopen(request) as response:
        response.read()


def errors(terminal: Terminal, url: str) -> None:
    """The groups of all failed runs."""
    terminal.send("!")
    terminal.wait_for("all read")
    keys("j")(terminal, url)


def filtered(text: str) -> str:
    """The keys that filter the list."""
    return f"/{text}\r"


to_a_failed_run: Final = keys(*"xxxxxxxXX")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its scene, the size of its terminal, flags of the monitor, and the emulator that it needs."""

    play: Scene
    size: tuple[int, int] = (120, 40)
    flags: tuple[str, ...] = ()
    is_living: bool = False
    is_relayed: bool = False


SHOTS: Final = {
    "failed": Shot(keys(*"xxxxxxx3z")),
    "logs": Shot(keys(filtered("example-checkout"), "j", "5", "z", "X", "X", "\r")),
    "waterfall": Shot(keys(filtered("task:generate-report status:failed"), "j", "4", "t", "z")),
    "family": Shot(keys(filtered("task:generate-report status:failed"), "j", "4", "z")),
    "confirm": Shot(keys(filtered("task:welcome-sequence status:waiting"), "j", "*", "C")),
    "errors": Shot(errors),
    "columns": Shot(keys("x", "x", "c", "j")),
    "schedules": Shot(keys(":", "schedules", "\r", "j")),
    "help": Shot(keys("?")),
    "stale": Shot(stale, (80, 24)),
    "gap": Shot(gap, (80, 24), is_living=True),
    "relay": Shot(to_a_failed_run, (80, 24), is_relayed=True),
}


ToldShot = tuple[Sequence[str], tuple[int, int], str]

TOLD_SHOTS: Final[dict[str, dict[str, ToldShot]]] = {
    "bad-deploy": {"wall": (("wall",), (120, 40), ""), "overview": ((), (120, 40), "")},
    "queue-at-limit": {"queues": ((), (120, 40), "Q")},
}
"""Pictures of a living emulator, by its story: the monitor's arguments, the size, and a key."""

FINDINGS: Final = {"bad-deploy": "only in", "queue-at-limit": "at its limit"}
"""The words with which a finding of each story is on the screen."""


def main(words: Sequence[str] | None = None) -> None:
    """Draw every picture, or only those named."""
    known = (*COMMANDS, *SHOTS, *TOLD_SHOTS, STORY)
    parser = argparse.ArgumentParser(
        prog="python -m tests.screenshots", description="Draw the pictures of the READMEs."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}")
    only = parser.parse_args(words).names
    if unknown := set(only) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; the names are {', '.join(known)}")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, emulator(STILL) as url:
        env = environment(url, TRIGGER_SECRET_KEY=KEY, XDG_STATE_HOME=folder)
        for name, (arguments, columns) in COMMANDS.items():
            if not only or name in only:
                (FOLDER / f"{name}.svg").write_text(printed(arguments, columns, env), encoding="utf-8")
        for name, shot in SHOTS.items():
            if not only or name in only:
                shoot(name, shot, env)
                set_faults(url, [])
        for story, shots in TOLD_SHOTS.items():
            if not only or story in only:
                told(story, shots, env)
        if not only or STORY in only:
            (FOLDER / f"{STORY}.svg").write_text(animated_svg(recorded(env), STORY_SIZE[0]), encoding="utf-8")


def printed(arguments: Sequence[str], columns: int, env: dict[str, str]) -> str:
    """Return the output of a command on a terminal of `columns` columns, as SVG."""
    terminal = on_terminal(*arguments, env=env, columns=columns)
    terminal.end()
    text = Text.from_ansi(terminal.received.decode().replace("\r\n", "\n").rstrip("\n"))
    return drawing.svg(text, columns, f"trigger-tui {' '.join(arguments)}")


def shoot(name: str, shot: Shot, env: dict[str, str]) -> None:
    """Play a scene on a monitor of its own and draw the screen that it ends with."""
    with ExitStack() as stack:
        if shot.is_living:
            env = env | {"TRIGGER_API_URL": stack.enter_context(emulator(LIVING))}
        flags, url = shot.flags, env["TRIGGER_API_URL"]
        if shot.is_relayed:
            flags = (*flags, "--relay", stack.enter_context(relay(env)))
            env = env | {"TRIGGER_TUI_RELAY_TOKEN": TOKEN}
            del env["TRIGGER_SECRET_KEY"]
        terminal = stack.enter_context(monitor(flags, shot.size, env))
        shot.play(terminal, url)
        if "No run is selected" in terminal.text:
            sys.exit(f"{name}: the emulated world of this seed has no run that the picture shows")
        drawing.png(terminal, FOLDER / f"{name}-{shot.size[0]}x{shot.size[1]}.png")


def recorded(env: dict[str, str]) -> list[Frame]:
    """The story of the README as frames: find a failed run, read why it failed, replay it, watch the replay."""
    frames: list[Frame] = []
    with emulator(LIVING) as url, monitor((), STORY_SIZE, env | {"TRIGGER_API_URL": url}) as terminal:

        def show(shown_s: float) -> None:
            frame = frame_of(terminal, shown_s)
            if frames and frames[-1].rows == frame.rows:
                frames[-1] = Frame(frame.rows, frames[-1].shown_s + shown_s)
            else:
                frames.append(frame)

        def watch(seconds: float) -> None:
            for _ in range(round(seconds / PRESS_S)):
                terminal.read_for(PRESS_S)
                show(PRESS_S)

        watch(2.1)
        for key, watched_s in STEPS:
            terminal.send(key)
            watch(watched_s)
        show(PAUSE_S)
    return frames


@contextmanager
def monitor(flags: Sequence[str], size: tuple[int, int], env: Mapping[str, str]) -> Iterator[Terminal]:
    """A monitor in a terminal of its own, with its first rows drawn."""
    # Several are read in turn. One that waits for its turn answers late, as over a slow link.
    env = {**env, "TRIGGER_TUI_SLOW": "0"}
    with Terminal([sys.executable, "-m", "tui", *flags], size=size, env=env) as terminal:
        terminal.wait_for("done" if "wall" in flags else "Completed")
        terminal.read_for(SETTLE_S)
        yield terminal


@contextmanager
def emulator(options: Sequence[str]) -> Iterator[str]:
    """An emulator with these options; yields its address."""
    with running(["emulator", "--port", "0", *options]) as output:
        yield next(word for word in output.readline().split() if word.startswith("http://"))


@contextmanager
def relay(env: Mapping[str, str]) -> Iterator[str]:
    """A relay to the API that `env` names; yields its address."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as tokens:
        print("wall", TOKEN, file=tokens, flush=True)
        with running(["relay", "--tokens", tokens.name, "--listen", "127.0.0.1:0"], env) as output:
            yield next(word for word in output.readline().split() if word.startswith("ws://"))


@contextmanager
def running(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[IO[str]]:
    """A command that runs until the block ends; yields its output."""
    command = [sys.executable, "-m", "tui", *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            program.terminate()


if __name__ == "__main__":
    main()
