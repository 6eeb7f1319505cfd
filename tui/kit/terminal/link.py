"""The link to the terminal: its speed, how much has arrived, and when the next frame is sent. Mostly pure."""

import math
from collections import deque
from itertools import dropwhile, takewhile
from typing import Final, NamedTuple

from tui.lazy_dataclass import dataclass

# Estimates the throughput of a link from samples, and decides whether the link is slow. Pure.


MAX_SAMPLES: Final = 8
SAMPLE_KEPT_S: Final = 10.0
"""Throughput is the best of the samples so recent: a single late answer does not lower it, but several do."""

FIRST_BYTES_S: Final = 16_000.0
"""The throughput of a terminal that answers, until a frame was measured. It doubles while nothing has to wait."""

MAX_BYTES_S: Final = 1e9
"""It does not double beyond this."""

SLOW_BYTES_S: Final = 20_000.0
"""Below this throughput, a frame of 2,000 bytes takes a tenth of a second, and the link counts as slow."""

FAST_BYTES_S: Final = 40_000.0
"""Above this throughput, it no longer does."""

SLOW_QUEUE_S: Final = 0.5
"""So long have frames waited altogether before the link is called slow."""

SLOW_ANSWER_S: Final = 1.0
"""A link whose least answer time is so long is slow too."""

MIN_SLOW_SAMPLES: Final = 2
MIN_FAST_SAMPLES: Final = 3
"""Answers that have to agree."""

MIN_SLOW_SPAN_S: Final = 0.3
"""The time between the first and the last of them."""

MIN_SLOW_S: Final = 10.0
"""A slow link stays slow at least this long, because each change repaints the screen."""


class Sample(NamedTuple):
    """The throughput of some bytes, and how long they waited. It is a lower bound if they did not have to wait."""

    at_s: float
    bytes_s: float
    waited_s: float


class Throughput:
    """The bytes a second that one link carries. Infinite for a terminal that does not answer."""

    def __init__(self) -> None:
        self.bytes_s = math.inf
        self.is_slow = False
        self.is_measured = False
        """Whether there was a sample."""
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._fast_samples = 0
        """Samples since the last one that had to wait. Large frames may come seldom."""
        self._slow_since_s = -math.inf

    def record_waited(self, now_s: float, bytes_s: float, waited_s: float) -> None:
        """Record bytes that took a time."""
        self._add(Sample(now_s, bytes_s, waited_s))
        waited = [*takewhile(lambda sample: sample.waited_s, reversed(self._samples))]
        # Several in a row: what was sent before they had to wait was sent over a better link.
        recent = waited if len(waited) >= MIN_SLOW_SAMPLES else self._samples
        self.bytes_s = max(sample.bytes_s for sample in recent)

    def record_free(self, now_s: float, least_bytes_s: float, *, is_large: bool) -> None:
        """Record bytes that did not have to wait, which proves a least throughput."""
        if is_large:
            self._add(Sample(now_s, least_bytes_s, 0.0))
        if is_large and not any(sample.waited_s for sample in self._samples):
            self.bytes_s = min(2 * self.bytes_s, MAX_BYTES_S)
        self.bytes_s = max(self.bytes_s, least_bytes_s)

    def judge(self, now_s: float, least_answer_s: float) -> None:
        """Decide whether the link is slow. Each way needs several samples, so that it does not flap."""
        samples, is_far = self._samples, SLOW_ANSWER_S <= least_answer_s < math.inf
        if self.is_slow:
            is_fast = self._fast_samples >= MIN_FAST_SAMPLES
            self.is_slow = is_far or not is_fast or now_s - self._slow_since_s < MIN_SLOW_S
            return
        has_waited = sum(each.waited_s for each in samples) >= SLOW_QUEUE_S
        best_bytes_s = max((each.bytes_s for each in samples), default=math.inf)
        is_narrow = len(samples) >= MIN_SLOW_SAMPLES and has_waited and best_bytes_s < SLOW_BYTES_S
        # After a terminal had stopped, everything arrives at once: that is not slow, and the next frames show it.
        is_narrow = is_narrow and samples[-1].at_s - samples[0].at_s >= MIN_SLOW_SPAN_S
        if is_narrow or is_far:
            self.is_slow, self._slow_since_s = True, now_s

    def _add(self, sample: Sample) -> None:
        while self._samples and sample.at_s - self._samples[0].at_s > SAMPLE_KEPT_S:
            self._samples.popleft()
        self._samples.append(sample)
        if sample.bytes_s >= FAST_BYTES_S:
            self._fast_samples += 1
        elif sample.waited_s:
            self._fast_samples = 0
        self.is_measured = True


# When an overdue answer is asked for again, and when frames are sent without it. Pure.


REPEAT_AFTER_S: Final = 0.25
"""If an answer is overdue for this long while a frame waits for it, it is requested again, then after twice the time,
and so on.
"""

BLIND_ECHO_S: Final = 0.5
BLIND_DATA_S: Final = 2.0
"""If an answer is overdue for this long, the echo of a key, or a frame of data, is sent without it.

The next one is sent after twice the time, and so on. Answers may be lost, but the link may also have stopped, or be far
slower than expected, and then each frame delays the next ones.
"""

MAX_BLIND_ECHO_INTERVAL_S: Final = 2.0
MAX_OVERDUE_INTERVAL_S: Final = 30.0
"""The longest time between two echoes of that kind, and between two frames of data or two repetitions."""


def _due_after(overdue_s: float, longest_s: float) -> float:
    return min(2 * overdue_s, overdue_s + longest_s)


# Estimates how much of what was written has reached the terminal, and whether its link is slow.
#
# Nothing says what an SSH connection still holds, nor, on Linux, what a pty does. So a
# status query is sent after some frames. Its answer says when the frame had arrived. That gives the least answer time
# and, where an answer took longer, the throughput. Between the answers both predict when a frame arrives. Pure: every
# time is a parameter.


PROBE_BYTES: Final = 512
"""A status query (4 bytes) follows this many bytes: it costs less than one percent, and nothing while idle."""

MAX_OPEN_PROBES: Final = 3
"""Status queries that wait for their answers."""

MIN_JITTER_S: Final = 0.01
JITTER_SHARE: Final = 0.1
"""An answer later than the earliest by less than this, or by less than this share of it, may just be jitter."""

MIN_SLACK_S: Final = 0.1
SLACK_SHARE: Final = 0.5
"""An answer this much later than predicted, or by this share of the least answer time, is overdue."""

SILENT_AFTER_S: Final = 25.0
"""If an answer is overdue for this long although keys arrive, the terminal counts as one that does not answer."""

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
"""If more bytes are unanswered, wait for an answer, even if it is predicted: the link may have become slow
meanwhile.
"""

PREDICTED_SHARE: Final = 0.9
"""Frames are predicted to arrive at this share of the throughput, so that none queue up behind a small mistake."""

MAX_PREDICTED_S: Final = 10.0
"""No frame is predicted to take longer: a wrong estimate would hold the next one back for minutes."""

UNKNOWN_BYTES_S: Final = 8_000.0
"""The throughput of a terminal that may still give its first answer: 64 kbit/s."""

FIRST_ANSWER_S: Final = 3.0
"""After so long without one, the terminal probably never answers."""


@dataclass(slots=True)
class _SentFrame:
    at_s: float
    size_bytes: int
    arrives_s: float
    is_probed: bool


class LinkMeter(Throughput):
    """Estimates delay and throughput of the link to one terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._sent: deque[_SentFrame] = deque(maxlen=MAX_UNANSWERED)
        self._unprobed_bytes = 0
        self._has_answered = False
        self._answers = 0
        self._least_s = self._least_until_s = math.inf
        self._least_asked_s = math.inf
        self._settled_s = self._pressed_s = -math.inf
        self._first_sent_s: float | None = None
        self._queue_s = 0.0
        self._expect_again()

    def _expect_again(self) -> None:
        """No answer is overdue. Both times count from when one was due: of the next repetition, and of the last frame
        that was sent without the answer.
        """
        self._repeat_due_s, self._blind_s = REPEAT_AFTER_S, 0.0

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
        self._blind_s = max(self._blind_s, self.overdue_s(now_s))
        if self._first_sent_s is None:
            self._first_sent_s = now_s
        takes_s = size_bytes / UNKNOWN_BYTES_S if self._is_new(now_s) else self._takes_s(size_bytes)
        begins_s = max(now_s, self._sent[-1].arrives_s if self._sent else now_s)
        self._sent.append(_SentFrame(now_s, size_bytes, min(begins_s + takes_s, now_s + MAX_PREDICTED_S), is_probed))
        self._unprobed_bytes = 0 if is_probed else self._unprobed_bytes + size_bytes

    def record_answer(self, now_s: float, asked_s: float) -> None:
        """Record the answer to a query: everything that was sent before it has arrived."""
        self._expect_again()
        if not self._samples:
            self.bytes_s = min(self.bytes_s, FIRST_BYTES_S)
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
        self.judge(now_s, self._least_s if self._answers >= MIN_ANSWERS else math.inf)

    def forget(self) -> None:
        """Forget the frames in flight: the terminal was restored, or another program used it."""
        self._sent.clear()
        self._least_asked_s = math.inf
        self._unprobed_bytes = 0
        self._expect_again()

    def wait_s(self, now_s: float, allowed: int) -> float:
        """Return the time until at most `allowed` frames are on their way: none for data, one for the echo of a key."""
        if (overdue_s := self.overdue_s(now_s)) > 0:
            return self._blind_wait_s(overdue_s, allowed)
        if len(self._sent) <= allowed:
            return 0.0
        if not allowed and now_s >= self._least_until_s and self._has_open_probe:
            return max(0.0, self._overdue_at_s - now_s)  # until the link is empty
        is_known = self.is_measured and sum(each.size_bytes for each in self._sent) <= MAX_UNANSWERED_BYTES
        if self._has_answered and not is_known and self._has_open_probe:
            return max(0.0, self._overdue_at_s - now_s)
        return max(0.0, self._sent[-allowed - 1].arrives_s - now_s)

    def _blind_wait_s(self, overdue_s: float, allowed: int) -> float:
        """Return how long to wait while an answer is overdue: then few frames are sent, at growing intervals."""
        unanswered = [*dropwhile(lambda sent: not sent.is_probed, self._sent)]
        if len(unanswered) <= allowed:
            return 0.0
        longest_s, least_s = (
            (MAX_BLIND_ECHO_INTERVAL_S, BLIND_ECHO_S) if allowed else (MAX_OVERDUE_INTERVAL_S, BLIND_DATA_S)
        )
        return max(0.0, max(least_s, _due_after(self._blind_s, longest_s)) - overdue_s)

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
        return max(0.0, self._repeat_due_s - overdue_s) if overdue_s else math.inf

    def record_repeat(self, now_s: float) -> bool:
        """Record that a repetition is due. Return False if the answer is not awaited any longer instead."""
        overdue_s = self.overdue_s(now_s)
        self._repeat_due_s = _due_after(overdue_s, MAX_OVERDUE_INTERVAL_S)
        # If keys come, the link is not dead: the terminal does not answer any more. Otherwise it has probably stopped.
        if overdue_s < SILENT_AFTER_S or self._pressed_s < now_s - overdue_s:
            return True
        self._has_answered, self._queue_s = False, 0.0
        self.bytes_s = math.inf  # nothing would correct the estimate
        self.forget()
        return False

    @property
    def _overdue_at_s(self) -> float:
        """When the answer to the oldest query is overdue; infinite without one."""
        probed = next((sent for sent in self._sent if sent.is_probed), None)
        if probed is None:
            return math.inf
        return max(probed.arrives_s, probed.at_s) + self._least_s + max(MIN_SLACK_S, SLACK_SHARE * self._least_s)

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
            self._samples.clear()  # they were taken for faster than they were
        elif is_least and SHORTER_SHARE * round_trip_s > self._least_s:
            self._samples.clear()  # they were taken for slower
            self.is_slow = False
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
            self.record_waited(now_s, least_bytes_s, self._queue_s)
        else:
            self.record_free(now_s, least_bytes_s, is_large=is_large)

    def _takes_s(self, size_bytes: int) -> float:
        return size_bytes / (PREDICTED_SHARE * self.bytes_s)

    def _predict(self, free_s: float) -> None:
        for sent in self._sent:
            arrives_s = max(free_s, sent.at_s) + self._takes_s(sent.size_bytes)
            free_s = sent.arrives_s = min(arrives_s, sent.at_s + MAX_PREDICTED_S)


# Decides when the terminal gets its next frame. Pure: every time is a parameter.
#
# The first change after a quiet time is sent at once, the next one soon, and later ones ten times a second, or less
# often while the terminal is behind. The echo of a key is sent at once if at most one old frame is on its way. Every
# frame is the newest state, so nothing queues.


MIN_INTERVAL_S: Final = 0.1
INTERVALS_S: Final = ((0.5, 0.5), (0.15, 0.25), (0.0, MIN_INTERVAL_S))
"""The time between two frames of data, by the least lag of the terminal: 2, 4 or 10 frames a second."""

QUIET_S: Final = 0.5
"""The frame after this much quiet may be the ages': a change right after it need not wait for a tenth of a second."""

SLOW_FRAMES: Final = 4
"""Frames in any second of the slow-link profile, echoes of keys included."""

SLOW_ECHO_FRAMES: Final = 1
"""How many of these frames are reserved for echoes."""

ECHO_S: Final = 0.15
"""A frame that is drawn this soon after a key was read or handled counts as its echo."""

ECHO_INTERVAL_S: Final = 1 / 60
"""The time between two frames that echo the same key, or of which the first came after quiet."""

LAYOUT_S: Final = 0.3
"""Widgets in new places are painted empty first: a frame waits at most this long until they have settled."""

MAX_OLD_FRAMES: Final = 1
"""Frames on their way to the terminal that the echo of a key may wait behind."""


class FramePacer:
    """The times of the keys and frames of one terminal."""

    def __init__(self) -> None:
        self.is_slow_profile = False
        """Whether the app draws for a slow link: the terminal gets at most `SLOW_FRAMES` frames a second."""
        self._echo_until_s = self._echo_sent_s = self._layout_until_s = -math.inf
        self._is_urgent = self._is_first_echo = False
        self._sent_s: deque[float] = deque([-math.inf] * SLOW_FRAMES, maxlen=SLOW_FRAMES)

    def record_key(self, now_s: float) -> None:
        """Record a key that was read or handled, or another reason to draw at once, such as a new size."""
        self._echo_until_s = now_s + ECHO_S
        self._is_first_echo = True

    def record_layout(self, now_s: float) -> None:
        """Record that widgets are about to get other places."""
        self._layout_until_s = now_s + LAYOUT_S

    def record_settled(self) -> None:
        """Record that widgets are painted in their new places."""
        self._layout_until_s = -math.inf

    def record_drawn(self, now_s: float) -> None:
        """Record that the wanted screen changed."""
        self._is_urgent = self._is_urgent or now_s <= self._echo_until_s

    def record_sent(self, now_s: float) -> None:
        """Record a frame that was sent."""
        if self._is_urgent:
            self._echo_sent_s = now_s
        self._is_urgent = self._is_first_echo = False
        self._sent_s.append(now_s)

    def wait_s(self, now_s: float, link: LinkMeter) -> float:
        """Return the time until the next frame may be sent."""
        if self._is_urgent:
            after_s = -math.inf if self._is_first_echo else self._sent_s[-1] + ECHO_INTERVAL_S
        else:
            lag_s = link.lag_s(now_s)
            interval_s = next(each_s for least_lag_s, each_s in INTERVALS_S if lag_s >= least_lag_s)
            if interval_s == MIN_INTERVAL_S and self._sent_s[-1] - self._sent_s[-2] >= QUIET_S:
                interval_s = ECHO_INTERVAL_S
            after_s = self._sent_s[-1] + interval_s
        after_s = max(after_s, self._layout_until_s)
        if self.is_slow_profile:
            after_s = max(after_s, self._slow_after_s())
        return max(0.0, link.wait_s(now_s, MAX_OLD_FRAMES if self._is_urgent else 0), after_s - now_s)

    def _slow_after_s(self) -> float:
        """Return when the slow-link profile allows the next frame. Echoes come evenly, and data leaves one for them."""
        if self._is_urgent:
            return max(self._sent_s[0] + 1.0, self._echo_sent_s + 1.0 / SLOW_FRAMES)
        return self._sent_s[SLOW_ECHO_FRAMES] + 1.0
