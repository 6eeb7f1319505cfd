"""`Alerts`: watches the findings while the config file wants a call, and calls once for each new one.

An app whose config file wants none never imports this room.
"""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tui.domain.findings.finding import NOT_KNOWN
from tui.present.findings.alert import finding_notice, not_known_notice
from tui.present.findings.printed import FindingState, finding_object, verdict_object
from tui.present.frame.title import supports_title
from tui.settings import Settings
from tui.settings.bell import Rings, is_calling, is_quiet, rings_for
from tui.store.changes import Changes
from tui.store.findings.alerts.new_findings import KnownFindings, begun_again, new_findings
from tui.ui.alerts.called import CalledFindings
from tui.ui.alerts.command import AlertCommand
from tui.ui.base import AppBase, call_soon
from tui.ui.data.subscription import RunSubscription
from tui.ui.state_files import problem_sentence
from tui.ui.terminal.notices import BELL, DesktopNotice, notice_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.domain.findings.finding import Finding, Verdict
    from tui.store.findings.alerts.new_findings import News


class Alerts:
    """The calls of one app. `use` begins and ends them."""

    def __init__(self, app: AppBase) -> None:
        self._app = app
        self._session = app.session
        self._command = AlertCommand(app)
        self._called = CalledFindings(self._session.settings.state_dir, owner=app.part(RunSubscription).state_key)
        self._known: KnownFindings | None = None
        self._judged: Verdict | None = None
        self._ends: list[Callable[[], None]] = []

    def use(self, settings: Settings) -> None:
        """Begin or end to watch the findings, as these settings say."""
        is_on = is_calling(settings.bell)
        if is_on and not self._ends:
            now = self._session.now()
            self._known = KnownFindings(now) if self._known is None else begun_again(self._known, now)
            self._judged = None
            self._ends = [self._session.subscribe(self._on_changes), self._session.findings.watch()]
            if not self._called.is_loaded:
                self._session.spawn(self._called.load(), "read the calls of the last start")
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
        if verdict is None or verdict is self._judged or not self._session.findings.is_judged or self._known is None:
            return
        if not self._called.is_loaded:
            return  # the next change judges the same verdict
        self._judged = verdict
        self._known, news = new_findings(self._known, verdict)
        findings = tuple(each for each in news.findings if not self._called.has(each, verdict.at))
        news = replace(news, findings=findings)
        if findings:
            self._called.add(findings, verdict.at)
            self._session.spawn(self._save(), "keep the calls")
        if findings or news.has_gone_silent:
            call_soon(self._app, partial(self._call, verdict, news))

    async def _save(self) -> None:
        try:
            await self._called.save()
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "the disk does not answer"
            what = f"After a restart, an alert may come again. The alerts cannot be kept in {self._called.path}"
            problem = problem_sentence(self._called.path, what, reason)
            self._app.messages.add_once(self._session.now(), problem)

    def _call(self, verdict: "Verdict", news: "News") -> None:
        settings, now = self._session.settings, self._session.local_now()
        bell, environment = settings.bell, self._session.interlock.name
        if bell is None:
            return
        quiet = is_quiet(bell.quiet_hours, now)
        objects = [finding_object(each, FindingState.NEW, now) for each in news.findings]
        silence = rings_for(bell, NOT_KNOWN)
        if news.has_gone_silent and silence != Rings():
            objects.append(verdict_object(verdict, FindingState.NEW, now))
        for each in objects:
            self._command.run({**each, "environment": environment, "quiet": quiet}, bell.on_alert)
        if quiet:
            return
        if news.has_gone_silent:
            self._ring(silence, DesktopNotice(*not_known_notice(verdict, environment, now)))
        for rings, findings in self._by_rings(news.findings).items():
            self._ring(rings, DesktopNotice(*finding_notice(findings, environment, now)))

    def _by_rings(self, findings: "Sequence[Finding]") -> "dict[Rings, list[Finding]]":
        """Return the findings that call in the same way: they share one call."""
        found: dict[Rings, list[Finding]] = {}
        for each in findings:
            found.setdefault(rings_for(self._session.settings.bell, each.word), []).append(each)
        return found

    def _ring(self, rings: Rings, notice: DesktopNotice) -> None:
        environ, text = self._app.environ, ""
        has_notices = supports_title(environ.get("TERM", ""))  # others may print the sequence
        if rings.bell or (rings.notice and not has_notices):
            text += BELL
        if rings.notice and has_notices:
            text += notice_sequence(notice, environ, self._app.terminal_version)
        if text:
            self._app.call_user(text)
