"""What screens ask: answered by the API, word for word, within bounds for each screen and for all together.

What lives here: the bounds, and the answers of the relay's own where the API gives none. Identical questions of several
screens are one request.
"""

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from tui.config import Secret
from tui.sources.budget import Budget, Priority, Refill
from tui.sources.clock import Clock
from tui.sources.relay.handshake import LARGEST_MESSAGE
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError, RateLimited, Refused
from tui.wire.read_requests import EventsRequest, QueryRequest, ReadRequest, RunRequest, SpanRequest, TraceRequest
from tui.wire.relay.messages import encode_response
from tui.wire.responses import Response

AT_ONCE: Final = 8
"""Questions of one screen that may be open: a detail, its trace and its root span are three."""

MOST_CALLS: Final = 30
CALLS_PERIOD_S: Final = 10.0
"""Of one screen: more than a person reads, whatever keys are held."""

SCREENS_SHARE: Final = 2 / 5
"""Of the requests that the relay may send: two hundred screens that look at runs must not stop the list."""

ANSWER_WITHIN_S: Final = 30.0
"""After that nobody waits any more."""

LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""Bytes of one answer; a trace of 5,000 spans is 5 MB, events of 25,000 rows are 8 MB."""

LARGEST_WRITTEN: Final = LARGEST_MESSAGE - 1024
"""The same as it is sent, with its number: what is no text, as no API but something before it answers, grows sixfold,
and a message that is too large ends the connection of the screen, which would ask again.
"""

MOST_LEAVING: Final = 8 * LARGEST_ANSWER
"""Bytes of answers that may be on their way at once: screens that ask for much and read nothing hold what they asked
for until they are given up.
"""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_JSON: Final = {"content-type": "application/json"}


class RequestProxy:
    """Asks the API for all screens."""

    def __init__(self, reads: RunFetcher, clock: Clock, key: Secret) -> None:
        """`key` is cut out of answers: a server in trouble may echo it."""
        whole = reads.budget.refill
        self._reads = reads
        self._key = key.reveal().encode()
        self._budget = Budget(clock, Refill(int(whole.requests * SCREENS_SHARE), whole.period_s))
        self._leaving: Counter[int] = Counter()
        self.leaving_bytes = 0

    @asynccontextmanager
    async def answered(self, question: ReadRequest) -> AsyncIterator[bytes]:
        """What to send, while the block sends it: the answer, or that there is no room for it."""
        answer = await self.answer(question)
        # Many screens may be sent the same bytes, which are there once.
        which, size = id(answer), len(answer)
        if not self._leaving[which] and self.leaving_bytes + size > MOST_LEAVING:
            answer = self.own(503, "the relay has too many answers to send; ask again")
            which, size = id(answer), len(answer)
        self.leaving_bytes += 0 if self._leaving[which] else size
        self._leaving[which] += 1
        try:
            yield answer
        finally:
            self._leaving[which] -= 1
            if not self._leaving[which]:
                del self._leaving[which]
                self.leaving_bytes -= size

    async def answer(self, question: ReadRequest) -> bytes:
        """An answer, always: where the API gives none, it says why. It is written once for all who ask it now."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._budget.request(question, Priority.SELECTED, lambda: self._written(question))
        except TimeoutError:
            return self.own(504, f"the relay got no answer in {ANSWER_WITHIN_S:.0f} s")
        except RateLimited as error:
            return self.own(429, str(error), error.resets_in)
        except Refused as error:
            return self.own(error.status, str(error))
        except ApiError as error:
            return self.own(502, f"the relay got no answer: {error}")

    async def _written(self, question: ReadRequest) -> bytes:
        if not _is_plain(question):
            return self.own(404, "no run is called so")
        answer = await self._reads.fetch_response(question, Priority.SELECTED)
        if len(answer.body) <= LARGEST_ANSWER:
            if self._key:
                answer = replace(answer, body=answer.body.replace(self._key, b"..."))
            written = encode_response(answer)
            if len(written) <= LARGEST_WRITTEN:
                return written
        return self.own(502, f"an answer of more than {LARGEST_ANSWER:,} bytes, which the relay does not pass on")

    def own(self, status: int, words: str, resets_in: timedelta | None = None) -> bytes:
        """An answer of the relay itself."""
        said: dict[str, str | float] = {"error": words}
        if resets_in is not None:
            said["secondsUntilReset"] = max(0.1, round(resets_in.total_seconds(), 3))
        return encode_response(Response("the relay", status, _JSON, json.dumps(said).encode(), self._reads.now()))


def _is_plain(question: ReadRequest) -> bool:
    """Whether its ids stay one part of an address whatever a proxy before the API makes of `%2F`: the key may read
    more than runs.
    """
    match question:
        case RunRequest(run_id) | TraceRequest(run_id) | EventsRequest(run_id):
            return bool(_ID.match(run_id))
        case SpanRequest(run_id, span_id):
            return bool(_ID.match(run_id) and _ID.match(span_id))
        case QueryRequest():
            return True
        case _:
            assert_never(question)


class Allowance:
    """How much one screen may still ask."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked_s: deque[float] = deque()
        self._open = 0

    def take(self) -> timedelta | None:
        """Begin a call: None if it may go, else the time after which to ask again."""
        now_s = self._clock.monotonic_s()
        while self._asked_s and self._asked_s[0] <= now_s - CALLS_PERIOD_S:
            self._asked_s.popleft()
        if len(self._asked_s) >= MOST_CALLS:
            return timedelta(seconds=self._asked_s[0] + CALLS_PERIOD_S - now_s)
        if self._open >= AT_ONCE:
            return timedelta(seconds=1)
        self._asked_s.append(now_s)
        self._open += 1
        return None

    def give_back(self) -> None:
        """A call was answered."""
        self._open -= 1
