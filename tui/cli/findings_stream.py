"""`wall --json`: the present findings, then one JSON object for each change, until the reader or the user goes."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tui.cli.findings import FindingsWatch
from tui.cli.sessions import open_session
from tui.output import Output
from tui.session import Session
from tui.settings import Settings

if TYPE_CHECKING:
    from tui.domain.findings.facts import FactSource
    from tui.domain.findings.finding import Finding, Verdict

FIRST_WITHIN_S: Final = 8.0
"""The first object comes within this time, whatever was read until then."""

READER_CHECK_S: Final = 1.0
"""Between two looks whether the reader of stdout is still there, while nothing changes."""


async def stream_findings(output: Output, settings: Settings) -> None:
    """Print objects until canceled. Raises `OutputClosed` once the reader has gone, `Stop` if the server refuses."""
    async with open_session(settings, output) as session:
        watch = FindingsWatch(session)
        try:
            await watch.settled(FIRST_WITHIN_S)
            stream = FindingsStream(session)
            output.json_lines(stream.first(watch.verdict))
            while True:
                await watch.wait_for_change(READER_CHECK_S)
                output.check_reader()
                output.json_lines(stream.changes(watch.verdict))
        finally:
            watch.close()


class FindingsStream:
    """What was printed, and what a new verdict adds to it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._verdict: Verdict | None = None
        self._findings: dict[object, Finding] = {}
        self._quiet: dict[object, datetime | None] = {}
        """Since when no run of a failing task ended: its sentence says it after some time, without a new verdict."""
        self._is_known = False
        self._unread: set[FactSource] = set()

    def first(self, verdict: "Verdict | None") -> list[dict[str, Any]]:
        """Return the objects of the first verdict: its findings, OK, or NOT KNOWN."""
        from tui.domain.findings.finding import NOT_KNOWN
        from tui.present.findings.printed import FindingState, verdict_objects

        self._verdict, self._is_known = verdict, verdict is not None and verdict.word != NOT_KNOWN
        known = verdict.findings if verdict is not None and self._is_known else ()
        self._findings = {each.identity: each for each in known}
        self._quiet = _quiet_since(verdict, self._session.local_now())
        self._unread = set() if verdict is None else {each.source for each in verdict.unread}
        return verdict_objects(verdict, FindingState.PRESENT, self._session.local_now())

    def changes(self, verdict: "Verdict | None") -> list[dict[str, Any]]:
        """Return one object for each finding that came, changed or went, and one where the verdict got another word, or
        where an OK leaves out other sources, which the key may not read.

        While some source is not read, no finding has gone, and one object says so. After that, all findings are printed
        again, since it is not known which have gone meanwhile.
        """
        from tui.domain.findings.finding import NOT_KNOWN
        from tui.present.findings.printed import FindingState, finding_object, verdict_object

        now = self._session.local_now()
        quiet = _quiet_since(verdict, now)
        if verdict is None or (verdict == self._verdict and quiet == self._quiet):
            return []
        was_quiet, self._quiet = self._quiet, quiet
        was_unread, self._unread = self._unread, {each.source for each in verdict.unread}
        if verdict.word == NOT_KNOWN:
            is_new, self._verdict, self._is_known = self._is_known, verdict, False
            is_new |= verdict.is_known and not self._unread <= was_unread
            return [verdict_object(verdict, FindingState.NEW, now)] if is_new else []
        if not self._is_known or (was_unread and not self._unread):
            return self.first(verdict)
        was_refused = () if self._verdict is None else self._verdict.refused
        before, self._verdict = self._findings, verdict
        present: dict[object, Finding] = {each.identity: each for each in verdict.findings}
        gone = {} if self._unread else {identity: each for identity, each in before.items() if identity not in present}
        self._findings = {**before, **present} if self._unread else present
        objects = [
            finding_object(
                each,
                FindingState.NEW if identity not in before else FindingState.CHANGED,
                now,
                verdict,
            )
            for identity, each in present.items()
            if before.get(identity) != each or was_quiet.get(identity) != quiet[identity]
        ]
        objects += [finding_object(each, FindingState.GONE, now) for each in gone.values()]
        is_other_ok = not self._findings and (bool(before) or verdict.refused != was_refused)
        if is_other_ok or not self._unread <= was_unread:
            objects.append(verdict_object(verdict, FindingState.NEW, now))
        return objects


def _quiet_since(verdict: "Verdict | None", now: datetime) -> dict[object, datetime | None]:
    from tui.present.findings.sentences import no_run_since

    return {} if verdict is None else {each.identity: no_run_since(each, now) for each in verdict.findings}
