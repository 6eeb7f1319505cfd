"""`status` and `wall --json`: follow the findings of a session, and print them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui.commands.options import relay_options
from tui.commands.output import ExitCode, Output, Stop
from tui.domain.facts import NO_FACTS, FactSource
from tui.domain.finding import NOT_KNOWN, ApprovalWaits, Finding, SourceUnread, TaskFails, Verdict
from tui.domain.run import RELAY, REST
from tui.domain.text import Raw
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.features.alerts import words
from tui.features.config.command import open_session, session_command
from tui.settings.settings import Settings
from tui.store.findings.judging import lacks_runs_before, needs_schedule_runs
from tui.store.store import unread_sources

if TYPE_CHECKING:
    from tui.sync.session import Session

# Follows the findings of a session for `status` and `wall --json`.


LOOK_S: Final = 0.25
"""How often the verdict is checked, and whether the reader of stdout is still there."""

JUDGED_WITHIN_S: Final = 1.6
"""After the last fact, the session judges again within this time."""

NOBODY_AFTER_S: Final = 8.0
"""If the server cannot be reached for this long, the command does not wait any longer."""

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


class FindingsWatch:
    """Waits for verdicts. Creating one makes the session watch findings until its end."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._begun_s = session.clock.elapsed_s()
        session.findings.watch()
        session.sources.follow_runs()

    @property
    def elapsed_s(self) -> float:
        """The seconds since the watch began."""
        return self._session.clock.elapsed_s() - self._begun_s

    async def rest(self) -> None:
        """Wait for a moment. Raises `Stop` if the server refuses the list of runs."""
        await self._session.clock.sleep(LOOK_S)
        if (reason := self._reason(SourceStopped)) is not None:
            raise Stop(ExitCode.REFUSED, reason)

    async def settled(self, within_s: float) -> bool:
        """Wait until all facts were read and judged, or the server does not answer. Return whether all were read."""
        complete_s: float | None = None
        while self.elapsed_s < within_s:
            await self.rest()
            complete_s = (complete_s or self.elapsed_s) if self.is_complete else None
            if complete_s is not None and self._is_judged and self.elapsed_s - complete_s >= JUDGED_WITHIN_S:
                return True
            was_heard = any(isinstance(each, SourceConnected) for each in self._session.store.source_statuses.values())
            if self.failure is not None and not was_heard and self.elapsed_s >= NOBODY_AFTER_S:
                return False
        return self.is_complete

    @property
    def failure(self) -> str | None:
        """Why the list, or the relay, cannot be read now."""
        return self._reason(SourceRetrying)

    def _reason(self, kind: type[SourceStopped | SourceRetrying]) -> str | None:
        statuses = (self._session.store.source_statuses.get(name) for name in (REST, RELAY))
        return next((status.reason for status in statuses if isinstance(status, kind)), None)

    @property
    def _is_judged(self) -> bool:
        verdict = self._session.store.verdict
        return verdict is not None and verdict.is_known and not verdict.unread

    @property
    def is_complete(self) -> bool:
        """Whether everything was read that the key may read: a verdict before says less than the server knows."""
        session = self._session
        own, now = session.findings.own, session.now()
        if session.settings.relay_url is not None:
            return self._is_judged
        facts, history = session.store.wall_facts or NO_FACTS, session.store.history
        # A source that decides about findings and has no answer yet. One that failed is read again.
        if own is None or not session.store.is_environment_known or unread_sources(facts, now):
            return False
        if session.findings.runs_unread() is not None:
            return False
        ends_since = None if facts.minutes is None or facts.minutes.is_cut else facts.minutes.ends_since
        is_counted = any(at is not None and at <= now - MIN_COUNTED for at in (own.counted_since, ends_since))
        has_waited, minutes = self.elapsed_s >= RUNS_WITHIN_S, facts.unread.get(FactSource.MINUTES)
        is_read = history is not None and history.is_complete
        is_read = is_read or (minutes is not None and minutes.is_refused and has_waited)
        lacks_older = not is_read and lacks_runs_before(own)
        has_details = self.elapsed_s >= DETAILS_WITHIN_S or not (lacks_older or self._lacks_details(own.counted_since))
        return (is_counted or is_read) and (has_waited or not self.has_unasked_schedules) and has_details

    @property
    def has_unasked_schedules(self) -> bool:
        """Whether a late schedule was not asked for its runs, so that its finding may be missing.

        The most that are asked in a minute. On a relay, the relay asks.
        """
        own, facts = self._session.findings.own, self._session.store.wall_facts
        if own is None or facts is None or self._session.settings.relay_url is not None:
            return False
        return bool(needs_schedule_runs(facts, self._session.now(), own))

    @property
    def late_source(self) -> SourceUnread:
        """What was not read in time, so that nothing may be called OK."""
        if self.has_unasked_schedules:
            return SourceUnread(FactSource.SCHEDULES, Raw("the runs of late schedules are not read yet"))
        return SourceUnread(FactSource.RUNS, Raw("some runs were not read in time"))

    def _lacks_details(self, counted_since: datetime | None) -> bool:
        """Return whether some finding may soon say more: the run of a token, or the one version that fails."""
        facts = self._session.store.wall_facts
        if facts is not None and facts.tokens is not None and any(each.is_doubtful for each in facts.tokens.tokens):
            return True
        verdict = self._session.store.verdict
        for each in () if verdict is None else verdict.findings:
            if isinstance(each.evidence, ApprovalWaits) and each.run_id is None:
                return True
            is_bare = isinstance(each.evidence, TaskFails) and each.evidence.only_version is None
            if is_bare and (counted_since is None or counted_since > each.since - VERSIONS_BEFORE):
                return True
        return False


# `wall --json`: the present findings, then one JSON object for each change, until the reader or the user goes.


FIRST_WITHIN_S: Final = 8.0
"""The first object is printed within this time, even if not everything was read by then."""


async def stream_findings(output: Output, settings: Settings) -> None:
    """Print objects until canceled. Raises `OutputClosed` once the reader has gone, `Stop` if the server refuses."""
    async with open_session(settings, output) as session:
        watch, stream = FindingsWatch(session), FindingsStream(session)
        await watch.settled(FIRST_WITHIN_S)
        output.json_lines(stream.first(session.store.verdict))
        while True:
            await watch.rest()
            output.check_reader()
            output.json_lines(stream.changes(session.store.verdict))


class FindingsStream:
    """What was printed, and what a new verdict adds to it."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._verdict: Verdict | None = None
        self._said: dict[object, _Said] = {}

    def first(self, verdict: Verdict | None) -> list[dict[str, Any]]:
        """Return the objects of the first verdict: its findings, OK, or NOT KNOWN."""
        self._verdict, now = verdict, self._session.local_now()
        self._said = {} if verdict is None or verdict.word == NOT_KNOWN else _said(verdict, now)
        return words.verdict_objects(verdict, words.FindingState.PRESENT, now)

    def changes(self, verdict: Verdict | None) -> list[dict[str, Any]]:
        """Return one object for each finding that came, changed or went, and one where the verdict got another word, or
        where an OK leaves out other sources, which the key may not read.

        While some source is not read, no finding has gone, and one object says so. After that, all findings are printed
        again, since it is not known which have gone meanwhile.
        """
        if verdict is None:
            return []
        now, last, state = self._session.local_now(), self._verdict or Verdict(self._session.now()), words.FindingState
        self._verdict = verdict
        unread, was_unread = ({each.source for each in which.unread} for which in (verdict, last))
        was_known, lacks_more = last.word != NOT_KNOWN, not unread <= was_unread
        of_verdict = words.verdict_object(verdict, state.NEW, now)
        if verdict.word == NOT_KNOWN:
            return [of_verdict] if was_known or (verdict.is_known and lacks_more) else []
        if not was_known or (was_unread and not unread):
            return self.first(verdict)
        before, present = self._said, _said(verdict, now)
        gone = {} if unread else {identity: said for identity, said in before.items() if identity not in present}
        self._said = before | present if unread else present
        objects = [
            words.finding_object(said.finding, state.CHANGED if identity in before else state.NEW, now, verdict)
            for identity, said in present.items()
            if before.get(identity) != said
        ]
        objects += [words.finding_object(said.finding, state.GONE, now) for said in gone.values()]
        is_other_ok = not self._said and (bool(before) or verdict.refused != last.refused)
        return [*objects, of_verdict] if is_other_ok or lacks_more else objects


class _Said(NamedTuple):
    """A finding, and since when no run of its task ended: its sentence says it later, without a new verdict."""

    finding: Finding
    quiet_since: datetime | None


def _said(verdict: Verdict, now: datetime) -> dict[object, _Said]:
    return {each.identity: _Said(each, words.no_run_since(each, now)) for each in verdict.findings}


# `status`: prints the findings once, for a cron job or a shell prompt.


WITHIN_S: Final = 24.0
"""All of it takes less than 30 s, its start and its end included."""


@session_command("status", relay_options)
async def status(output: Output, settings: Settings, *, as_json: bool) -> None:
    """Print what is wrong, one finding a line, or OK.

    Exit code 0: OK. 4: something is wrong. 3: not known, or no answer. 1: the API refused.
    """
    async with open_session(settings, output) as session:
        watch = FindingsWatch(session)
        is_read = await watch.settled(WITHIN_S) and not watch.has_unasked_schedules
        verdict = session.store.verdict
        if verdict is not None and not is_read and not verdict.unread:
            verdict = replace(verdict, unread=(watch.late_source,))
        now = session.local_now()
        if as_json:
            output.json_lines(words.verdict_objects(verdict, words.FindingState.PRESENT, now))
        else:
            output.lines(words.verdict_lines(verdict, now))
        if verdict is None or not verdict.is_known:
            raise Stop(ExitCode.NO_CONNECTION, watch.failure or "")
        for sentence in words.refusals(verdict):
            output.say(sentence)
        if verdict.word == NOT_KNOWN:
            raise Stop(ExitCode.NO_CONNECTION)
        raise Stop(ExitCode.RUN_FAILED if verdict.findings else ExitCode.OK)


COMMANDS: Final = (status,)
