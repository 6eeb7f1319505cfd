"""Runs the user's own commands: which of them are offered, the question before, the messages after."""

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

from textual.screen import Screen

from tui.domain.action import CommandEvent, Via
from tui.domain.own_commands import CannotRun, CommandScope, Expanded, Subject, Template, expand, parse_template
from tui.domain.run import Run, TaskId
from tui.domain.text import Raw, clean, shortened
from tui.features.actions.words import SILENT_TERMINAL, Target, below_band, target_of
from tui.kit import programs
from tui.kit.app import AppBase, OwnKeys
from tui.kit.commands import Command, OwnSelection
from tui.kit.keys import Help, bind
from tui.kit.painted import YesNoDialog
from tui.kit.screen import OWN_COMMAND, BaseScreen
from tui.kit.type_ahead import REFUSAL
from tui.lazy_dataclass import dataclass
from tui.settings.keys import parse_key
from tui.settings.schema import CommandEntry
from tui.settings.secret import MIN_SECRET_CHARS, SECRET_VARIABLES
from tui.settings.settings import Settings
from tui.sync.session import Session
from tui.text import formatting
from tui.text.blocks import INDENT
from tui.text.redaction import Redactor
from tui.text.styled import Line, Piece, Token, cut, fold, wrap

# The sentences about the user's own commands, and their output as the page of messages shows it.
#
# Output and arguments are outside text. `Piece` and `wrap` clean what these functions return.


MAX_LINES: Final = 40
"""The most lines of one output in the messages: half from its start, half from its end."""

MAX_LINE_CHARS: Final = 400
_PLAIN: Final = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)

# Colours and cursor movements, from programs that do not check for a terminal. Every other control sequence is
# shown as a symbol.
_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9])")


def ended_words(exit_code: int, took: timedelta) -> str:
    """Return how a program has ended: `exited with code 0 after 1.2s`."""
    how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"exited with code {exit_code}"
    return f"{how} after {formatting.duration(took)}"


def output_text(start: str, end: str, left_out: int) -> str:
    """Return an output in at most `MAX_LINES` indented lines, and what was left out between them."""
    if left_out:
        first, last = _lines(start), _lines(end)
        between = f"… {formatting.size(left_out)} left out …"
    else:
        first, last, between = _lines(start + end), [], ""
    half = MAX_LINES // 2
    if not last and len(first) > MAX_LINES:
        between = f"… {formatting.plural(len(first) - 2 * half, 'line')} left out …"
        first, last = first[:half], first[-half:]
    lines = [*first[:half], between, *last[-half:]] if between else first
    return "\n".join(f"  {line}" for line in lines)


def _lines(text: str) -> list[str]:
    """Return lines as a terminal would leave them: without colours, and after the last carriage return of each."""
    plain = _SEQUENCE.sub("", text).replace("\r\n", "\n").rstrip("\n")
    if not plain:
        return []
    lines = (line.rstrip("\r").rpartition("\r")[2].expandtabs(8).rstrip() for line in plain.split("\n"))
    return [shortened(line, MAX_LINE_CHARS) for line in lines]


# The commands of the config file, ready to run, and which of them fit the present selection.


NOTHING_SELECTED: Final = {
    CommandScope.RUN: "no run is selected",
    CommandScope.TASK: "no task is selected",
    CommandScope.GROUP: "no group is selected",
    CommandScope.MARKS: "no run is marked",
}


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """A command of the config file. `key` is Textual's name of its key, empty if it has none."""

    name: str
    key: str
    scope: CommandScope
    template: Template
    entry: CommandEntry


def is_hidden(command: OwnCommand, session: Session) -> bool:
    """Return whether a command is not offered in this environment or session."""
    is_denied = session.is_read_only and not command.entry.readonly
    return is_denied or (session.interlock.is_production and not command.entry.production)


def has_subject(scope: CommandScope, selection: OwnSelection, session: Session) -> bool:
    """Return whether something of a scope is selected."""
    match scope:
        case CommandScope.MARKS:
            return selection.has_marks
        case CommandScope.GROUP:
            return selection.group is not None
        case CommandScope.RUN:
            return selection.run_id is not None
        case CommandScope.TASK:
            return _task_of(selection, _run(selection, session)) is not None


def subject_of(scope: CommandScope, selection: OwnSelection, session: Session) -> Subject:
    """Return what a command of a scope is about now. Raises `CannotRun` if nothing of its kind is selected."""
    if scope is CommandScope.MARKS and selection.hidden_marks and not selection.has_marks:
        raise CannotRun("the filter hides all marked runs")
    if scope not in selection.scopes or not has_subject(scope, selection, session):
        raise CannotRun(NOTHING_SELECTED[scope])
    settings, environment = session.settings, session.store.environment
    run = _run(selection, session) if scope in {CommandScope.RUN, CommandScope.TASK} else None
    group = selection.group if scope is CommandScope.GROUP else None
    slug, project, url = None if run is None else run.fixed.environment, None, None
    if environment is not None:
        slug, project = environment.slug, environment.project_ref
        url = None if run is None else environment.link_to(run.id, settings.dashboard.url)
    return Subject(
        environment=slug,
        project=project,
        api=settings.api_url if settings.relay_url is None else None,
        run=run if scope is CommandScope.RUN else None,
        run_url=url,
        task=None if scope is CommandScope.MARKS else _task_of(selection, run),
        kind=None if group is None else group.kind,
        runs=tuple(selection.marks()) if scope is CommandScope.MARKS else (),
    )


def _run(selection: OwnSelection, session: Session) -> Run | None:
    run_id = selection.run_id
    return None if run_id is None else session.store.get(run_id) or Run(run_id)


def _task_of(selection: OwnSelection, run: Run | None) -> TaskId | None:
    """Return the task of a run, or the only one of the group if no run is selected."""
    if run is not None:
        return run.fixed.task
    tasks = () if selection.group is None else selection.group.tasks
    return tasks[0][0] if len(tasks) == 1 else None


# The environment variables that a user's command gets, and the folder in which it runs.
#
# It gets all our variables except the secret ones: the key and tokens of Trigger.dev, and any variable that contains
# one of these.


KEY: Final = "TRIGGER_SECRET_KEY"
_SECRET_NAME: Final = re.compile(r"TRIGGER_\w*(KEY|TOKEN|SECRET|PASSWORD)\w*")


def program_for(
    arguments: Sequence[str], names: Iterable[str], environ: Mapping[str, str], settings: Settings
) -> tuple[str, dict[str, str]]:
    """Return the path of the program of a command, and its variables, the secret ones in `names` among them.

    With the key comes the address of the API that it belongs to. Raises `OSError`, and `CannotRun` also if one of
    `names` has no value.
    """
    if any(map(redactor_for((), environ, settings).finds, arguments)):
        raise CannotRun("not run: an argument has a key or token, which other users of this machine could read")
    secrets = _secrets(environ, settings)
    variables = {
        name: value
        for name, value in environ.items()
        if not _SECRET_NAME.fullmatch(name) and not any(secret in value for secret in secrets)
    }
    for name in names:
        value = settings.key.reveal() if name == KEY else environ.get(name)
        if not value:
            raise CannotRun("this session has no API key" if name == KEY else f"{name} is not set")
        variables[name] = value
        if name == KEY:
            variables["TRIGGER_API_URL"] = settings.api_url
    program = arguments[0]
    if program.startswith("~/"):
        program = f"{environ.get('HOME', '')}{program[1:]}"
    return programs.path_of((program,), variables), variables


def redactor_for(names: Iterable[str], environ: Mapping[str, str], settings: Settings) -> Redactor:
    """Return what removes our secrets, and the variables that were handed over, from the output of a command."""
    redactor = Redactor()
    for secret in (*_secrets(environ, settings), *(environ.get(name, "") for name in names)):
        redactor.hide(secret)
    return redactor


def folder_for(environ: Mapping[str, str]) -> str:
    """Return the folder in which a command runs: that of the monitor, or the home folder if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109  raises if the folder is gone
    except OSError:
        return environ.get("HOME") or "/"


def _secrets(environ: Mapping[str, str], settings: Settings) -> list[str]:
    others = (environ.get(each, "") for each in SECRET_VARIABLES)
    found = (settings.key.reveal(), settings.relay_token.reveal(), *others)
    return [each for each in dict.fromkeys(found) if len(each) >= MIN_SECRET_CHARS]


# Runs the user's own commands: from the key to the messages about the outcome.


MAX_NAME_CHARS: Final = 200
"""A longer name is cut, since the name of a task may have any length."""

MAX_LOGGED_IDS: Final = 100
"""A line of the action log names at most this many marked runs, and counts the rest."""

CANNOT_START: Final = 127
"""The exit code in the action log of a program that could not start, as in a shell."""


@dataclass(frozen=True, slots=True)
class PreparedCommand:
    """A command with the values of a selection: exactly what will run, and the words for the question before it.

    * `shown`: the command as a shell would need it typed, without secrets
    * `target`: where it will run
    * `hidden_marks`: the marked runs that are left out, since the filter hides them
    """

    command: OwnCommand
    subject: Subject
    expanded: Expanded
    path: str
    environ: dict[str, str]
    via: Via
    shown: Raw
    target: Target
    hidden_marks: int = 0

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

    @property
    def warnings(self) -> list[str]:
        """Sentences about what may do harm."""
        program, found = self.expanded.arguments[0], []
        if names := [f"{{{name}}}" for name in self.expanded.options]:
            found.append(
                f'The value of {" and ".join(names)} begins with "-": {program} may read it as an option. '
                'Put the argument "--" before it in the config file.'
            )
        for name in (each for each in self.command.entry.env if each in SECRET_VARIABLES):
            what = "the key of this environment in" if name == KEY else "the secret"
            found.append(f"The command can read {what} {name}.")
        return found

    @property
    def remarks(self) -> list[str]:
        """Sentences about what else is special about it."""
        found = []
        if self.command.scope is CommandScope.MARKS and self.hidden_marks:
            marked = formatting.plural(self.hidden_marks, "marked run")
            found.append(f"{marked} hidden by the filter: not included.")
        if self.command.entry.background:
            found.append("It runs in the background; its output goes to :messages.")
        return found


# The confirmation before a user's command: its environment and target, the exact command, and any warnings.


_MIN_COMMAND_ROWS: Final = 2
_MAX_COMMAND_CHARS: Final = 20_000


class OwnCommandScreen(YesNoDialog):
    """Asks whether a command may run."""

    word = "run"
    cells = 76
    keep = "Go back"
    agreement = "run it"

    def __init__(self, prepared: PreparedCommand) -> None:
        super().__init__(has_band=True)
        self._prepared = prepared

    def lines(self, width: int, height: int) -> list[Line]:
        remark = [SILENT_TERMINAL] if self.answer.is_silent else []
        return command_lines(self._prepared, remark, self.answers(width - 2 * INDENT), width, height)


def command_lines(
    prepared: PreparedCommand, more_remarks: Sequence[str], answers: Line, width: int, height: int
) -> list[Line]:
    """Return the dialog in lines of at most `width` cells, and in at most `height` lines if possible."""
    limit = width - 2 * INDENT
    head: list[Line] = [
        cut((Piece(f"Run {prepared.command.name}?", Token.BRIGHT, is_bold=True),), limit),
        cut((Piece(f"on {prepared.name_of_subject}", Token.MUTED),), limit),
    ]
    said = ((prepared.warnings, Token.AMBER), ((*prepared.remarks, *more_remarks), Token.MUTED))
    notes: list[Line] = [(Piece(row, token),) for texts, token in said for text in texts for row in wrap(text, limit)]
    fixed = 1 + len(head) + len(notes) + 1
    room = max(_MIN_COMMAND_ROWS, height - fixed - 5)
    rows = fold((Piece(prepared.shown[:_MAX_COMMAND_CHARS], Token.TEXT),), limit)
    if len(rows) > room or len(prepared.shown) > _MAX_COMMAND_CHARS:
        rows = rows[: room - 1]
        left_out = len(prepared.shown) - sum(len(piece.text) for row in rows for piece in row)
        rows.append((Piece(f"… {left_out:,} more characters", Token.AMBER),))
    return below_band(prepared.target, [head, rows, notes, [answers]], width, is_loose=fixed + room + 5 <= height)


# The user's own commands in an app: their keys on each screen, their rows in the palette, and their runs.
#
# An app without commands in its config file never imports this module.


FIRST_RANK: Final = 30
"""Own keys stand in the footer after cancel and replay."""

_NEED: Final = 39
"""In a narrow footer, they stay longer than most other keys, since the user has chosen them."""


class OwnCommands(OwnKeys):
    """The commands of an app. It asks about them, runs them, and reports how they ended."""

    def __init__(self, app: AppBase) -> None:
        self._app = app
        self._session = app.session
        self._commands: tuple[OwnCommand, ...] = ()
        self._is_asking = False
        self._running: list[PreparedCommand] = []
        """The commands beside the monitor."""

    def use(self, settings: Settings) -> None:
        """Use the commands of other settings. Those of a file that is not trusted only say so."""
        self._commands = tuple(
            OwnCommand(
                entry.name,
                parse_key(entry.key) if entry.key else "",
                scope := CommandScope(entry.scope),
                parse_template(entry.command, scope),
                entry,
            )
            for entry in settings.file.values.commands
        )
        for screen in self._app.screen_stack:
            self.bind(screen)
        self._app.screen.refresh_bindings()

    def bind(self, screen: Screen[Any]) -> None:
        """Give a screen the keys of the commands that may work there. They replace the keys from an earlier call."""
        if not isinstance(screen, BaseScreen):
            return
        scopes = screen.own_selection().scopes
        # Textual has no public way to change the bindings of one widget.
        bindings = screen._bindings.copy()  # noqa: SLF001
        for key, found in list(bindings.key_to_bindings.items()):
            kept = [each for each in found if not each.action.startswith(f"{OWN_COMMAND}(")]
            bindings.key_to_bindings[key] = kept
            if not kept:
                del bindings.key_to_bindings[key]
        for number, each in enumerate(self._commands):
            if each.key and each.scope in scopes:
                action, word, rank = f"{OWN_COMMAND}({number})", clean(each.name), FIRST_RANK + number
                row = Help("yours", number)
                binding = bind(each.key, action, word, _sentence(each), rank=rank, need=_NEED + number, help=row)
                bindings.key_to_bindings.setdefault(each.key, []).append(binding)
        screen._bindings = bindings  # noqa: SLF001

    def is_enabled(self, screen: BaseScreen, number: int) -> bool:
        """Return whether its key starts this command now: it is offered, and no command with the same key is nearer."""
        if number >= len(self._commands) or is_hidden(self._commands[number], self._session):
            return False
        command, selection = self._commands[number], screen.own_selection()
        rivals = [each for each in self._commands if each.key == command.key and not is_hidden(each, self._session)]
        if len(rivals) == 1:
            return True
        # The first one works if nothing is selected.
        here = [each for scope in selection.scopes for each in rivals if each.scope is scope]
        return next((each for each in here if has_subject(each.scope, selection, self._session)), here[0]) is command

    def has_use_for(self, screen: BaseScreen, number: int) -> bool:
        """Return whether a command would do something now."""
        if number >= len(self._commands) or self._session.settings.file.distrust is not None:
            return False
        return has_subject(self._commands[number].scope, screen.own_selection(), self._session)

    def palette_rows(self, screen: BaseScreen) -> list[Command]:
        """Return the commands without a key that are offered on a screen. The live keys give the others."""
        scopes = screen.own_selection().scopes
        return [
            Command(clean(each.name), _sentence(each), partial(self.start, screen, number, Via.PALETTE))
            for number, each in enumerate(self._commands)
            if not each.key and each.scope in scopes and not is_hidden(each, self._session)
        ]

    def farewell(self) -> list[str]:
        """Return sentences about the commands that end with the program."""
        said = "was still running and was stopped."
        return [f"{each.command.name} on {each.name_of_subject} {said}" for each in self._running]

    def start(self, screen: BaseScreen, number: int, via: Via) -> None:
        """Run a command on the selection of a screen, after a question if it needs one, or show why it cannot run."""
        if number >= len(self._commands) or self._is_asking:
            return
        command = self._commands[number]
        with self._refusing(command):
            if self._app.pastes.is_pasted:
                raise CannotRun(REFUSAL)
            self._check(command)
            prepared = self._prepare(command, screen.own_selection(), via)
            is_risky = self._session.interlock.is_production and not command.entry.readonly
            if command.entry.confirm or is_risky or prepared.expanded.options:
                self._ask(prepared)
            else:
                self._run(prepared)

    @contextmanager
    def _refusing(self, command: OwnCommand) -> Iterator[None]:
        """Say why a command was not run: in the footer, which may cut it, and in the messages."""
        try:
            yield
        except CannotRun as error:
            text = f"{command.name}: {error}"
            self._notice(text)
            self._app.messages.add(self._session.now(), f"{text}.")

    def _check(self, command: OwnCommand) -> None:
        """Raises `CannotRun` if a command may not run now."""
        session = self._session
        if (distrust := session.settings.file.distrust) is not None:
            raise CannotRun(f"not run, {distrust}")
        if is_hidden(command, session):
            where = "in this session, which is read-only" if session.is_read_only else "in production"
            raise CannotRun(f"not available {where}")
        if not command.entry.readonly and (reason := session.write_block) is not None:
            raise CannotRun(f"not run: {reason}")
        if command.entry.background and len(self._running) >= programs.MAX_AT_ONCE:
            raise CannotRun(f"not run: {programs.MAX_AT_ONCE} commands are running already")

    def _prepare(self, command: OwnCommand, selection: OwnSelection, via: Via) -> PreparedCommand:
        settings, environ, names = self._session.settings, self._app.environ, command.entry.env
        subject = subject_of(command.scope, selection, self._session)
        expanded = expand(command.template, subject)
        try:
            program, variables = program_for(expanded.arguments, names, environ, settings)
            path = os.path.abspath(program)  # noqa: PTH100  of the same file, also through links
        except OSError as error:
            raise CannotRun(str(error)) from None
        shown = Raw(redactor_for(names, environ, settings).redact(shlex.join(expanded.arguments)))
        target = target_of(self._session)
        return PreparedCommand(command, subject, expanded, path, variables, via, shown, target, selection.hidden_marks)

    def _ask(self, prepared: PreparedCommand) -> None:
        self._is_asking = True
        self._notice("")

        def on_answer(is_confirmed: bool | None) -> None:  # noqa: FBT001  Textual's
            self._is_asking = False
            if is_confirmed:
                with self._refusing(prepared.command):
                    if target_of(self._session) != prepared.target:
                        raise CannotRun("not run: the environment changed after the question was asked")
                    self._check(prepared.command)
                    self._run(prepared)

        self._app.push_screen(OwnCommandScreen(prepared), on_answer)

    def _run(self, prepared: PreparedCommand) -> None:
        if prepared.command.entry.background:
            self._running.append(prepared)
            self._notice(f"{prepared.command.name} is running")
        self._session.spawn(self._perform(prepared), "own command")

    async def _perform(self, prepared: PreparedCommand) -> None:
        # A task of the session calls this, but widgets must be changed on the app's own message loop.
        clock, environ, arguments, more = self._session.clock, self._app.environ, prepared.expanded.arguments, ""
        self._record(prepared)
        try:
            if prepared.command.entry.background:
                folder = folder_for(environ)
                result = await programs.run_in_background(prepared.path, arguments, prepared.environ, folder)
                code, took, more = result.exit_code, result.took, self._written(prepared, result)
            else:
                began_s = clock.monotonic_s()
                code = await self._app.run_in_foreground([prepared.path, *arguments[1:]], prepared.environ)
                took = timedelta(seconds=clock.monotonic_s() - began_s)
        except (OSError, ValueError) as error:
            self._record(prepared, CANNOT_START)
            self._app.call_later(self._say_why, prepared.command, error)
        else:
            self._record(prepared, code)
            self._app.call_later(self._report, prepared, code, took, more)
        finally:
            if prepared in self._running:
                self._running.remove(prepared)

    def _say_why(self, command: OwnCommand, error: Exception) -> None:
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        with self._refusing(command):
            raise CannotRun(f"not run: {text[:1].lower()}{text[1:]}")

    def _written(self, prepared: PreparedCommand, result: programs.ProgramResult) -> str:
        """Return what a command in the background wrote, and why it was stopped."""
        redact = redactor_for(prepared.command.entry.env, self._app.environ, self._session.settings).redact
        why = ""
        kept = result.kept
        if result.ending is programs.Ending.TIME_LIMIT:
            why = f" Stopped after {formatting.duration(timedelta(seconds=programs.TIME_LIMIT_S))}, its time limit."
        elif result.ending is programs.Ending.TOO_MUCH_OUTPUT:
            why = f" Stopped: it wrote more than {formatting.size(programs.MAX_OUTPUT_BYTES)}."
        start, end = (redact(each.decode(errors="replace")) for each in (kept.start, kept.end))
        if not kept.left_out:
            start, end = redact((kept.start + kept.end).decode(errors="replace")), ""
        output = output_text(start, end, kept.left_out)
        return f"{why}\n{output}" if output else why

    def _report(self, prepared: PreparedCommand, code: int, took: timedelta, more: str) -> None:
        """Say how a command ended, in the messages with what it wrote."""
        command, words = prepared.command, ended_words(code, took)
        if command.entry.background or code:
            self._app.messages.add(self._session.now(), f"{command.name} on {prepared.name_of_subject} {words}.{more}")
        hint = " · :messages" if more or code else ""
        self._notice(f"{command.name} {words}{hint}", Token.MUTED if code == 0 else Token.AMBER)

    def _record(self, prepared: PreparedCommand, code: int | None = None) -> None:
        name, subject = prepared.command.name, prepared.logged_subject
        self._session.record(CommandEvent(name, subject, self._session.now(), prepared.via, exit_code=code))

    def _notice(self, text: str, token: Token = Token.MUTED) -> None:
        """Show a text in the footer of the view in front. Pages and dialogs have none."""
        views = [each for each in self._app.screen_stack if isinstance(each, BaseScreen)]
        if views:
            views[-1].footer.notice((Piece(text, token),) if text else ())


def _sentence(command: OwnCommand) -> str:
    """Return what a command runs, as the config file has it."""
    scope = "the marked runs" if command.scope is CommandScope.MARKS else f"the {command.scope}"
    # An argument that needs quotes only for its braces has none.
    words = " ".join(each if _PLAIN.fullmatch(each) else shlex.quote(each) for each in command.entry.command)
    return f"Your command for {scope}: {clean(words)}"
