"""Runs the user's own command for each alert: one at a time, with the finding on its stdin."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tui.present.own_commands.words import ended_words
from tui.ui.base import AppBase
from tui.ui.own_commands.variables import folder_for, holds_secret, variables_for
from tui.ui.programs.background import Ending, run_in_background
from tui.ui.programs.foreground import path_of

TIME_LIMIT_S: Final = 30.0
"""A command that runs longer is ended."""

MAX_WAITING: Final = 50
"""Alerts that wait for the command. Later ones do not reach it."""


class AlertCommand:
    """The command of an app. A failure is reported in the messages once, until the command works again."""

    def __init__(self, app: AppBase) -> None:
        self._app = app
        self._session = app.session
        self._waiting: deque[tuple[Mapping[str, Any], tuple[str, ...]]] = deque()
        self._is_running = self._has_failed = self._is_full = False

    def run(self, alert: Mapping[str, Any], command: Sequence[str]) -> None:
        """Run a command with an alert as one line of JSON on its stdin, after those before. No command: do nothing."""
        if not command:
            return
        if len(self._waiting) >= MAX_WAITING:
            if not self._is_full:
                self._say(f"more than {MAX_WAITING} alerts wait for it; the others do not reach it")
            self._is_full = True
            return
        self._waiting.append((alert, tuple(command)))
        if not self._is_running:
            self._is_running = True
            self._session.spawn(self._run_all(), "on_alert")

    async def _run_all(self) -> None:
        try:
            while self._waiting:
                alert, command = self._waiting.popleft()
                problem = await self._run(alert, command)
                if problem is not None and not self._has_failed:
                    self._say(problem)
                self._has_failed = problem is not None
            self._is_full = False
        finally:
            self._is_running = False

    async def _run(self, alert: Mapping[str, Any], command: tuple[str, ...]) -> str | None:
        """Run a command. Return what went wrong, None if nothing did."""
        environ, settings = self._app.environ, self._session.settings
        if holds_secret(command, environ, settings):
            return "not run: an argument has a key or token, which other users of this machine could read"
        program = command[0]
        if program.startswith("~/"):
            program = f"{environ.get('HOME', '')}{program[1:]}"
        variables = variables_for((), environ, settings)
        try:
            result = await run_in_background(
                path_of((program,), variables),
                command,
                variables,
                folder_for(environ),
                stdin=f"{json.dumps(alert)}\n".encode(),
                time_limit_s=TIME_LIMIT_S,
            )
        except (OSError, ValueError) as error:
            return f"not run: {error}"
        if result.ending is Ending.TIME_LIMIT:
            return f"ended: it may run for {TIME_LIMIT_S:.0f} s"
        if result.ending is Ending.TOO_MUCH_OUTPUT:
            return "ended: it wrote too much"
        return None if result.exit_code == 0 else ended_words(result.exit_code, result.took)

    def _say(self, problem: str) -> None:
        self._app.messages.add(self._session.now(), f"on_alert: {problem}.")
