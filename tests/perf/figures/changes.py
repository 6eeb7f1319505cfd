"""The figures of one change: its bytes, and the time from its arrival to the screen."""

import random
import time
from bisect import bisect_left
from typing import Final

from tests.perf.counting_proxy import CountingProxy
from tests.perf.figures.live import delay_one_run
from tests.perf.figures.presses import percentile
from tests.perf.figures.programs import Program, on_emulator
from tests.perf.figures.row import Effort, Reading

MAX_MIDDLE_MS: Final = 10.0
MAX_LATE_MS: Final = 20.0
FEED: Final = "/realtime"


def pushed(effort: Effort) -> Reading:
    """Trigger runs in a quiet fleet. Measure from the last byte of the feed's response to the new row on the screen."""
    noise, late_ms = random.Random(1), []
    with on_emulator("--seed", "0", "--rate", "0", "--history", "200") as monitor:
        program = monitor()
        with CountingProxy(program.env["TRIGGER_API_URL"]) as proxy:
            through = Program(
                program.name, program.command, program.ready, {**program.env, "TRIGGER_API_URL": proxy.url}
            )
            with through.ready_on() as terminal:
                terminal.wait_for("● live")
                terminal.read_for(3.0)
                for _ in range(int(effort.pick(40, 10))):
                    terminal.read_for(noise.uniform(0.6, 1.4))
                    asked_s = time.monotonic()
                    suffix = delay_one_run(program)[-4:]
                    shown_s = terminal.wait_until(lambda suffix=suffix: suffix in terminal.text, "the new run")  # type: ignore[misc]
                    answered_s = sorted(each.answered_s for each in proxy.of(FEED) if each.answered_s > asked_s)
                    if answered_s and bisect_left(answered_s, shown_s):
                        late_ms.append((shown_s - answered_s[0]) * 1000)
    middle, late = percentile(late_ms, 0.5), percentile(late_ms, 0.95)
    is_met = middle <= MAX_MIDDLE_MS and late <= MAX_LATE_MS
    return Reading(f"p50 {middle:.1f}, p95 {late:.1f} ms ({len(late_ms)} changes)", is_met)
