"""Compares the screens and the JSON of this checkout with those of another: `python -m tests.compare FOLDER`.

FOLDER is a checkout of the commit before, for example by `git worktree add FOLDER COMMIT`. Both read from the emulator
of that checkout, with one seed, while its time stands still. Each has one of its own, since a limit of requests that
does not refill would soon be shared. Each scene is played by both monitors at three sizes; the screens must become
equal, cell for cell, colours included. The objects that the commands print must be equal, but for their times of
reading. A change that moves code shows nothing here. A change of behaviour lists its differences, with a reason for
each.
"""

import argparse
import difflib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.perf.terminal import Terminal
from tests.support.commands import environment

HERE: Final = Path(__file__).parents[1]
SIZES: Final = ((80, 24), (120, 40), (200, 60))
STILL: Final = ("--seed", "9", "--start", "2026-11-24T13:49:00Z", "--time-scale", "0", "--history", "1200")
KEY: Final = "tr_prod_emulator"

FROZEN: Final = """
import runpy, sys, time
read = time.clock_gettime
time.clock_gettime = lambda clock: 1000.0 if clock == time.CLOCK_BOOTTIME else read(clock)
sys.argv = ["trigger-tui", *sys.argv[1:]]
runpy.run_module("tui", run_name="__main__")
"""
"""Runs the monitor while the time that passes since the server's last answer stands still, so that no age changes."""

KEY_S: Final = 0.12
"""Between two keys: what follows the cursor rests for less."""

QUIET_S: Final = 0.6
"""Both screens have been still for so long when they are compared first."""

EQUAL_WITHIN_S: Final = 8.0
"""For so long both screens may differ, since they load and tick each in its own time."""

PORT: Final = re.compile(r"127\.0\.0\.1:([0-9]+)")
"""The copy menu shows it: each side has an emulator of its own."""

TIMES_OF_READING: Final = frozenset({"readAt", "asOf", "at", "generatedAt", "ageMs", "ageSeconds"})
"""Printed times of this reading, which no two commands share."""


@dataclass(frozen=True, slots=True)
class Session:
    """One start of the monitor: its arguments, and its screens in their order, each by the keys that lead to it."""

    screens: Mapping[str, str]
    arguments: tuple[str, ...] = ()


FAILED: Final = "/task:generate-report status:failed\r"
DOWN, ESC, ENTER, TAB = "j", "\x1b", "\r", "\t"

SESSIONS: Final = (
    Session({"list": "", "next failure": "xx", "detail zoomed": "2z", "attempts": "z3", "attempts zoomed": "z"}),
    Session(
        {
            "filtered": FAILED,
            "tree": DOWN + "4",
            "tree zoomed": "z",
            "waterfall": "t",
            "logs": "z5",
            "logs zoomed": "z",
            "log searched": "/o\r",
        }
    ),
    Session({"marks": "1 j j ", "bulk question": "R", "after the question": ESC, "copy menu": "Y", "menu left": ESC}),
    Session(
        {"help": "?", "help scrolled": "\x1b[6~", "columns": ESC + "c", "sort": ESC + "s", "palette": ESC + "\x10"}
    ),
    Session({"command line": ":", "completed": "runs task:gen" + TAB, "unknown word": "\x15nonsense\r", "back": ESC}),
    Session({"error groups": "!", "second group": DOWN, "group's runs": ENTER, "group's run": "xz"}),
    Session({"queues": "Q", "second queue": DOWN, "queue's runs": ENTER}),
    Session({"wall": "", "wall, longer": "]", "wall's first finding": ENTER}, ("wall",)),
    Session(
        {"no match": "/nonsense\r", "status filter": ESC + "f", "environments": ESC + ":env\r", "views": ESC + "'"}
    ),
    Session({"compared": "xx3=", "payload": ESC + "2p", "messages": ESC + "m"}),
    Session({"ascii": "", "light tree": "xx4z"}, ("--ascii", "--theme", "light")),
)

COMMANDS: Final = (
    ("ls", "--json", "--limit", "50"),
    ("ls", "--json", "--status", "failed", "--limit", "20"),
    ("show", "RUN", "--json"),
    ("tree", "RUN", "--json"),
    ("logs", "RUN", "--json"),
    ("trace", "RUN", "--json"),
    ("errors", "--json"),
    ("queues", "--json"),
)
"""`RUN` stands for a failed run."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The two checkouts, and the interpreters that run them."""

    before: Path
    after: Path
    before_python: str
    after_python: str

    def __iter__(self) -> Iterator[tuple[Path, str]]:
        yield self.before, self.before_python
        yield self.after, self.after_python


def main(words: Sequence[str] | None = None) -> int:
    """Compare everything, or the sessions that hold a named screen. Return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.compare", description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkout of the commit before")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has that commit's dependencies")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only sessions with a screen of this name; json: JSON"
    )
    parser.add_argument("--size", default="", metavar="80x24", help="only this size")
    options = parser.parse_args(words)
    sides = Sides(options.folder.resolve(), HERE, options.python, sys.executable)
    screens = differing = 0
    for name, difference in all_compared(sides, options.only, options.size):
        screens += 1
        differing += bool(difference)
        print(f"{'DIFFERS' if difference else 'equal  '} {name}", flush=True)
        if difference:
            print(difference, flush=True)
    print(f"{screens} compared, {differing} differ")
    return int(differing > 0 or not screens)


def all_compared(sides: Sides, only: str, only_size: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each screen and command, and how it differs; empty if it does not."""
    for session in SESSIONS:
        if any(only in name for name in session.screens):
            for size in SIZES:
                if only_size in {"", f"{size[0]}x{size[1]}"}:
                    yield from compared(sides, session, size)
    if only in {"", "json"}:
        yield from compared_json(sides)


def compared(sides: Sides, session: Session, size: tuple[int, int]) -> Iterator[tuple[str, str]]:
    """Yield the name of each screen of a session, and how it differs; empty if it does not."""
    with ExitStack() as stack:
        terminals = []
        urls = [stack.enter_context(emulator(sides)) for _ in sides]
        # Both start at one moment: their seconds tick by the time since the first answer.
        for (folder, python), url in zip(sides, urls, strict=True):
            env = environment(url, TRIGGER_SECRET_KEY=KEY, PYTHONPATH=str(folder), TRIGGER_TUI_SLOW="0")
            command = [python, "-P", "-c", FROZEN, *session.arguments]
            terminals.append(stack.enter_context(Terminal(command, size=size, env=env)))
        for terminal in terminals:
            terminal.wait_for("done" if "wall" in session.arguments else "Completed")
        for name, pressed in session.screens.items():
            for key in keys_of(pressed):
                for terminal in terminals:
                    terminal.send(key)
                read_both(terminals, KEY_S)
            yield f"{size[0]}x{size[1]} {name}", difference_of(terminals)


def keys_of(text: str) -> list[str]:
    """Return the keys of a text. A sequence of the terminal is one key; a filter is typed as one piece."""
    if text.startswith("\x1b[") or text[:1] in {"/", ":"}:
        return [text]
    keys = list(text)
    if keys[:1] == [ESC] and len(keys) > 1:
        return [ESC, *keys_of(text[1:])]
    return keys


def read_both(terminals: Sequence[Terminal], seconds: float) -> None:
    """Read both terminals in turn for a time: each must drain its program."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for terminal in terminals:
            terminal.read_for(0.02)


def difference_of(terminals: Sequence[Terminal]) -> str:
    """Return how two screens differ once both are still and loaded; empty if they become equal."""
    ends = time.monotonic() + EQUAL_WITHIN_S
    read_both(terminals, QUIET_S)
    while True:
        before, after = (cells_of(terminal) for terminal in terminals)
        if before == after and "loading…" not in terminals[0].text:
            return ""
        if time.monotonic() > ends:
            return "\n".join(differing_rows(terminals)) or differing_cell(before, after)
        read_both(terminals, 0.2)


def cells_of(terminal: Terminal) -> list[list[Any]]:
    """Return the cells of a screen, blank ones without the ink that nobody sees, and without the emulator's port."""
    rows = [
        [
            cell
            if cell.data != " " or cell.underscore or cell.reverse or cell.strikethrough
            else cell._replace(fg="default", bold=False, italics=False, blink=False)
            for cell in row
        ]
        for row in terminal.screen.snapshot()
    ]
    for row in rows:
        for found in PORT.finditer("".join(cell.data[:1] or " " for cell in row)):
            for x in range(*found.span(1)):
                row[x] = row[x]._replace(data="0")
    return rows


def differing_cell(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]) -> str:
    """Return the first cell whose colour or style differs."""
    for y, (one, other) in enumerate(zip(before, after, strict=True)):
        for x, (cell, changed) in enumerate(zip(one, other, strict=True)):
            if cell != changed:
                return f"row {y}, column {x}: {cell} became {changed}"
    return "still loading"


def differing_rows(terminals: Sequence[Terminal]) -> list[str]:
    """Return the rows of two screens that differ in their text."""
    before, after = ([line.rstrip() for line in terminal.lines] for terminal in terminals)
    return list(difflib.unified_diff(before, after, "before", "after", lineterm="", n=0))


def compared_json(sides: Sides) -> Iterator[tuple[str, str]]:
    """Yield each command, and how its objects differ."""
    for command in COMMANDS:
        with emulator(sides) as url:
            newest = printed(
                sides.before, sides.before_python, ("ls", "--json", "--status", "failed", "--limit", "1"), url
            )
            arguments = [json.loads(newest)["id"] if word == "RUN" else word for word in command]
            before, after = (masked(printed(folder, python, arguments, url)) for folder, python in sides)
        rows = difflib.unified_diff(before, after, "before", "after", lineterm="", n=0)
        yield " ".join(command), "\n".join(rows)


def printed(folder: Path, python: str, arguments: Sequence[str], url: str) -> str:
    """Return what a command of a checkout prints."""
    env = environment(url, TRIGGER_SECRET_KEY=KEY, PYTHONPATH=str(folder))
    done = subprocess.run(
        [python, "-P", "-m", "tui", *arguments], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    return f"{done.stdout}exit {done.returncode} {done.stderr}" if done.returncode else done.stdout


def masked(text: str) -> list[str]:
    """Return printed objects, one field a line, without times of reading."""
    lines = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            lines.append(line)
        else:
            lines += json.dumps(without_times(value), indent=1, ensure_ascii=False, sort_keys=True).splitlines()
    return lines


def without_times(value: Any) -> Any:
    """Return a value of JSON without times of reading."""
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key not in TIMES_OF_READING}
    return [without_times(each) for each in value] if isinstance(value, list) else value


@contextmanager
def emulator(sides: Sides) -> Iterator[str]:
    """An emulator of the checkout before; yields its address."""
    command = [sides.before_python, "-P", "-m", "tui", "emulator", "--port", "0", *STILL]
    env = environment(None, PYTHONPATH=str(sides.before))
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            url = next(word for word in program.stdout.readline().split() if word.startswith("http://"))
            yield url
        finally:
            program.terminate()


if __name__ == "__main__":
    sys.exit(main())
