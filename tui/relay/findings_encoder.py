"""Encodes the verdict and the facts of the wall for the screens that show them, each fact once for all."""

from collections.abc import Callable, Iterator
from datetime import datetime

from tui.domain.findings.facts import NO_FACTS, FactRead
from tui.store.store import Store
from tui.wire.relay.findings_message import FACT_NAMES, RelayFindings, message_of
from tui.wire.relay.messages import encode_relay_message


class FindingsEncoder:
    """Encodes what a screen does not have yet. `now` is the server's time.

    `is_judged` says whether the store's verdict is the present one: while no screen watches, it gets old.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], is_judged: Callable[[], bool]) -> None:
        self._store = store
        self._now = now
        self._is_judged = is_judged
        self._encoded: dict[object, tuple[object, bytes]] = {}

    def messages(self, sent: dict[object, object]) -> Iterator[bytes]:
        """Yield a message for each fact that is not in `sent`, and for the verdict, and record them there."""
        verdict = self._store.verdict
        if verdict is not None and self._is_judged() and sent.get(_VERDICT) is not verdict:
            sent[_VERDICT] = verdict
            yield encode_relay_message(RelayFindings(self._now(), verdict))
        present = self._facts()
        for key, fact in present.items():
            if sent.get(key) is not fact:
                sent[key] = fact
                yield self._encode(key, fact)
        for key in [key for key in sent if key != _VERDICT and key not in present]:
            del sent[key]

    def _facts(self) -> dict[object, FactRead]:
        facts = self._store.wall_facts or NO_FACTS
        found: dict[object, FactRead] = {
            name: fact for name in FACT_NAMES if (fact := getattr(facts, name)) is not None
        }
        found |= {("runs", key): fact for key, fact in facts.schedule_runs.items()}
        found |= {("unread", key): fact for key, fact in facts.unread.items()}
        self._encoded = {key: each for key, each in self._encoded.items() if key in found}
        return found

    def _encode(self, key: object, fact: FactRead) -> bytes:
        known = self._encoded.get(key)
        if known is not None and known[0] is fact:
            return known[1]
        encoded = encode_relay_message(message_of(self._now(), fact))
        self._encoded[key] = fact, encoded
        return encoded


_VERDICT = "verdict"
