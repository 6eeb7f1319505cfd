"""`Alerts`: watches the findings while the config file wants a call, and calls once for each new one."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from pathlib import PurePath
from typing import Any, Final

from tui.domain.finding import NOT_KNOWN, Finding, Verdict
from tui.domain.own_commands import CannotRun
from tui.features.alerts.words import FindingState, finding_notice, finding_object, not_known_notice, verdict_object
from tui.features.own_commands.view import ended_words, folder_for, program_for
from tui.features.runs.data import RunSubscription
from tui.kit.app import AppBase, call_soon
from tui.kit.header_words import supports_title
from tui.kit.programs import Ending, run_in_background
from tui.kit.state_files import StateFile, moment
from tui.kit.terminal.output import BELL, DesktopNotice, notice_sequence
from tui.settings.private_files import owned_path
from tui.settings.schema import Ring
from tui.settings.settings import Settings, is_calling, is_quiet, ring_of
from tui.store.changes import Changes
from tui.store.findings.judging import RINGS_AGAIN_AFTER, KnownFindings, News

# Remembers for which findings the user was called, so that a restart does not call again within ten minutes.
#
# There is one small file for each environment of each API. It holds digests and times: no name of a task, queue or run.


MAX_CALLS: Final = 500
"""The newest calls are kept. Each has some 50 bytes."""


class CalledFindings(StateFile[dict[str, datetime]]):
    """Reads and writes the file of one environment. `owner` names the environment: equal names share a file."""

    def __init__(self, state_dir: PurePath, *, owner: str) -> None:
        super().__init__(owned_path(state_dir, "alerts", owner), "alerts", dict)
        self.is_loaded = False
        self._calls: dict[str, datetime] = {}

    async def begin(self) -> None:
        """Read the file once. A file that cannot be read counts as empty: a call too many is better than none."""
        self._calls |= await self.load()
        self.is_loaded = True

    def has(self, finding: Finding, at: datetime) -> bool:
        """Return whether the user was called for a finding less than ten minutes before a moment."""
        called_at = self._calls.get(_digest(finding))
        return called_at is not None and abs(at - called_at) < RINGS_AGAIN_AFTER

    def add(self, findings: Iterable[Finding], at: datetime) -> None:
        """Add calls. `save` has to follow."""
        self._calls |= {_digest(each): at.astimezone(UTC) for each in findings}

    async def save(self) -> None:
        """Write the calls. What another monitor has added meanwhile is kept."""
        calls = dict(self._calls)
        await self.change(lambda: dict(sorted((self.read() | calls).items(), key=itemgetter(1))[-MAX_CALLS:]))

    def encode(self, value: dict[str, datetime]) -> dict[str, Any]:
        return {"calls": {digest: at.isoformat() for digest, at in value.items()}}

    def decode(self, saved: Any) -> dict[str, datetime]:
        return {str(digest): moment(at) for digest, at in saved["calls"].items()}


def _digest(finding: Finding) -> str:
    """Return a text that is the same at every start for findings that count as the same one."""
    return hashlib.sha256(repr(finding.identity).encode(errors="surrogatepass")).hexdigest()[:16]


# Runs the user's own command for each alert: one at a time, with the finding on its stdin.


TIME_LIMIT_S: Final = 30.0
"""A command that runs longer is ended."""

MAX_WAITING: Final = 50
"""Alerts that wait for the command. Later ones do not reach it."""


class AlertCommand:
    """The command of an app. A failure is reported in the messages once, until the command works again."""

    def __init__(self, app: AppBase) -> None:
        self._app = app
        self._session = app.session
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._has_failed = self._is_full = False

    def run(self, alert: Mapping[str, Any], command: Sequence[str]) -> None:
        """Queue the command. It gets the alert as one line of JSON on its stdin. Without a command do nothing."""
        if not command:
            return
        if self._waiting < MAX_WAITING:
            self._waiting += 1
            self._session.spawn(self._run(alert, tuple(command)), "on_alert")
            return
        if not self._is_full:
            self._say(f"the command is too slow: at most {MAX_WAITING} alerts wait, later ones are dropped")
        self._is_full = True

    async def _run(self, alert: Mapping[str, Any], command: tuple[str, ...]) -> None:
        async with self._lock:  # which lets alerts in by their order
            self._waiting -= 1
            problem = await self._problem(alert, command)
            if problem is not None and not self._has_failed:
                self._say(problem)
            self._has_failed = problem is not None
            self._is_full = self._is_full and self._waiting > 0

    async def _problem(self, alert: Mapping[str, Any], command: tuple[str, ...]) -> str | None:
        """Run a command. Return what went wrong, None if nothing did."""
        environ, settings = self._app.environ, self._session.settings
        stdin, folder = f"{json.dumps(alert)}\n".encode(), folder_for(environ)
        try:
            path, variables = program_for(command, (), environ, settings)
            result = await run_in_background(path, command, variables, folder, stdin=stdin, time_limit_s=TIME_LIMIT_S)
        except CannotRun as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"not run: {error}"
        if result.ending is Ending.TIME_LIMIT:
            return f"stopped after {TIME_LIMIT_S:.0f} s, its time limit"
        if result.ending is Ending.TOO_MUCH_OUTPUT:
            return "stopped: too much output"
        return None if result.exit_code == 0 else ended_words(result.exit_code, result.took)

    def _say(self, problem: str) -> None:
        self._app.messages.add(self._session.now(), f"on_alert: {problem}.")


# An app whose config file wants no calls never imports this module.


class Alerts:
    """Calls the user about findings: rings, notices, and the user's own command. `use` turns this on and off."""

    def __init__(self, app: AppBase) -> None:
        self._app = app
        self._session = app.session
        self._command = AlertCommand(app)
        self._called = CalledFindings(self._session.settings.state_dir, owner=app.part(RunSubscription).state_key)
        self._called.report = lambda text: app.messages.add_once(app.session.now(), text)
        self._known = KnownFindings(self._session.now())
        self._judged: Verdict | None = None
        self._ends: list[Callable[[], None]] = []

    def use(self, settings: Settings) -> None:
        """Begin or end to watch the findings, as these settings say."""
        is_on = is_calling(settings.bell)
        if is_on and not self._ends:
            self._known.begin(self._session.now())
            self._judged = None
            self._ends = [self._session.subscribe(self._on_changes), self._session.findings.watch()]
            if not self._called.is_loaded:
                self._session.spawn(self._called.begin(), "read the alerts of the last session")
        elif not is_on:
            self.close()

    def close(self) -> None:
        """Stop watching. What the user was called for stays known."""
        for end in self._ends:
            end()
        self._ends = []

    def _on_changes(self, _: Changes) -> None:
        """Call for what is new. This comes from the session, also while the screen is paused."""
        verdict = self._session.store.verdict
        if verdict is None or verdict is self._judged or not self._session.findings.is_judged:
            return
        if not self._called.is_loaded:
            return  # the next change judges the same verdict
        self._judged = verdict
        news = self._known.news(verdict)
        findings = tuple(each for each in news.findings if not self._called.has(each, verdict.at))
        news = news._replace(findings=findings)
        if findings:
            self._called.add(findings, verdict.at)
            self._session.spawn(self._called.save(), "save the alerts")
        if findings or news.has_gone_silent:
            call_soon(self._app, partial(self._call, verdict, news))

    def _call(self, verdict: Verdict, news: News) -> None:
        settings, now = self._session.settings, self._session.local_now()
        bell, environment = settings.bell, self._session.interlock.name
        quiet = is_quiet(bell.quiet_hours, now)
        objects = [finding_object(each, FindingState.NEW, now) for each in news.findings]
        silence = ring_of(bell, NOT_KNOWN)
        if news.has_gone_silent and silence != "off":
            objects.append(verdict_object(verdict, FindingState.NEW, now))
        for each in objects:
            self._command.run({**each, "environment": environment, "quiet": quiet}, bell.on_alert)
        if quiet:
            return
        if news.has_gone_silent:
            self._ring(silence, DesktopNotice(*not_known_notice(verdict, environment, now)))
        calls: dict[Ring, list[Finding]] = {}
        for finding in news.findings:
            calls.setdefault(ring_of(bell, finding.word), []).append(finding)
        for ring, findings in calls.items():  # one notice for all findings with the same kind of ring
            self._ring(ring, DesktopNotice(*finding_notice(findings, environment, now)))

    def _ring(self, ring: Ring, notice: DesktopNotice) -> None:
        environ, text = self._app.environ, ""
        has_notices = supports_title(environ.get("TERM", ""))  # others may print the sequence
        if ring in {"bell", "both"} or (ring == "notice" and not has_notices):
            text += BELL
        if ring in {"notice", "both"} and has_notices:
            text += notice_sequence(notice, environ, self._app.terminal_version)
        if text:
            self._app.call_user(text)
