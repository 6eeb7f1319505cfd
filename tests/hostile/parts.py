"""Splits the cases of a mode into parts, so that every core is busy until the end."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from random import Random
from zlib import crc32

from tests.hostile.cases import Case, Result
from tests.hostile.modes import MODES

MAX_PART_S = 1_200.0
"""A part that takes longer hangs: all of them together take a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` parts of a mode's cases."""

    mode: str
    seed: int
    is_short: bool
    index: int = 0
    count: int = 1


def cases_of(part: Part) -> list[Case]:
    """Return the cases of a part. Cases with the same poison stay together, since they share a session."""
    mode = next(mode for mode in MODES if mode.name == part.mode)
    cases = mode.cases(Random(f"{part.seed} {part.mode}"), is_short=part.is_short)
    return [case for case in cases if crc32(case.what.encode()) % part.count == part.index]


def run_part(part: Part, max_s: float = MAX_PART_S) -> list[Result]:
    """Run a part in a process of its own. If it hangs, or ends early, the cases without a result have failed."""
    # A fresh interpreter, since a fork would copy the locks of running threads.
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(part, there))
    process.start()
    there.close()
    results, trouble = list[Result](), f"its part hung, and was ended after {max_s:.0f} s"
    ends_s = time.monotonic() + max_s
    try:
        while here.poll(max(0.0, ends_s - time.monotonic())):
            if (result := here.recv()) is None:
                return results
            results.append(result)
    except EOFError:
        trouble = "its part ended without a result"
    finally:
        process.kill()
        with suppress(ProcessLookupError):
            os.killpg(process.ident or 0, signal.SIGKILL)
        process.join()
        here.close()
    known = {result.case for result in results}
    return results + [Result(case, trouble, is_reached=False) for case in cases_of(part) if case not in known]


def _run(part: Part, results: Connection) -> None:
    os.setpgid(0, 0)  # what it starts ends with it
    mode = next(mode for mode in MODES if mode.name == part.mode)
    for result in mode.run(cases_of(part)):
        results.send(result)
    results.send(None)  # some cases follow from what a session asks, so another process may count other ones
