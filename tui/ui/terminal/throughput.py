"""Estimates the throughput of a link from samples, and decides whether the link is slow. Pure."""

import math
from collections import deque
from itertools import takewhile
from typing import Final, NamedTuple

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
"""Answers, or blocked writes, that have to agree."""

MIN_SLOW_SPAN_S: Final = 0.3
"""The time between the first and the last of them."""

MIN_SLOW_S: Final = 10.0
"""A slow link stays slow at least this long, because each change repaints the screen."""

UNBLOCKED_S: Final = 60.0
"""A terminal that does not answer is no longer slow after so long without a blocked write."""


class Sample(NamedTuple):
    """The throughput of some bytes, and how long they waited. It is a lower bound if they did not have to wait."""

    at_s: float
    bytes_s: float
    waited_s: float


class Throughput:
    """The bytes a second that one link carries. Infinite for a terminal that neither answers nor blocks."""

    def __init__(self) -> None:
        self.bytes_s = math.inf
        self.is_slow = False
        self.is_measured = False
        """Whether there was a sample."""
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._fast_samples = 0
        """Samples since the last one that had to wait. Large frames may come seldom."""
        self._slow_since_s = -math.inf

    def begin(self) -> None:
        """Expect samples: the terminal answers."""
        if not self._samples:
            self.bytes_s = min(self.bytes_s, FIRST_BYTES_S)

    def forget(self, *, is_slow: bool | None = None) -> None:
        """Drop the samples; the estimate stays until the next one. `is_slow` is what the link counts as now."""
        self._samples.clear()
        self.is_slow = self.is_slow if is_slow is None else is_slow

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

    def expire(self, now_s: float) -> bool:
        """Forget the samples of a terminal that does not answer: nothing would correct them. False: they are new."""
        unblocked_s = now_s - self._samples[-1].at_s if self._samples else math.inf
        if unblocked_s > UNBLOCKED_S:
            self.is_slow = False
        if unblocked_s <= SAMPLE_KEPT_S:
            return False
        self.bytes_s = math.inf
        return True

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
