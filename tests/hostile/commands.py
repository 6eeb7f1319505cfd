"""The surfaces of the command line: every command that takes a run or prints data, found in click's registry.

A command is covered as soon as it is registered. What a surface cannot make up by itself (an argument of a new type)
fails with a sentence that says what to add here.
"""

import os
import signal
import tempfile
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
from tui.cli.main import commands, run
from tui.config import Settings
from tui.output import DEFAULT_WIDTH, Output
from tui.session import Session
from tui.wire.request_progress import Timeouts

HUNG_AFTER_S = 20
"""A command in these cases takes some hundredths of a second."""

MAX_LINES = 12
"""Of stderr where a command may report several things: pages that could not be read, a connection lost and back."""

NOT_SURFACES = {
    "demo": "a monitor; the panes cover it",
    "emulator": "a server: it prints where it listens",
    "relay": "a server; the relay surface covers what it passes on",
}
"""Commands that show no answer of the API, each with the reason."""

FLAGS: dict[str, tuple[str, ...]] = {
    "--yes": ("--yes",),
    "--env-name": ("--env-name", "dev"),
    "--count": ("--count", "1"),
    "--no-realtime": ("--no-realtime",),
}
"""Given to each command that knows them, so that nothing asks and nothing is held."""

STYLES = {"text": (), "--json": ("--json",), "--ascii": ("--ascii",), "colour": ()}
"""How each command prints, and the flags for it. Its other flags make styles of their own, one each."""

FOLLOWING = "following"
"""The style of a command that may hold the feed: without `--no-realtime`."""

ENDLESS = "endless"
"""The same, with its optional arguments left out: it ends when the server refuses."""

_NO_STYLE = frozenset({"--json", "--ascii", "--help", "--yes", "--no-realtime"})

CLOCK_SCALE = 200.0
"""Times as fast as the machine's clock: a pause between two polls of `watch` is 10 ms."""

Example = Callable[[HostileFleet, int], str]


def _run_id(fleet: HostileFleet, number: int) -> str:
    return fleet.run_ids[number % len(fleet.run_ids)]


EXAMPLES: dict[str, Example] = {"run": _run_id}
"""By the name of an argument's click type: a value for it."""


class Hung(BaseException):
    """A command did not end. No `Exception`, so that nothing in the program catches it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the registry in one style."""

    path: tuple[str, ...]
    style: str
    command: click.Command

    @property
    def surface(self) -> str:
        """Its name in the table."""
        return " ".join((*self.path, self.style))

    @property
    def is_writing(self) -> bool:
        return "--yes" in _options(self.command)

    def arguments(self, fleet: HostileFleet, number: int) -> list[str]:
        """What is typed after `trigger-tui`; `number` chooses among the examples of a value."""
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
        """Whether `number` makes a difference."""
        return bool(self.command.params) and not self.is_writing and self.style != ENDLESS and self._takes_values

    @property
    def _takes_values(self) -> bool:
        return any(isinstance(each, click.Argument) for each in self.command.params)


def missing_examples() -> list[str]:
    """What has to be added here for commands that this module cannot call yet."""
    missing = []
    for path, command in registered():
        if path[0] in NOT_SURFACES:
            continue
        types = [each.type.name for each in command.params if isinstance(each, click.Argument)]
        lacking = [name for name in types if name not in EXAMPLES]
        missing += [f"EXAMPLES lacks a value of type {name!r}, which `{' '.join(path)}` takes" for name in lacking]
        if not _options(command) & {"--json"}:
            missing.append(f"`{' '.join(path)}` has no --json: name it in NOT_SURFACES with the reason")
    known = {path[0] for path, _ in registered()}
    return missing + [f"NOT_SURFACES has {name!r}, which is no command" for name in NOT_SURFACES if name not in known]


def registered() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its path, those of nested groups too."""
    pending: list[tuple[tuple[str, ...], click.Command]] = [((), commands)]
    while pending:
        path, command = pending.pop()
        if isinstance(command, click.Group):
            pending.extend(((*path, name), each) for name, each in sorted(command.commands.items(), reverse=True))
        else:
            yield path, command


def surfaces() -> list[Command]:
    """Every covered command in every style that it knows."""
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
    """How a command ended. `bug` is the exception that came out of it, if one did."""

    code: int
    out: str
    err: str
    bug: BaseException | None = None


PATIENT = Timeouts(connect_s=5.0, read_s=5.0, write_s=5.0, pool_s=5.0, reach_s=5.0, whole_s=10.0)


def run_command(
    arguments: list[str], environ: Mapping[str, str], *, style: str = "text", timeouts: Timeouts = PATIENT
) -> Done:
    """Run a command in this process; a bug and a hang are results too."""
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
        patch.setattr("tui.cli.options.Session", partial(_quick_session, timeouts))
        try:
            with hang_ends():
                code = run(output, arguments)
        except (Exception, Hung) as error:  # noqa: BLE001  what is found here is what this suite is for
            bug = error
    return Done(code, out.getvalue(), err.getvalue(), bug)


def _quick_session(timeouts: Timeouts, settings: Settings, **options: Any) -> Session:
    """The real session in a time that runs faster, with timeouts that a suite can wait for."""
    return Session(settings, clock=ScaledClock(CLOCK_SCALE), timeouts=timeouts, feed_timeouts=timeouts, **options)


@contextmanager
def hang_ends(after_s: float = HUNG_AFTER_S) -> Iterator[None]:
    """Raise `Hung` in the block when it takes too long."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Hung(f"did not end in {after_s:g} s")

    before = signal.signal(signal.SIGALRM, end)
    # pytest-timeout has a timer of its own, which goes on afterwards.
    left_s, every_s = signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left_s, every_s)


def command_environ(url: str, state: str, **more: str) -> dict[str, str]:
    """The environment of a command: a key, the address, and a state directory of its own."""
    return environment(url, XDG_STATE_HOME=state, NO_PROXY="*", **more)


@contextmanager
def state_directory() -> Iterator[str]:
    """A directory for action logs and memories."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as state:
        yield state


def trouble_of(done: Done, command: Command, *, codes: frozenset[int] = ALLOWED_CODES) -> str:
    """What is wrong with how a command ended, or ""."""
    if done.bug is not None:
        frames = []
        trace = done.bug.__traceback__
        while trace is not None:
            frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/tui/', 1)[-1]}:{trace.tb_lineno}")
            trace = trace.tb_next
        return f"{type(done.bug).__name__}: {str(done.bug)[:200]} at {' '.join(frames[-3:])}"
    # A guard of a writing command that refuses is a usage error; nothing else here was typed wrongly.
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
