"""The monitor on a real terminal: odd bytes typed, odd environments, sizes, signals, blocked and closed terminals."""

import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from random import Random

from tests.hostile.cases import Case, Result
from tests.hostile.cleanliness import first
from tests.hostile.commands import command_environ, state_directory
from tests.hostile.dosing import Dosing, draw
from tests.hostile.packing import chosen_shots, shots
from tests.hostile.proxy import Proxy
from tests.hostile.terminal_bytes import INPUTS, RECOVER, chunks, dirty_bytes, noise, restored
from tests.hostile.world import hostile_server
from tests.perf.terminal import Terminal

MONITOR = (sys.executable, "-m", "tui", "--read-only")
QUIET_S = 0.12
PATIENCE_S = 100.0
HELP = "keys · "
REFUSED = "key ignored: it came with a paste"
FIRST = "acme"
NOISES = 20
MAX_QUITS = 8
"""How often the end is asked for while a busy monitor refuses it."""

SHORT_INPUTS = 4
SHORT_POISONS = 6
KEYBOARD, ENVIRONMENT, LIFE, POISON = "keyboard", "environment", "life of the terminal", "poison on a terminal"

THE_END = "ctrl-q after all others"

LISTED = frozenset({"GET /api/v1/runs", "GET /api/v3/runs/{}", "GET /api/v1/whoami", "GET /realtime/v1/runs"})
"""The kinds of responses that fill the screen of a monitor."""

Start = Callable[..., Terminal]


class Terminals:
    """Hostile terminals, and the program's output to terminals."""

    name = "terminal"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return all inputs and some noise, all environments, all events, and a few poisoned screens."""
        names = [*INPUTS, *(f"noise {random.randrange(10**6)}" for _ in range(NOISES))]
        lives, environments = list(LIVES), list(ENVIRONMENTS)
        drawn = draw(self.name, POISON, LISTED, random, texts=1, others=0)
        random.shuffle(drawn)
        groups = chosen_shots(
            [case.what for case in drawn], self.name, LISTED, texts=1, structures=0 if is_short else 1
        )
        whats = [what for group in groups for what in group[: SHORT_POISONS if is_short else None]]
        if is_short:
            names = random.sample(names, SHORT_INPUTS)
            lives, environments = random.sample(lives, 1), random.sample(environments, 1)
        return [
            *(Case(self.name, KEYBOARD, name) for name in (*names, THE_END)),
            *(Case(self.name, ENVIRONMENT, name) for name in environments),
            *(Case(self.name, LIFE, name) for name in lives),
            *(Case(self.name, POISON, what) for what in whats),
        ]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one process for all inputs, one for each shot of poisons, and one for each other case."""
        with hostile_server() as (_, proxy), state_directory() as state:

            def start(*command: str, **environ: str) -> Terminal:
                env = command_environ(proxy.url, state, **environ)
                return Terminal(command or MONITOR, size=(80, 24), env=env)

            typed = [case for case in cases if case.surface == KEYBOARD]
            yield from _keyboard(typed, start) if typed else ()
            for case in cases:
                if case.surface == ENVIRONMENT:
                    yield Result(case, _environment(ENVIRONMENTS[case.what], start))
                elif case.surface == LIFE:
                    yield Result(case, LIVES[case.what](start))
            poisoned = {case.what: case for case in cases if case.surface == POISON}
            for group in shots(poisoned, self.name, LISTED):
                yield from _poison([poisoned[what] for what in group], start, proxy)


def feed(terminal: Terminal, data: bytes) -> None:
    """Type bytes, and read the output meanwhile, so that neither side blocks."""
    while data and not terminal.is_gone:
        readable, writable, _ = select.select([terminal.descriptor], [terminal.descriptor], [], PATIENCE_S)
        if writable:
            data = data[os.write(terminal.descriptor, data[:512]) :]
        if readable:
            terminal.wait_quiet(0.0)
        elif not writable:
            raise AssertionError("the terminal takes no more keys")


def _keyboard(cases: Sequence[Case], start: Start) -> Iterator[Result]:
    """Type the inputs in turn. A process that ended or does not respond is restarted."""
    terminal: Terminal | None = None
    for case in cases:
        if terminal is None:
            terminal = start()
            terminal.wait_for(FIRST)
        is_end = case.what == THE_END
        trouble = _ended(terminal) if is_end else _typed(terminal, case)
        yield Result(case, trouble)
        if trouble or is_end:
            terminal.close()
            terminal = None
    if terminal is not None:
        terminal.close()


def _typed(terminal: Terminal, case: Case) -> str:
    random = Random(case.number)
    data = noise(random) if case.what.startswith("noise ") else INPUTS.get(case.what, b"")
    try:
        for chunk in chunks(data, random):
            feed(terminal, chunk)
        return _unresponsive(terminal)
    except (AssertionError, OSError) as error:
        return _describe(terminal, error)


def _unresponsive(terminal: Terminal) -> str:
    """Check that `?` opens the help, and Esc closes it."""
    for piece in RECOVER:
        feed(terminal, piece)
        terminal.wait_quiet(QUIET_S)
    feed(terminal, b"?")
    terminal.wait_until(lambda: HELP in terminal.text, "the help", PATIENCE_S)
    feed(terminal, b"\x1b")
    terminal.wait_until(lambda: HELP not in terminal.text, "the end of the help", PATIENCE_S)
    return ""


def _ended(terminal: Terminal) -> str:
    """End the monitor by its key. Check the exit code, the terminal's state, and the output.

    One that a busy monitor reads together with another key, just after the end of a paste, is refused, as it says.
    """
    try:
        feed(terminal, b"\x11")
        terminal.wait_until(lambda: terminal.is_gone or REFUSED in terminal.text, "the end", PATIENCE_S)
        for _ in range(MAX_QUITS):
            terminal.read_for(1.0)
            if not terminal.is_gone:  # it may say that one key was ignored, and end by the next
                terminal.send("\x11")
        code = terminal.end(PATIENCE_S)
    except (AssertionError, OSError) as error:
        return _describe(terminal, error)
    received = bytes(terminal.received)
    return first((f"exit code {code}" if code else "", restored(received), dirty_bytes(received)))


def _describe(terminal: Terminal, error: Exception) -> str:
    code = terminal.process.poll()
    state = "it still runs" if code is None else f"exit code {code}"
    tail = bytes(terminal.received[-1500:]).decode(errors="replace") if code is not None else ""
    return f"{str(error).splitlines()[0][:200]}; {state} {tail[-600:]!a}"


ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    **{
        f"TERM={name or 'nothing'}": (f"TERM={name}",)
        for name in ("", "dumb", "vt100", "linux", "xterm", "xterm-kitty", "screen.xterm-256color", "tmux-256color")
    },
    "TERM=nonsense": ("TERM=no\x1b[2Jsense",),
    "TEXTUAL_*=junk": (
        *("TEXTUAL_COLOR_SYSTEM=junk", "TEXTUAL_ANIMATIONS=junk", "TEXTUAL_FPS=0", "TEXTUAL_DRIVER=junk"),
        *("TEXTUAL_ESCAPE_DELAY=-1", "TEXTUAL_DIM_FACTOR=nan", "TEXTUAL_THEME=junk", "TEXTUAL_SMOOTH_SCROLL=junk"),
        *("TEXTUAL_SHOW_RETURN=junk", "TEXTUAL_PRESS=q", "TEXTUAL_SCREENSHOT=junk", "TEXTUAL_SLOW_THRESHOLD=junk"),
        *("TEXTUAL_TRANSPARENT=junk", "TEXTUAL_ALLOW_SIGNALS=junk"),
    ),
    "COLUMNS=junk": ("COLUMNS=junk", "LINES=-5"),
    "COLUMNS=1": ("COLUMNS=1", "LINES=1"),
    "COLUMNS=99999999": ("COLUMNS=99999999", "LINES=99999999"),
    "LANG=C": ("LANG=C", "LC_ALL=POSIX", "PYTHONUTF8=0", "PYTHONIOENCODING="),
    "PYTHONIOENCODING=ascii": ("PYTHONIOENCODING=ascii", "PYTHONUTF8=0"),
    "PYTHONIOENCODING=utf-16": ("PYTHONIOENCODING=utf-16",),
    "COLORTERM=junk": ("COLORTERM=\x1b[2J", "NO_COLOR=1"),
    "TZ=junk": ("TZ=:/nowhere/\x1b",),
    "HOME=nowhere": ("HOME=/nowhere", "XDG_STATE_HOME="),
    "XDG_STATE_HOME=a device": ("XDG_STATE_HOME=/dev/null",),
    "XDG_STATE_HOME=relative": ("XDG_STATE_HOME=../../nowhere",),
    "PYTHONWARNINGS=error": ("PYTHONWARNINGS=error",),
    "PYTHONASYNCIODEBUG=1": ("PYTHONASYNCIODEBUG=1",),
    "TMUX=junk": ("TMUX=\x1b", "STY=junk", "TERM_PROGRAM=\x1b]0;x\x07"),
}
"""Environment variables, by name."""


def _environment(variables: Sequence[str], start: Start) -> str:
    """Check that the monitor runs, or prints one line and exits with 2."""
    with start("env", *variables, *MONITOR) as terminal:
        try:
            terminal.wait_until(lambda: FIRST in terminal.text or terminal.is_gone, "the first screen", PATIENCE_S)
        except AssertionError as error:
            return _describe(terminal, error)
        if b"\x1b[?1049h" in terminal.received:
            return _ended(terminal)
        code = terminal.end(PATIENCE_S)
        printed = bytes(terminal.received).decode(errors="replace")
        if code != 2 or "Traceback" in printed or "\x1b" in printed:
            return f"exit code {code}: {printed[-500:]!a}"
        return ""


def _resized(start: Start) -> str:
    """Resize the terminal many times, to the smallest and largest sizes too."""
    random = Random(7)
    with start() as terminal:
        terminal.wait_for(FIRST)
        for _ in range(60):
            terminal.resize(random.choice((1, 2, 20, 79, 80, 200, 500)), random.choice((1, 2, 5, 24, 60, 200)))
            feed(terminal, b"jk")
        terminal.resize(80, 24)
        terminal.wait_quiet(QUIET_S)
        return _unresponsive(terminal) or _ended(terminal)


def _non_blocking(start: Start) -> str:
    """Start with a terminal in non-blocking mode, as another program may leave it."""
    code = (
        "import fcntl, os, sys; "
        "[fcntl.fcntl(n, fcntl.F_SETFL, fcntl.fcntl(n, fcntl.F_GETFL) | os.O_NONBLOCK) for n in (0, 1, 2)]; "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    with start(sys.executable, "-c", code, *MONITOR[1:]) as terminal:
        terminal.wait_for(FIRST)
        for columns, rows in ((200, 60), (80, 24), (300, 100), (80, 24)):
            terminal.resize(columns, rows)
        terminal.wait_quiet(QUIET_S)
        return _unresponsive(terminal) or _ended(terminal)


LIVES: dict[str, Callable[[Start], str]] = {"resized by a storm": _resized, "non-blocking": _non_blocking}
"""Events of a terminal while the monitor runs, by name. `tests/cli` has its signals and its end."""


def _poison(cases: Sequence[Case], start: Start, proxy: Proxy) -> Iterator[Result]:
    """Walk through poisoned screens by keys, and check the raw output."""
    dosing = proxy.rewrite = Dosing(cases, LISTED)
    trouble = ""
    with start() as terminal:
        try:
            terminal.wait_until(lambda: "live" in terminal.text or "polling" in terminal.text, "the runs", PATIENCE_S)
            for keys in ("j", "2", "3", "4", "1", "G", "/zq\r", "\x1b", "f", "\x1b", ":", "\x1b"):
                feed(terminal, keys.encode())
                terminal.wait_quiet(QUIET_S)
            trouble = _unresponsive(terminal) or _ended(terminal)
        except (AssertionError, OSError) as error:
            trouble = _describe(terminal, error)
    proxy.calm()
    if trouble and len(cases) > 1:
        alone = [result for case in cases for result in _poison([case], start, proxy)]
        is_found = any(result.trouble for result in alone)
        yield from alone if is_found else (Result(case, f"only together: {trouble}") for case in cases)
        return
    for case in cases:
        yield Result(case, trouble, case in dosing.reached)
