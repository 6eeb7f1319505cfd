"""Measures the CPU time of commands, as a multiple of the time that importing their libraries takes.

Both are measured alternately, and the figure is the ratio of their medians, so that a slow machine does not matter.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.perf.figure import Figure
from tests.support.recording_server import RecordingsApi

ROUNDS = 11
LEAST = ["-c", "import httpx2, pydantic"]


def cpu_s(arguments: list[str], env: dict[str, str]) -> float:
    """Return the user and system seconds of one process."""
    program = subprocess.Popen([sys.executable, *arguments], env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise RuntimeError(f"{arguments} ended with {program.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure() -> Iterator[Figure]:
    """Yield the figures of the command line."""
    with RecordingsApi() as api:
        env = os.environ | {"TRIGGER_SECRET_KEY": "tr_dev_x", "TRIGGER_API_URL": api.url}
        commands = {
            "ls": ["-m", "tui", "ls"],
            "show of a run that failed three times": ["-m", "tui", "show", "run_cmwuqwphl00009f7de45f6e3t"],
            "--help": ["-m", "tui", "--help"],
        }
        least: list[float] = []
        spent: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(ROUNDS + 1):
            least.append(cpu_s(LEAST, env))
            for name, command in commands.items():
                spent[name].append(cpu_s(command, env))
            if number == 0:  # the first round compiles and warms caches
                least.clear()
                for seconds in spent.values():
                    seconds.clear()
        base = statistics.median(least)
        yield Figure("import httpx2, pydantic", base * 1000, "ms CPU")
        for name, seconds in spent.items():
            limit = 2.5 if name == "ls" else None
            yield Figure(f"{name}, times the CPU of that import", statistics.median(seconds) / base, "x", limit)
