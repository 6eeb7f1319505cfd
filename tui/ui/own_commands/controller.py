"""Runs commands of one's own: from the key to the messages about their outcome."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from tui.domain.action import CommandEvent, Via
from tui.domain.own_commands.expansion import CannotRun, Expanded, expand
from tui.domain.own_commands.placeholders import CommandScope
from tui.domain.own_commands.values import Subject
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.dialogs.confirm import Target
from tui.present.own_commands.dialog import CommandQuestion
from tui.present.own_commands.words import ended_words, output_text, shell_words
from tui.present.styled import Line, Piece, Token
from tui.settings import SECRET_VARIABLES
from tui.ui.base import AppBase
from tui.ui.input.pastes import REFUSAL
from tui.ui.own_commands.offered import OwnCommand, OwnSelection, is_hidden, subject_of
from tui.ui.own_commands.variables import KEY, folder_for, holds_secret, redactor_for, variables_for
from tui.ui.programs.background import (
    MAX_AT_ONCE,
    MAX_OUTPUT_BYTES,
    TIME_LIMIT_S,
    Ending,
    ProgramResult,
    run_in_background,
)
from tui.ui.programs.foreground import path_of

MAX_NAME_CHARS: Final = 200
"""A task may have a name of any length."""

MAX_LOGGED_IDS: Final = 100
"""Marked runs that a line of the action log names; the rest is counted."""

CANNOT_START: Final = 127
"""The exit code in the action log of a program that could not start, as of a shell."""


@dataclass(frozen=True, slots=True)
class PreparedCommand:
    """A command with the values of a selection: exactly what will run."""

    command: OwnCommand
    subject: Subject
    expanded: Expanded
    path: str
    environ: dict[str, str]
    via: Via

    @property
    def logged_subject(self) -> str:
        """The ids of the subject for the action log, without any other value."""
        subject = self.subject
        if subject.runs:
            more = len(subject.runs) - MAX_LOGGED_IDS
            return " ".join((*subject.runs[:MAX_LOGGED_IDS], *([f"and {more} more"] if more > 0 else [])))
        if subject.kind is not None:
            return subject.kind.fingerprint
        return (subject.task or "" if subject.run is None else subject.run.id)[:MAX_NAME_CHARS]

    @property
    def name_of_subject(self) -> str:
        """What the command is about, in a few words."""
        return self.subject.name[:MAX_NAME_CHARS]


class CommandRunner:
    """Asks about commands, runs them, and reports how they ended.

    `show_notice` shows a line at the end of the footer in front. `running` are the commands beside the monitor.
    """

    def __init__(self, app: AppBase, show_notice: Callable[[Line], None]) -> None:
        self._app = app
        self._session = app.session
        self._show_notice = show_notice
        self._is_asking = False
        self.running: list[PreparedCommand] = []

    def start(self, command: OwnCommand, selection: OwnSelection, via: Via) -> None:
        """Run a command on a selection, after a question where it needs one. Show why that is not possible."""
        if self._is_asking:
            return
        if self._app.pastes.is_pasted:
            self._refuse(command, REFUSAL)
            return
        try:
            self._check(command)
            prepared = self._prepare(command, selection, via)
        except CannotRun as error:
            self._refuse(command, str(error))
            return
        if self._needs_question(prepared):
            self._ask(prepared, selection)
        else:
            self._run(prepared)

    def farewell(self) -> list[str]:
        """Return sentences about the commands that end with the program."""
        return [
            f"{each.command.name} on {each.name_of_subject} was still running, and was ended." for each in self.running
        ]

    def _check(self, command: OwnCommand) -> None:
        """Raises `CannotRun` where a command may not run now."""
        session = self._session
        if (distrust := session.settings.file.distrust) is not None:
            raise CannotRun(f"not run, {distrust}")
        if is_hidden(command, session):
            where = "in this session, which is read-only" if session.is_read_only else "in production"
            raise CannotRun(f"not offered {where}")
        if not command.entry.readonly and (reason := session.write_block) is not None:
            raise CannotRun(f"not run: {reason}")
        if command.entry.background and len(self.running) >= MAX_AT_ONCE:
            raise CannotRun(f"not run: {MAX_AT_ONCE} commands are running already")

    def _prepare(self, command: OwnCommand, selection: OwnSelection, via: Via) -> PreparedCommand:
        session, environ = self._session, self._app.environ
        subject = subject_of(command.scope, selection, session)
        expanded = expand(command.template, subject)
        if holds_secret(expanded.arguments, environ, session.settings):
            raise CannotRun("not run: an argument has a key or token, which other users of this machine could read")
        variables = variables_for(command.entry.env, environ, session.settings)
        program = expanded.arguments[0]
        if program.startswith("~/"):
            program = f"{environ.get('HOME', '')}{program[1:]}"
        try:
            path = os.path.abspath(path_of((program,), variables))  # noqa: PTH100  of the same file, also through links
        except OSError as error:
            raise CannotRun(str(error)) from None
        return PreparedCommand(command, subject, expanded, path, variables, via)

    def _needs_question(self, prepared: PreparedCommand) -> bool:
        entry = prepared.command.entry
        is_risky = self._session.interlock.is_production and not entry.readonly
        return entry.confirm or is_risky or bool(prepared.expanded.options)

    def _ask(self, prepared: PreparedCommand, selection: OwnSelection) -> None:
        from tui.ui.own_commands.dialog import OwnCommandScreen  # noqa: PLC0415  loaded when first used

        session, entry = self._session, prepared.command.entry
        target = self._target()
        redact = redactor_for(entry.env, self._app.environ, session.settings).redact
        question = CommandQuestion(
            Raw(prepared.command.name),
            Raw(prepared.name_of_subject),
            Raw(redact(shell_words(prepared.expanded.arguments))),
            target,
            tuple(self._warnings(prepared)),
            tuple(self._remarks(prepared, selection)),
        )
        self._is_asking = True
        self._show_notice(())

        def on_answer(is_confirmed: bool | None) -> None:  # noqa: FBT001  Textual's
            self._is_asking = False
            if is_confirmed:
                self._run_confirmed(prepared, target)

        self._app.push_screen(OwnCommandScreen(question, self._app.type_ahead), on_answer)

    def _warnings(self, prepared: PreparedCommand) -> Sequence[str]:
        program = prepared.expanded.arguments[0]
        names = [f"{{{name}}}" for name in prepared.expanded.options]
        found = []
        if names:
            found.append(
                f'{" and ".join(names)} begins with "-" here: {program} may take it for an option. '
                'An argument "--" before it in the config file prevents that.'
            )
        for name in (each for each in prepared.command.entry.env if each in SECRET_VARIABLES):
            what = "the key of this environment, in" if name == KEY else "the secret"
            found.append(f"It gets {what} {name}.")
        return found

    def _remarks(self, prepared: PreparedCommand, selection: OwnSelection) -> Sequence[str]:
        found = []
        if prepared.command.scope is CommandScope.MARKS and selection.hidden_marks:
            marked = formatting.plural(selection.hidden_marks, "marked run")
            found.append(f"{marked} hidden by the filter: not among them.")
        if prepared.command.entry.background:
            found.append("It runs beside the monitor; its output goes to the messages.")
        return found

    def _target(self) -> Target:
        session = self._session
        return Target(session.store.environment, session.interlock.name, session.interlock.is_production)

    def _run_confirmed(self, prepared: PreparedCommand, target: Target) -> None:
        """Run a command unless something has changed since the question."""
        if self._target() != target:
            self._refuse(prepared.command, "not run: the environment has changed since the question")
            return
        try:
            self._check(prepared.command)
        except CannotRun as error:
            self._refuse(prepared.command, str(error))
            return
        self._run(prepared)

    def _run(self, prepared: PreparedCommand) -> None:
        if prepared.command.entry.background:
            self.running.append(prepared)
            self._notice(f"{prepared.command.name} runs")
            self._session.spawn(self._run_in_background(prepared), "own command")
        else:
            self._session.spawn(self._run_in_foreground(prepared), "own command")

    async def _run_in_background(self, prepared: PreparedCommand) -> None:
        entry = prepared.command.entry
        redact = redactor_for(entry.env, self._app.environ, self._session.settings).redact
        try:
            self._record(prepared)
            result = await run_in_background(
                prepared.path, prepared.expanded.arguments, prepared.environ, folder_for(self._app.environ)
            )
        except (OSError, ValueError) as error:
            self._record(prepared, CANNOT_START)
            self._later(partial(self._refuse, prepared.command, _why(error)))
        else:
            self._record(prepared, result.exit_code)
            self._later(partial(self._report, prepared, result, redact))
        finally:
            self.running.remove(prepared)

    async def _run_in_foreground(self, prepared: PreparedCommand) -> None:
        loop_time = self._session.clock.monotonic_s
        began_s = loop_time()
        self._record(prepared)
        arguments = [prepared.path, *prepared.expanded.arguments[1:]]
        try:
            code = await self._app.run_in_foreground(arguments, prepared.environ)
        except (OSError, ValueError) as error:
            self._record(prepared, CANNOT_START)
            self._later(partial(self._refuse, prepared.command, _why(error)))
            return
        self._record(prepared, code)
        took = timedelta(seconds=loop_time() - began_s)
        self._later(partial(self._report_end, prepared, code, took))

    def _report(self, prepared: PreparedCommand, result: ProgramResult, redact: Callable[[str], str]) -> None:
        """Add the end of a command beside the monitor to the messages, with what it wrote."""
        why = ""
        if result.ending is Ending.TIME_LIMIT:
            why = f" It was ended: it may run for {formatting.duration(timedelta(seconds=TIME_LIMIT_S))}."
        elif result.ending is Ending.TOO_MUCH_OUTPUT:
            why = f" It was ended: it may write {formatting.size(MAX_OUTPUT_BYTES)}."
        start, end = (redact(each.decode(errors="replace")) for each in (result.start, result.end))
        if not result.left_out:
            start, end = redact((result.start + result.end).decode(errors="replace")), ""
        output = output_text(start, end, result.left_out)
        self._report_end(prepared, result.exit_code, result.took, f"{why}\n{output}" if output else why)

    def _report_end(self, prepared: PreparedCommand, code: int, took: timedelta, more: str = "") -> None:
        command = prepared.command
        words = ended_words(code, took)
        if command.entry.background or code:
            self._app.messages.add(self._session.now(), f"{command.name} on {prepared.name_of_subject} {words}.{more}")
        has_output = command.entry.background and bool(more)
        hint = " · :messages" if has_output or code else ""
        self._notice(f"{command.name} {words}{hint}", Token.MUTED if code == 0 else Token.AMBER)

    def _record(self, prepared: PreparedCommand, code: int | None = None) -> None:
        event = CommandEvent(
            prepared.command.name, prepared.logged_subject, self._session.now(), prepared.via, exit_code=code
        )
        self._session.record_command(event)

    def _refuse(self, command: OwnCommand, reason: str) -> None:
        """Say why a command was not run: in the footer, which may cut it, and in the messages."""
        text = f"{command.name}: {reason}"
        self._notice(text)
        self._app.messages.add(self._session.now(), f"{text}.")

    def _notice(self, text: str, token: Token = Token.MUTED) -> None:
        self._show_notice((Piece(text, token),))

    def _later(self, call: Callable[[], object]) -> None:
        # A task of the session calls this; widgets are changed on the app's own message loop.
        self._app.call_later(call)


def _why(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    text = reason or str(error)
    return f"not run: {text[:1].lower()}{text[1:]}"
