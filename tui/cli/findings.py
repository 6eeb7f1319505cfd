"""Follows the findings of a session for `status` and `wall --json`."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tui.cli.commands.monitor import check_certificates
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import config_file_of, settings_of
from tui.domain.source_names import RELAY, REST
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.session import Session
from tui.settings import Settings, read_relay_settings
from tui.store.changes import Changes

if TYPE_CHECKING:
    from tui.domain.findings.finding import SourceUnread, Verdict

LOOK_S: Final = 0.25
"""Between two looks while nothing changes."""

JUDGED_WITHIN_S: Final = 1.6
"""After the last fact, the session judges again within this time."""

NOBODY_AFTER_S: Final = 8.0
"""A server that cannot be reached for so long is not waited for."""

RUNS_WITHIN_S: Final = 18.0
"""Schedules are asked for their newest run one by one, the last due ones first. What is not read by then is not waited
for. `status` goes on waiting for a source without any answer."""

DETAILS_WITHIN_S: Final = 8.0
"""For the run that waits for a token, and for older runs that show whether only one version, or a new one, fails, it
waits so long."""

VERSIONS_BEFORE: Final = timedelta(minutes=1)
"""Runs that ended so long before the first failure show which versions ran before."""

MIN_COUNTED: Final = timedelta(minutes=175)
"""Failures are judged by the runs that ended within this time: a monitor that has been open for hours knows them."""


def settings_of_watch(options: dict[str, Any]) -> Settings:
    """Return the settings for the API, or with `--relay` for a relay. Raises `Stop` and `SettingsError`."""
    relay_url, ca = options.pop("relay_url"), options.pop("tls_ca")
    if relay_url is None:
        if ca is not None:
            raise Stop(ExitCode.USAGE, "--tls-ca needs --relay; for the API set SSL_CERT_FILE")
        return settings_of(options)
    if ca is not None:
        check_certificates(ca)
    file = config_file_of(options)
    return read_relay_settings(os.environ, relay_url=relay_url, ca=ca, file=file, expect_env=options.get("expect_env"))


class FindingsWatch:
    """Waits for verdicts. Whoever creates one watches the findings until `close`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._has_changed = asyncio.Event()
        self._release: list[Callable[[], None]] = [session.findings.watch(), session.subscribe(self._on_changes)]
        self._begun_s = session.clock.elapsed_s()
        session.sources.follow_runs()

    def close(self) -> None:
        """End watching."""
        while self._release:
            self._release.pop()()

    @property
    def elapsed_s(self) -> float:
        """The seconds since the watch began."""
        return self._session.clock.elapsed_s() - self._begun_s

    @property
    def verdict(self) -> "Verdict | None":
        """The last verdict."""
        return self._session.store.verdict

    async def wait_for_change(self, timeout_s: float = LOOK_S) -> None:
        """Wait until the store changes, at most for a time. Raises `Stop` if the server refuses the list of runs."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_changed.wait()
        except TimeoutError:
            pass
        self._has_changed.clear()
        for name in (REST, RELAY):
            status = self._session.store.source_statuses.get(name)
            if isinstance(status, SourceStopped):
                raise Stop(ExitCode.REFUSED, status.reason)

    async def settled(self, within_s: float) -> bool:
        """Wait until all facts were read and judged, or the server does not answer. Return whether all were read."""
        complete_s: float | None = None
        while self.elapsed_s < within_s:
            await self.wait_for_change()
            if self.is_complete:
                complete_s = self.elapsed_s if complete_s is None else complete_s
                is_judged = self.verdict is not None and self.verdict.is_known and not self.verdict.unread
                if is_judged and self.elapsed_s - complete_s >= JUDGED_WITHIN_S:
                    return True
            elif complete_s is not None:
                complete_s = None
            if self.failure is not None and not self._was_heard and self.elapsed_s >= NOBODY_AFTER_S:
                return False
        return self.is_complete

    @property
    def failure(self) -> str | None:
        """Why the list, or the relay, cannot be read now."""
        for name in (REST, RELAY):
            status = self._session.store.source_statuses.get(name)
            if isinstance(status, SourceRetrying):
                return status.reason
        return None

    @property
    def _was_heard(self) -> bool:
        statuses = self._session.store.source_statuses.values()
        return any(isinstance(each, SourceConnected) for each in statuses)

    @property
    def is_complete(self) -> bool:
        """Whether everything was read that the key may read: a verdict before says less than the server knows."""
        session = self._session
        own, now = session.findings.own, session.now()
        if session.settings.relay_url is not None:
            return self.verdict is not None and self.verdict.is_known and not self.verdict.unread
        if own is None or not session.store.is_environment_known or self.is_unread:
            return False
        from tui.domain.findings.facts import NO_FACTS, FactSource

        facts = session.store.wall_facts or NO_FACTS
        counted_since = own.counted_since
        is_counted = counted_since is not None and counted_since <= now - MIN_COUNTED
        ends_since = None if facts.minutes is None or facts.minutes.is_cut else facts.minutes.ends_since
        has_minutes = ends_since is not None and ends_since <= now - MIN_COUNTED
        history = session.store.history
        minutes = facts.unread.get(FactSource.MINUTES)
        has_waited = self.elapsed_s >= RUNS_WITHIN_S
        is_read = (history is not None and history.is_complete) or (
            minutes is not None and minutes.is_refused and has_waited
        )
        has_runs = not self.has_unasked_schedules
        from tui.store.findings.judging.deployed import lacks_runs_before

        lacks_older = not is_read and lacks_runs_before(own)
        has_details = self.elapsed_s >= DETAILS_WITHIN_S or not (lacks_older or self._lacks_details(counted_since))
        return (is_counted or has_minutes or is_read) and (has_runs or has_waited) and has_details

    @property
    def has_unasked_schedules(self) -> bool:
        """Whether a late schedule was not asked for its runs, so that its finding may be missing.

        Only so many are asked a minute. On a relay, the relay asks.
        """
        own, facts = self._session.findings.own, self._session.store.wall_facts
        if own is None or facts is None or self._session.settings.relay_url is not None:
            return False
        from tui.store.findings.judging.missing import needs_schedule_runs

        return bool(needs_schedule_runs(facts, self._session.now(), own))

    @property
    def late_source(self) -> "SourceUnread":
        """What was not read in time, so that nothing may be called OK."""
        from tui.domain.findings.facts import FactSource
        from tui.domain.findings.finding import SourceUnread
        from tui.domain.text import Raw

        if self.has_unasked_schedules:
            return SourceUnread(FactSource.SCHEDULES, Raw("the runs of late ones are not read yet"))
        return SourceUnread(FactSource.RUNS, Raw("not all were read in time"))

    def _lacks_details(self, counted_since: datetime | None) -> bool:
        """Return whether some finding may soon say more: the run of a token, or the one version that fails."""
        from tui.domain.findings.finding import ApprovalWaits, TaskFails

        facts = self._session.store.wall_facts
        if facts is not None and facts.tokens is not None and any(each.is_doubtful for each in facts.tokens.tokens):
            return True
        for each in () if self.verdict is None else self.verdict.findings:
            if isinstance(each.evidence, ApprovalWaits) and each.run_id is None:
                return True
            is_bare = isinstance(each.evidence, TaskFails) and each.evidence.only_version is None
            if is_bare and (counted_since is None or counted_since > each.since - VERSIONS_BEFORE):
                return True
        return False

    @property
    def is_unread(self) -> bool:
        """Whether a source that decides about findings has no answer yet. One that failed is read again."""
        from tui.domain.findings.facts import NO_FACTS
        from tui.store.findings.known import unread_sources

        session = self._session
        return session.findings.runs_unread() is not None or bool(
            unread_sources(session.store.wall_facts or NO_FACTS, session.now())
        )

    def _on_changes(self, _: Changes) -> None:
        self._has_changed.set()
