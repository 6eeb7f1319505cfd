"""`wall --json`: the present findings, then one JSON object for each change, until the reader or the user goes."""

from typing import TYPE_CHECKING, Any, Final

from tui.cli.findings import FindingsWatch
from tui.cli.sessions import open_session
from tui.output import Output
from tui.session import Session
from tui.settings import Settings

if TYPE_CHECKING:
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
        self._is_known = False

    def first(self, verdict: "Verdict | None") -> list[dict[str, Any]]:
        """Return the objects of the first verdict: its findings, OK, or NOT KNOWN."""
        from tui.present.findings.printed import FindingState, verdict_objects

        self._verdict, self._is_known = verdict, verdict is not None and verdict.is_known
        known = verdict.findings if verdict is not None and verdict.is_known else ()
        self._findings = {each.identity: each for each in known}
        return verdict_objects(verdict, FindingState.PRESENT, self._session.local_now())

    def changes(self, verdict: "Verdict | None") -> list[dict[str, Any]]:
        """Return one object for each finding that came, changed or went, and one where the verdict got another word.

        After NOT KNOWN, all findings are printed again, since it is not known which have gone meanwhile.
        """
        from tui.present.findings.printed import FindingState, finding_object, verdict_object

        if verdict is None or verdict == self._verdict:
            return []
        now = self._session.local_now()
        if not verdict.is_known:
            was_known, self._verdict, self._is_known = self._is_known, verdict, False
            return [verdict_object(verdict, FindingState.NEW, now)] if was_known else []
        if not self._is_known:
            return self.first(verdict)
        before, self._verdict = self._findings, verdict
        self._findings = {each.identity: each for each in verdict.findings}
        objects = [
            finding_object(each, FindingState.NEW if identity not in before else FindingState.CHANGED, now)
            for identity, each in self._findings.items()
            if before.get(identity) != each
        ]
        objects += [
            finding_object(each, FindingState.GONE, now)
            for identity, each in before.items()
            if identity not in self._findings
        ]
        if before and not self._findings:
            objects.append(verdict_object(verdict, FindingState.NEW, now))
        return objects
