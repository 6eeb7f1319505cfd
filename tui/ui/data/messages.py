"""What went wrong, kept for the page `:messages`: a ring of texts, and who notices what belongs into it.

What lives here: which events are worth a message, in which words. Showing them is the screen's. What becomes of an
action is told by who acts.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, assert_never

from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.source_names import FEEDS, RUN_FEED
from tui.domain.update import Reconciled, SourceConnected, SourceRetrying, SourceStopped
from tui.present import formatting
from tui.present.frame.messages import Message
from tui.present.frame.trouble import advice_on, feed_sentence, without_request
from tui.session import Session
from tui.store.changes import Changes
from tui.store.facts import SourceStatus
from tui.ui.model.selection import Need, Selection

KEPT: Final = 500
"""Messages: more than a person reads, less than days of an unsteady line would pile up."""

ALIKE_WITHIN: Final = 8
"""Messages back: what was said so recently is counted instead of said again."""


class Messages:
    """The last `KEPT` messages, the newest last."""

    def __init__(self) -> None:
        self._ring: deque[Message] = deque(maxlen=KEPT)
        self.number = 0
        """How many times something was added."""

    def __iter__(self) -> Iterator[Message]:
        return iter(self._ring)

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, at: datetime, text: str) -> None:
        """Keep a sentence; the same one again moves to the end, and is counted."""
        self.number += 1
        recent = list(self._ring)[-ALIKE_WITHIN:]
        known = next((each for each in recent if each.text == text), None)
        if known is None:
            self._ring.append(Message(at, text, at))
            return
        self._ring.remove(known)
        self._ring.append(Message(at, text, known.first_at, known.count + 1))


_LOST: Final = {
    Capability.QUERY: ("queries", "Counts are those of the loaded runs, and deep levels of trees may miss."),
    Capability.TRACE: ("traces", "Attempts and stacks are not shown."),
    Capability.QUEUES: ("queues", "They are not shown."),
    Capability.ERRORS: ("error groups", "They are not shown."),
    Capability.BULK: ("bulk actions", "Runs are canceled and replayed one by one."),
    Capability.REALTIME: ("the live feed", "The list is polled."),
    Capability.WRITE: ("actions", "This key may only read."),
}
"""What the server refuses, and what follows."""


class Reporter:
    """Looks at what changed in a session and says what went wrong."""

    def __init__(self, session: Session, messages: Messages) -> None:
        self._session = session
        self._messages = messages
        self._statuses: dict[str, SourceStatus] = {}
        self._trouble_since: dict[str, datetime] = {}
        self._lost: set[Capability] = set()
        self._block: str | None = None
        self._cuts_said = 0
        self._log_trouble: str | None = None
        self._reconciled: Reconciled | None = None
        self._reported_reads: dict[Need[Any], tuple[RunId, str]] = {}

    def on_changes(self, _changes: Changes) -> None:
        """Look at everything that may have something to say; what was said is not said again."""
        session = self._session
        for name, status in session.store.source_statuses.items():
            # That one run is not told of at once is nothing to be told: it is polled like the others.
            if name != RUN_FEED and self._statuses.get(name) != status:
                self._statuses[name] = status
                self._see_source(name, status)
        self._lost &= session.store.lost_capabilities.keys()  # its source says that it is back
        for capability, reason in session.store.lost_capabilities.items():
            if capability not in self._lost:
                self._lost.add(capability)
                what, follows = _LOST[capability]
                said = f"The server refuses {what}: {without_request(reason).removesuffix('.')}. {follows}"
                self._messages.add(session.now(), said)
        if session.interlock.reason != self._block:
            self._block = session.interlock.reason
            if self._block is not None:
                self._messages.add(session.now(), f"Actions are blocked: {self._block}.")
        if session.action_log.trouble != self._log_trouble:
            self._log_trouble = session.action_log.trouble
            if self._log_trouble is not None:
                self._messages.add(session.now(), f"Actions are not logged: {self._log_trouble}.")

        self._see_cuts(session)
        self._see_reconciled(session.store.reconciled)

    def _see_cuts(self, session: Session) -> None:
        for text in list(session.truncations)[self._cuts_said :]:
            self._messages.add(session.now(), f"The server sent too much: {without_request(text)}.")
        self._cuts_said = len(session.truncations)

    def _see_reconciled(self, look: Reconciled | None) -> None:
        """Say what the live feed had missed; what it had not is as it should be."""
        if look is not None and look != self._reconciled and look.missed_count:
            missed = formatting.plural(look.missed_count, "run")
            self._messages.add(look.at, f"The live feed missed changes of {missed}. They were read from the list.")
        self._reconciled = look

    def report_selection(self, selection: Selection) -> None:
        """Report what could not be read of the selected run."""
        run_id = selection.run_id
        if run_id is None:
            return
        for need, state in selection.states.items():
            if state.trouble is None or self._reported_reads.get(need) == (run_id, state.trouble):
                continue
            self._reported_reads[need] = (run_id, state.trouble)
            target = f"{need.name} of {run_id}" if need.name else run_id
            reason = without_request(state.trouble).removesuffix(".")
            self._messages.add(self._session.now(), f"Could not read {target}: {reason}.")

    def _see_source(self, name: str, status: SourceStatus) -> None:
        match status:
            case SourceConnected():
                since = self._trouble_since.pop(name, None)
                if since is not None:
                    what = "The live feed is back" if name in FEEDS else "Connected again"
                    self._messages.add(status.at, f"{what} after {formatting.wait(status.at - since)}.")
            case SourceRetrying() | SourceStopped() if name in FEEDS:
                self._trouble_since.setdefault(name, status.at)
                if Capability.REALTIME not in self._session.store.lost_capabilities:
                    self._messages.add(status.at, feed_sentence(status))
            case SourceRetrying() | SourceStopped():
                self._trouble_since.setdefault(name, status.at)
                settings = self._session.settings
                advice = advice_on(status, settings.api_url, is_relayed=settings.relay_url is not None)
                self._messages.add(status.at, advice.whole)
            case _:
                assert_never(status)
