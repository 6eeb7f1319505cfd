"""Performs gestures in a monitor, and checks that it lives, answers, and shows what it believes to show."""

import re
import termios
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.hostile.cleanliness import first
from tests.hostile.random_user.gestures import PASTES, QUITTING, SUSPEND, Gesture, bytes_of
from tests.hostile.random_user.shell import PROMPT
from tests.hostile.random_user.world import World
from tests.hostile.terminal_bytes import dirty_bytes, restored
from tests.perf.processes import tree
from tests.perf.terminal import Cell
from tui.api.actions import ACTIONS
from tui.features import key_table
from tui.kit.terminal.early import CLEAR

PATIENCE_S = 60.0
TIMERS_S = 8.0
"""Longer than the periods of what is made again by time, such as the overview, on a busy machine and a slow link."""

SAMPLE_S = 0.04
CALM_SAMPLES = 8
LAST_SIZE = (120, 40)
HELP = "repaint the screen"
MAX_LEVELS = 12
"""Screens, filters, panes and marks that Esc leaves, at most."""

ANNOUNCED_LATE = ("reading", "loading", "Still trying")
"""Words that come when a response takes long, as they do while none arrives."""

QUITS_WITHIN = 40
"""The program may end this many gestures after one that may quit: keys wait on a busy machine."""

SUSPEND_TRIES = 4
"""A pager that has just ended may have got the first ctrl-z; so may a terminal that was just taken back."""

SUSPENDED_S = 15.0

AGREE = Gesture("key", "y")
READ_QUESTION_S = 1.0

LINKS = {"slow": (0.3, 64_000.0), "far": (0.8, 0.0), "fast": (0.0, 0.0)}
QUIT_KEYS = frozenset(key for row in key_table().rows.values() if row.id in QUITTING for key in row.keys)
ASKS = re.compile("|".join(rf"\b{action.title} \S" for action in ACTIONS))
"""A dialog that asks for confirmation, on the screen."""

_CUT = re.compile(rb"(?:\x1b\[[\d;?]*|[\xc2-\xf4][\x80-\xbf]{0,2})(?=\x1b\\)")
"""A sequence or character that the driver has cut, because it suspended or ended on a slow link."""

Cells = list[list[tuple[object, ...]]]


class RandomUser:
    """One user of a world. A program that was quit is started again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._size = world.place.size
        self._recent: deque[Gesture] = deque(maxlen=QUITS_WITHIN)
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.close()

    def run(self, gestures: Sequence[Gesture]) -> tuple[str, int]:
        """Perform gestures, and end the program. Return what is wrong or "", and how many were performed."""
        for number, gesture in enumerate(gestures, 1):
            trouble = self._tried(gesture)
            if trouble:
                return trouble, number
        return self._tried(Gesture("end")), len(gestures)

    def _tried(self, gesture: Gesture) -> str:
        try:
            trouble = self._perform(gesture) or self._written()
        except (AssertionError, OSError) as error:
            code = self.terminal.process.poll()
            trouble = f"{error}; {'it still runs' if code is None else f'exit code {code}'}"
            if code is not None:
                trouble += bytes(self.terminal.received[-3000:]).decode(errors="replace")
        return f"{gesture}: {trouble}" if trouble else ""

    def _perform(self, gesture: Gesture) -> str:
        self.terminal.wait_quiet(0.0)
        if self._is_gone() and (trouble := self._ended() or self._start()):
            return trouble
        if gesture.kind in {"key", "text", "paste"} and ASKS.search(self.terminal.text):
            gesture = self._answer()
        self._recent.append(gesture)
        found: str | None = getattr(self, f"_{gesture.kind}")(gesture.argument)
        return found or ""

    def _answer(self) -> Gesture:
        """Return the answer to a question. A user who agrees reads it first, and leaves one that takes no answer."""
        if not self._world.variant.is_agreeing or (self._recent and self._recent[-1] == AGREE):
            return Gesture("key", "escape")
        self.terminal.read_for(READ_QUESTION_S)
        return AGREE

    def _start(self) -> str:
        self.terminal, self._link = self._world.start()
        self._recent.clear()
        self.terminal.resize(*self._size)
        self.terminal.wait_until(lambda: b"\x1b[?1049h" in self.terminal.received, "the first frame", PATIENCE_S)
        return ""

    def _ended(self) -> str:
        """Check a program that has ended: a gesture was to end it, and it has left nothing."""
        code = self.terminal.process.wait(PATIENCE_S)
        received = bytes(self.terminal.received)
        may_end = any(_may_quit(gesture) for gesture in self._recent)
        trouble = first(
            (
                "" if code == 0 else f"exit code {code}: {received[-2000:].decode(errors='replace')}",
                "" if may_end else "it ended by itself",
                restored(received),
                # Behind the end, the terminal echoes what was typed meanwhile.
                dirty_bytes(_CUT.sub(b"", received[: received.rfind(b"\x1b[?1049l")])),
            )
        )
        self.terminal.close()
        return trouble

    def _written(self) -> str:
        """Check that nobody wrote who did not agree."""
        writes = self._world.writes
        return f"it sent {writes[0]} without agreement" if writes and not self._world.variant.is_agreeing else ""

    # --- the gestures

    def _key(self, key: str) -> None:
        self._send(bytes_of(key))

    def _text(self, text: str) -> None:
        self._send(text.encode())

    def _paste(self, number: str) -> None:
        self._send(b"\x1b[200~" + PASTES[int(number)].encode() + b"\x1b[201~")

    def _wait(self, seconds: str) -> None:
        self.terminal.read_for(float(seconds))

    def _resize(self, size: str) -> None:
        columns, rows = map(int, size.split("x"))
        self._size = columns, rows
        self.terminal.resize(columns, rows)

    def _click(self, place: str) -> None:
        column, row = self._cell(place)
        self._send(b"\x1b[<0;%d;%dM\x1b[<0;%d;%dm" % (column, row, column, row))

    def _wheel(self, direction: str) -> None:
        column, row = self._cell("0.4,0.4")
        self._send(b"\x1b[<%d;%d;%dM" % (64 + (direction == "down"), column, row) * 3)

    def _drag(self, place: str) -> None:
        column, row = self._cell(place)
        self._send(b"\x1b[<0;2;3M\x1b[<32;%d;%dM\x1b[<0;%d;%dm" % (column, row, column, row))

    def _focus(self, direction: str) -> None:
        self._send(b"\x1b[I" if direction == "in" else b"\x1b[O")

    def _answers(self, when: str) -> None:
        self.terminal.holds_answers = when == "held"
        while self.terminal.held:
            if when == "late":
                self.terminal.give_answer()
            else:
                self.terminal.drop_answer()

    def _speed(self, name: str) -> None:
        self._link.change(*LINKS[name])

    def _suspend(self, _: str) -> str:
        """Stop the program as a job of a shell, type a line there, and continue it."""
        terminal = self.terminal
        self._answers("late")
        if not any(self._stops() for _number in range(SUSPEND_TRIES)):
            return "it does not stop"
        if self._is_gone():
            return ""
        local = termios.tcgetattr(terminal.descriptor)[3]
        trouble = "" if local & termios.ECHO and local & termios.ICANON else "the shell does not echo"
        trouble = trouble or restored(bytes(terminal.received))
        before = len(terminal.received)
        self._send(b"fg\n")
        terminal.wait_until(lambda: b"\x1b[?1049h" in terminal.received[before:], "the screen", PATIENCE_S)
        return trouble

    def _stops(self) -> bool:
        """Press ctrl-z, and return whether the program stops, or has ended."""
        self._send(bytes_of(SUSPEND))
        ends_s = time.monotonic() + SUSPENDED_S
        while not (is_stopped := self.terminal.received.endswith(PROMPT.encode()) or self._is_gone()):
            if time.monotonic() > ends_s:
                break
            self.terminal.read_for(SAMPLE_S)
        return is_stopped

    def _check(self, _: str) -> str:
        """Check that a repaint changes nothing while the fleet stands still, other than numbers."""
        terminal = self.terminal
        self._focus("in")  # a key gives the focus back
        self._answers("late")
        self._link.change()
        with self._world.standing_still():
            terminal.read_for(TIMERS_S)
            self._wait_idle()
            if self._is_gone():
                return ""
            before, began = self._cells(), len(terminal.received)
            self._send(bytes_of("ctrl+l"))
            cleared = CLEAR.encode()
            terminal.wait_until(
                lambda: cleared in terminal.received[began:] or self._is_gone(), "a repaint", PATIENCE_S
            )
            self._wait_idle()
            return "" if self._is_gone() else _difference(before, self._cells())

    def _end(self, _: str) -> str:
        """Leave all screens, open and close the help, and quit."""
        terminal = self.terminal
        trouble = self._check("")
        if trouble or self._is_gone():
            return trouble
        self._resize("{}x{}".format(*LAST_SIZE))
        for _level in range(MAX_LEVELS):
            self._send(bytes_of("escape"))
            terminal.wait_quiet(0.1)
        self._send(b"?")
        terminal.wait_until(lambda: HELP in terminal.text, "the help", PATIENCE_S)
        self._send(bytes_of("escape"))
        terminal.wait_until(lambda: HELP not in terminal.text, "the end of the help", PATIENCE_S)
        self._recent.append(Gesture("key", "ctrl+q"))
        self._send(bytes_of("ctrl+q"))
        if self._world.variant.is_agreeing:
            terminal.wait_until(lambda: "Quit?" in terminal.text or self._is_gone(), "the end", PATIENCE_S)
            if not self._is_gone():
                self._send(bytes_of("ctrl+c"))
        terminal.end(PATIENCE_S)
        return self._ended()

    # --- the terminal

    def _is_gone(self) -> bool:
        """Whether the program has ended."""
        return self.terminal.is_gone

    def _send(self, data: bytes) -> None:
        if not self._is_gone():
            self.terminal.send(data.decode())

    def _cell(self, place: str) -> tuple[int, int]:
        x, y = map(float, place.split(","))
        return 1 + int(x * self._size[0]), 1 + int(y * self._size[1])

    def _wait_idle(self) -> None:
        """Wait until the monitor sleeps and writes nothing: a busy machine delays it by any time."""
        ends_s, calm = time.monotonic() + PATIENCE_S, 0
        while calm < CALM_SAMPLES and not self._is_gone():
            size = len(self.terminal.received)
            self.terminal.read_for(SAMPLE_S)
            is_calm = len(self.terminal.received) == size and not _is_busy(self.terminal.process.pid)
            calm = calm + 1 if is_calm else 0
            if time.monotonic() > ends_s:
                raise AssertionError(f"never idle; on the screen:\n{self.terminal.text}")

    def _cells(self) -> Cells:
        screen = self.terminal.screen
        return [[_seen(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


def _is_busy(pid: int) -> bool:
    """Return whether a thread of the process, or of one below it, runs or waits for a processor."""
    for each in tree(pid):
        for task in Path(f"/proc/{each}/task").iterdir():
            with suppress(OSError):  # it has ended
                if (task / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "R":
                    return True
    return False


def _may_quit(gesture: Gesture) -> bool:
    is_text = gesture.kind in {"text", "paste"} and ("q" in gesture.argument or ":" in gesture.argument)
    return is_text or (gesture.kind == "key" and gesture.argument in QUIT_KEYS)


def _seen(cell: Cell) -> tuple[object, ...]:
    """Return what is seen of a cell: the colour of a blank is not."""
    is_inked = cell.data.strip() or cell.underscore or cell.strikethrough
    ink = (cell.fg, cell.bold, cell.italics) if is_inked or cell.reverse else ()
    return cell.data, cell.bg, cell.reverse, cell.underscore, cell.strikethrough, ink


def _difference(before: Cells, after: Cells) -> str:
    """Return the first row that differs, or "". Times pass, so that rows may differ in numbers.

    The first and the last row have messages that come and go by time.
    """
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        old_text, new_text = ("".join(str(cell[0]) for cell in row) for row in (old, new))
        if old_text == new_text and old != new:
            column = next(x for x in range(len(old)) if old[x] != new[x])
            return f"row {number}, column {column} was {old[column]}, is {new[column]}: {new_text!r}"
        is_timed = number in {0, len(before) - 1} or any(word in new_text for word in ANNOUNCED_LATE)
        if not is_timed and _without_numbers(old_text) != _without_numbers(new_text):
            return f"row {number} was {old_text!r}, is {new_text!r}"
    return ""


def _without_numbers(text: str) -> str:
    """Replace what follows the time: numbers, bars, large digits, and the rules that make room for a number."""
    blocks = re.sub(r"[▀-█░·](?:[▀-█░· ]*[▀-█░·])?", "0", text)
    return " ".join(re.sub(r"[─-]+", "-", re.sub(r"[\d.,]+(?:ms|[smhd])?", "0", blocks)).split())
