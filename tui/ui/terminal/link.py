"""Estimates how much of what was written has reached the terminal, and whether its link is slow.

On Linux the kernel does not say how much a pty still holds, and nothing says what an SSH connection holds. So a status
query is sent behind some frames. Its answer says when the frame had arrived. That gives the least answer time and,
where an answer took longer, the throughput. Between the answers both predict when a frame arrives. Pure: every time is
a parameter.
"""

import math
from collections import deque
from itertools import dropwhile
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.ui.terminal.overdue import OverdueAnswer
from tui.ui.terminal.throughput import Throughput

PROBE_BYTES: Final = 512
"""A status query (4 bytes) goes out behind so many bytes: it costs less than one percent, and nothing while idle."""

MAX_OPEN_PROBES: Final = 3
"""Status queries that wait for their answers."""

MIN_JITTER_S: Final = 0.01
JITTER_SHARE: Final = 0.1
"""An answer later than the earliest by less than this, or by less than this share of it, may just be jitter."""

MIN_SLACK_S: Final = 0.1
SLACK_SHARE: Final = 0.5
"""An answer this much later than predicted, or by this share of the least answer time, is overdue."""

SILENT_AFTER_S: Final = 25.0
"""After an answer is overdue for so long although keys come, the terminal is taken not to answer any more."""

MIN_ANSWERS: Final = 2
"""Answers from which on the least answer time counts as that of the link."""

SHORTER_SHARE: Final = 0.9
"""An answer this much faster than the earlier ones shows that those had to wait."""

LEAST_KEPT_S: Final = 30.0
"""The least answer time is measured again after so long, because links change: by a query on an empty link.

Other answers cannot show that it has grown. They wait behind frames, the more so the longer it is taken for.
"""

MAX_UNANSWERED: Final = 64
"""Frames that are remembered until they have arrived."""

MAX_UNANSWERED_BYTES: Final = 16 * 1024
"""With more on its way, an answer is awaited whatever is predicted: the link may have become slow meanwhile."""

PREDICTED_SHARE: Final = 0.9
"""Frames are predicted to arrive at this share of the throughput, so that none queue up behind a small mistake."""

MAX_PREDICTED_S: Final = 10.0
"""No frame is predicted to take longer: a wrong estimate would hold the next one back for minutes."""

UNKNOWN_BYTES_S: Final = 8_000.0
"""The throughput of a terminal that may still give its first answer: 64 kbit/s."""

FIRST_ANSWER_S: Final = 3.0
"""After so long without one, the terminal probably never answers."""

NEAR_POLL_S: Final = 0.02
"""How often the kernel is asked again whether it still holds bytes."""


@dataclass(slots=True)
class _SentFrame:
    at_s: float
    size_bytes: int
    arrives_s: float
    is_probed: bool


class LinkMeter:
    """Estimates delay and throughput of the link to one terminal."""

    def __init__(self) -> None:
        self.unsent_bytes = 0
        """Bytes that this machine is known to hold still."""
        self._throughput = Throughput()
        self._sent: deque[_SentFrame] = deque(maxlen=MAX_UNANSWERED)
        self._unprobed_bytes = 0
        self._has_answered = False
        self._answers = 0
        self._least_s = self._least_until_s = math.inf
        self._least_asked_s = math.inf
        self._settled_s = self._pressed_s = -math.inf
        self._first_sent_s: float | None = None
        self._overdue = OverdueAnswer()
        self._queue_s = 0.0

    @property
    def bytes_s(self) -> float:
        """The throughput in bytes a second; infinite for a terminal that neither answers nor blocks."""
        return self._throughput.bytes_s

    @property
    def is_slow(self) -> bool:
        """Whether the link was measured as slow."""
        return self._throughput.is_slow

    @property
    def is_late(self) -> bool:
        """Whether the last answer was late: the link is slow, or it was the answer to a later query."""
        return self._queue_s >= self._jitter_s

    def wants_probe(self, size_bytes: int) -> bool:
        """Whether a status query should follow a frame of this size: a large one, or one that may take long."""
        size_bytes += self._unprobed_bytes
        if self._has_open_probe:
            return size_bytes >= PROBE_BYTES and sum(sent.is_probed for sent in self._sent) < MAX_OPEN_PROBES
        return size_bytes >= PROBE_BYTES or size_bytes / self.bytes_s >= MIN_SLACK_S

    def wants_least(self, now_s: float) -> bool:
        """Whether a status query should go in front of the next frame, to measure the least answer time again."""
        return now_s >= self._least_until_s and all(
            not each.is_probed and each.arrives_s <= now_s for each in self._sent
        )

    def record_least_asked(self, now_s: float) -> None:
        """Record that such a query was sent."""
        self._least_asked_s = now_s

    def record_key(self, now_s: float) -> None:
        """Record a key that was read."""
        self._pressed_s = now_s

    def record_sent(self, now_s: float, size_bytes: int, *, is_probed: bool) -> None:
        """Record a text that was written."""
        if not self._has_answered and self._throughput.expire(now_s):
            self._queue_s = 0.0
        self._overdue.record_sent(self.overdue_s(now_s))
        if self._first_sent_s is None:
            self._first_sent_s = now_s
        takes_s = size_bytes / UNKNOWN_BYTES_S if self._is_new(now_s) else self._takes_s(size_bytes)
        begins_s = max(now_s, self._sent[-1].arrives_s if self._sent else now_s)
        arrives_s = min(begins_s + takes_s, now_s + MAX_PREDICTED_S)
        self._sent.append(_SentFrame(now_s, size_bytes, arrives_s, is_probed))
        self._unprobed_bytes = 0 if is_probed else self._unprobed_bytes + size_bytes

    def record_answer(self, now_s: float, asked_s: float) -> None:
        """Record the answer to a query: everything that was sent before it has arrived."""
        self._overdue.end()
        self._throughput.begin()
        self._has_answered = True
        self._answers += 1
        is_least = asked_s >= self._least_asked_s
        self._record_least(now_s, now_s - asked_s, is_least=is_least)
        if is_least:
            self._least_asked_s = math.inf
            return  # nothing was on its way
        arrived_s = now_s - self._least_s
        arrived = self._take_sent_by(asked_s)
        if arrived:
            self._queue_s = max(0.0, arrived_s - asked_s)
            self._sample(now_s, arrived_s, arrived)
        self._settled_s = arrived_s
        self._predict(arrived_s)
        self._throughput.judge(now_s, self._least_s if self._answers >= MIN_ANSWERS else math.inf)

    def record_blocked(self, now_s: float, size_bytes: int, seconds: float) -> None:
        """Record that the terminal accepted so many bytes only after a time."""
        self._queue_s = seconds
        self._throughput.record_waited(now_s, size_bytes / max(seconds, MIN_JITTER_S), seconds)
        self._throughput.judge(now_s, self._least_s)

    def forget(self) -> None:
        """Forget the frames in flight: the terminal was restored, or another program used it."""
        self._sent.clear()
        self._least_asked_s = math.inf
        self._unprobed_bytes = self.unsent_bytes = 0
        self._overdue.end()

    def wait_s(self, now_s: float, allowed: int) -> float:
        """Return the time until at most `allowed` frames are on their way: none for data, one for the echo of a key."""
        if self.unsent_bytes > allowed * (self._sent[-1].size_bytes if self._sent else 0):
            return NEAR_POLL_S
        if (overdue_s := self.overdue_s(now_s)) > 0:
            return self._blind_wait_s(overdue_s, allowed)
        if len(self._sent) <= allowed:
            return 0.0
        if not allowed and now_s >= self._least_until_s and self._has_open_probe:
            return max(0.0, self._overdue_at_s - now_s)  # until the link is empty
        is_known = self._throughput.is_measured and sum(each.size_bytes for each in self._sent) <= MAX_UNANSWERED_BYTES
        if self._has_answered and not is_known and self._has_open_probe:
            return max(0.0, self._overdue_at_s - now_s)
        return max(0.0, self._sent[-allowed - 1].arrives_s - now_s)

    def _blind_wait_s(self, overdue_s: float, allowed: int) -> float:
        """The same while an answer is overdue: the terminal gets few frames, by time."""
        unanswered = [*dropwhile(lambda sent: not sent.is_probed, self._sent)]
        if len(unanswered) <= allowed:
            return 0.0
        return self._overdue.frame_wait_s(overdue_s, is_echo=allowed > 0)

    def lag_s(self, now_s: float) -> float:
        """How far the terminal is behind: by its last answer, or by one that is overdue, or by the first one."""
        unanswered_s = now_s - self._first_sent_s if self._first_sent_s is not None and self._is_new(now_s) else 0.0
        return max(self._queue_s, self.overdue_s(now_s), unanswered_s)

    def overdue_s(self, now_s: float) -> float:
        """How long the answer to the oldest query is overdue; 0 if it is not, or if the terminal does not answer."""
        return max(0.0, now_s - self._overdue_at_s) if self._has_answered else 0.0

    def repeat_wait_s(self, now_s: float) -> float:
        """Return the time until an overdue query should be repeated. Infinite: nothing is overdue."""
        overdue_s = self.overdue_s(now_s)
        return self._overdue.repeat_wait_s(overdue_s) if overdue_s else math.inf

    def record_repeat(self, now_s: float) -> bool:
        """Record that a repetition is due. Return False if the answer is not awaited any longer instead."""
        overdue_s = self.overdue_s(now_s)
        self._overdue.record_repeat(overdue_s)
        # If keys come, the link is not dead: the terminal does not answer any more. Otherwise it has probably stopped.
        if overdue_s < SILENT_AFTER_S or self._pressed_s < now_s - overdue_s:
            return True
        self._has_answered = False
        self.forget()
        return False

    @property
    def _overdue_at_s(self) -> float:
        """When the answer to the oldest query is overdue; infinite without one."""
        probed = next((sent for sent in self._sent if sent.is_probed), None)
        if probed is None:
            return math.inf
        slack_s = max(MIN_SLACK_S, SLACK_SHARE * self._least_s)
        return max(probed.arrives_s, probed.at_s) + self._least_s + slack_s

    def _is_new(self, now_s: float) -> bool:
        """Whether the terminal may still give its first answer."""
        return not self._has_answered and now_s < (self._first_sent_s or now_s) + FIRST_ANSWER_S

    @property
    def _jitter_s(self) -> float:
        return max(MIN_JITTER_S, JITTER_SHARE * self._least_s)

    @property
    def _has_open_probe(self) -> bool:
        return any(sent.is_probed for sent in self._sent)

    def _record_least(self, now_s: float, round_trip_s: float, *, is_least: bool) -> None:
        if round_trip_s < SHORTER_SHARE * self._least_s:
            self._throughput.forget()  # the samples so far were taken for faster than they were
        elif is_least and SHORTER_SHARE * round_trip_s > self._least_s:
            self._throughput.forget(is_slow=False)  # they were taken for slower
        if is_least or self._answers == 1:
            self._least_until_s = now_s + LEAST_KEPT_S
        self._least_s = round_trip_s if is_least else min(self._least_s, round_trip_s)

    def _take_sent_by(self, asked_s: float) -> list[_SentFrame]:
        """Remove the frames that were sent before a query."""
        arrived = []
        while self._sent and self._sent[0].at_s <= asked_s:
            arrived.append(self._sent.popleft())
        return arrived

    def _sample(self, now_s: float, arrived_s: float, arrived: list[_SentFrame]) -> None:
        """Add a sample. All bytes from any frame on had arrived by then, so each stretch is a lower bound."""
        size_bytes, least_bytes_s, is_large = 0, 0.0, False
        for sent in reversed(arrived):
            size_bytes += sent.size_bytes
            took_s = max(self._jitter_s, arrived_s - max(sent.at_s, self._settled_s))
            if size_bytes / took_s > least_bytes_s:
                least_bytes_s, is_large = size_bytes / took_s, size_bytes >= PROBE_BYTES
        if is_large and self.is_late:
            self._throughput.record_waited(now_s, least_bytes_s, self._queue_s)
        else:
            self._throughput.record_free(now_s, least_bytes_s, is_large=is_large)

    def _takes_s(self, size_bytes: int) -> float:
        return size_bytes / (PREDICTED_SHARE * self.bytes_s)

    def _predict(self, free_s: float) -> None:
        for sent in self._sent:
            arrives_s = max(free_s, sent.at_s) + self._takes_s(sent.size_bytes)
            free_s = sent.arrives_s = min(arrives_s, sent.at_s + MAX_PREDICTED_S)
