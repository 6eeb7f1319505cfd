"""The surfaces of the command line: every command of click's registry that takes a run or prints data.

A new command is covered automatically. If it has an argument of a new type, a test fails and names what to add here.
"""

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import StringIO
from types import FrameType
from typing import Any

import click
import pytest

from tests.hostile.cleanliness import ALLOWED_CODES, dirty_diagnosis, dirty_json, dirty_text, first
from tests.hostile.world import HostileFleet
from tests.perf.scaled_clock import ScaledClock
from tests.support.commands import environment
from tui.api.connection import Timeouts
from tui.commands.output import DEFAULT_WIDTH, Output
from tui.program.main import commands, run
from tui.settings.settings import Settings
from tui.sync.session import Session

HUNG_AFTER_S = 100
"""A command that takes longer hangs: it usually takes some hundredths of a second."""

MAX_LINES = 12
"""Lines of stderr, at most: unreadable pages, a lost connection, and its return."""

NOT_SURFACES = {
    "completion": "asks no server",
    "config": "asks no server",
    "demo": "a monitor; the panes cover it",
    "emulator": "a server: it prints where it listens",
    "wall": "a monitor; the recipe of the wall covers it",
    "relay": "a server; the relay surface covers what it passes on",
}
"""Commands that print no response of the API, each with the reason."""

FLAGS: dict[str, tuple[str, ...]] = {
    "--yes": ("--yes",),
    "--env-name": ("--env-name", "dev"),
    "--count": ("--count", "1"),
    "--no-realtime": ("--no-realtime",),
}
"""Options for each command that has them, so that no command asks or holds the feed."""

STYLES = {"text": (), "--json": ("--json",), "--ascii": ("--ascii",), "colour": ()}
"""The output styles and their options. Each other flag of a command is a style of its own."""

FOLLOWING = "following"
"""The style without `--no-realtime`: the command may hold the feed."""

ENDLESS = "endless"
"""The same without optional arguments: the command ends when the server refuses."""

_NO_STYLE = frozenset({"--json", "--ascii", "--help", "--yes", "--no-realtime"})

CLOCK_SCALE = 200.0
"""The speed of the session's clock: two seconds between polls take 10 ms."""

Example = Callable[[HostileFleet, int], str]


def _run_id(fleet: HostileFleet, number: int) -> str:
    return fleet.run_ids[number % len(fleet.run_ids)]


EXAMPLES: dict[str, Example] = {"_run_id": _run_id}
"""A value for each click type of an argument, by the type's name."""


class Hung(BaseException):
    """A command did not end. It is a BaseException, so that the program does not catch it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the registry in one style."""

    path: tuple[str, ...]
    style: str
    command: click.Command

    @property
    def surface(self) -> str:
        """The surface's name in the table."""
        return " ".join((*self.path, self.style))

    @property
    def is_writing(self) -> bool:
        return "--yes" in _options(self.command)

    def arguments(self, fleet: HostileFleet, number: int) -> list[str]:
        """Return the arguments after `trigger-tui`. `number` selects an example run."""
        known = _options(self.command)
        is_held = self.style in {FOLLOWING, ENDLESS}
        given = [
            word
            for flag, words in FLAGS.items()
            if flag in known and not (is_held and flag == "--no-realtime")
            for word in words
        ]
        values = []
        for each in self.command.params:
            if isinstance(each, click.Argument) and (each.required or self.style != ENDLESS):
                example = EXAMPLES[each.type.name]
                values.append(fleet.victim() if self.is_writing else example(fleet, number))
        flags = (self.style,) if self.style in known - _NO_STYLE else STYLES.get(self.style, ())
        return [*self.path, *values, *given, *flags]

    @property
    def has_examples(self) -> bool:
        """Whether `number` selects different runs."""
        return bool(self.command.params) and not self.is_writing and self.style != ENDLESS and self._takes_values

    @property
    def _takes_values(self) -> bool:
        return any(isinstance(each, click.Argument) for each in self.command.params)


def missing_examples() -> list[str]:
    """Return what to add here for commands that this module cannot call yet."""
    missing = []
    for path, command in registered():
        if path[0] in NOT_SURFACES:
            continue
        types = [each.type.name for each in command.params if isinstance(each, click.Argument)]
        untested = [name for name in types if name not in EXAMPLES]
        missing += [f"EXAMPLES lacks a value of type {name!r}, which `{' '.join(path)}` takes" for name in untested]
        if not _options(command) & {"--json"}:
            missing.append(f"`{' '.join(path)}` has no --json: name it in NOT_SURFACES with the reason")
    known = {path[0] for path, _ in registered()}
    return missing + [f"NOT_SURFACES has {name!r}, which is no command" for name in NOT_SURFACES if name not in known]


def registered() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its path, also from nested groups."""
    pending: list[tuple[tuple[str, ...], click.Command]] = [((), commands)]
    while pending:
        path, command = pending.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
            pending.extend(((*path, name), each) for name, each in reversed(found) if each is not None)
        else:
            yield path, command


def surfaces() -> list[Command]:
    """Return every covered command in each of its styles."""
    found = []
    for path, command in registered():
        if path[0] in NOT_SURFACES:
            continue
        known = _options(command)
        styles = [style for style, flags in STYLES.items() if set(flags) <= known]
        styles += sorted(
            each.opts[0]
            for each in command.params
            if isinstance(each, click.Option) and each.is_flag and not _NO_STYLE & set(each.opts)
        )
        if "--no-realtime" in known:
            styles.append(FOLLOWING)
            if any(isinstance(each, click.Argument) and not each.required for each in command.params):
                styles.append(ENDLESS)
        found += [Command(path, style, command) for style in styles]
    return found


def _options(command: click.Command) -> set[str]:
    return {name for each in command.params for name in each.opts if isinstance(each, click.Option)}


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a command. `bug` is the exception that it raised, or None."""

    code: int
    out: str
    err: str
    bug: BaseException | None = None


QUICK = Timeouts(connect_s=0.6, read_s=0.4, write_s=0.6, pool_s=0.6, reach_s=0.6, whole_s=0.8)
"""Timeouts that end a hang after half a second."""

PATIENT = Timeouts(connect_s=5.0, read_s=5.0, write_s=5.0, pool_s=5.0, reach_s=5.0, whole_s=10.0)


def run_command(
    arguments: list[str], environ: Mapping[str, str], *, style: str = "text", timeouts: Timeouts = PATIENT
) -> Done:
    """Run a command in this process. An exception or a hang is a result too."""
    out, err = StringIO(), StringIO()
    is_terminal = style == "colour"
    output = Output(
        out, err, is_terminal=is_terminal, width=DEFAULT_WIDTH, color=is_terminal, ascii_only=style == "--ascii"
    )
    code, bug = 0, None
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(environ):
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setattr("tui.sync.session.Session", partial(_quick_session, timeouts))
        try:
            with hang_ends():
                code = run(output, arguments)
        except (Exception, Hung) as error:  # noqa: BLE001  any exception is a finding
            bug = error
    return Done(code, out.getvalue(), err.getvalue(), bug)


def _quick_session(timeouts: Timeouts, settings: Settings, **options: Any) -> Session:
    """Return a real session with a faster clock and shorter timeouts."""
    return Session(settings, clock=ScaledClock(CLOCK_SCALE), timeouts=timeouts, feed_timeouts=timeouts, **options)


@contextmanager
def hang_ends(after_s: float = HUNG_AFTER_S) -> Iterator[None]:
    """Raise `Hung` inside the block after a timeout."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Hung(f"did not end in {after_s:g} s")

    if threading.current_thread() is not threading.main_thread():  # it counts the cases of a part that hung
        yield
        return
    before = signal.signal(signal.SIGALRM, end)
    # pytest-timeout uses the same timer, which is restored afterwards.
    left_s, every_s = signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left_s, every_s)


def command_environ(url: str, state: str, **more: str) -> dict[str, str]:
    """Return environment variables: a key, the address, and a separate state directory."""
    return environment(url, XDG_STATE_HOME=state, NO_PROXY="*", **more)


@contextmanager
def state_directory() -> Iterator[str]:
    """Yield a directory for the action log and the remembered state."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as state:
        yield state


def describe(bug: BaseException) -> str:
    """Describe the innermost exception of a group, and its place."""
    while isinstance(bug, BaseExceptionGroup):
        bug = bug.exceptions[0]
    trace, place = bug.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        place = f"{name.rsplit('/tui/', 1)[-1]}:{trace.tb_lineno}" if "/tui/" in name else place
        trace = trace.tb_next
    return f"{type(bug).__name__}: {str(bug)[:200]} at {place}"


def trouble_of(done: Done, command: Command, *, codes: frozenset[int] = ALLOWED_CODES) -> str:
    """Return what is wrong with the result of a command, or ""."""
    if done.bug is not None:
        return describe(done.bug)
    # Exit code 2 is allowed only for a writing command, whose guard refused.
    if done.code not in (codes if command.is_writing else codes - {2}):
        return f"exit code {done.code}: {done.err[:200]!r}"
    is_json = command.style == "--json"
    return first(
        (
            dirty_json(done.out, "stdout") if is_json else "",
            ""
            if is_json
            else dirty_text(
                done.out, "stdout", is_ascii=command.style == "--ascii", has_colour=command.style == "colour"
            ),
            dirty_diagnosis(done.err, done.code, max_lines=MAX_LINES),
        )
    )
