"""Ids and times as the server writes them. The ids of runs, batches, queues, spans and traces follow from the seed.

A run's id is a cuid like the recorded ones (`run_cmwuqwujq00039f7dybhtw9lx`: time, counter, machine, random part), so
ids sort in the order of creation.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

MACHINE = "9f7d"
"""The part of a cuid that names the machine. One server generates all ids."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_TWO, _FOUR, _EIGHT = 36**2, 36**4, 36**8


def base36(number: int, width: int) -> str:
    """The last `width` digits of a number in base 36."""
    pairs = []
    for _ in range(0, width, 2):
        number, rest = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[rest])
    return "".join(reversed(pairs))[-width:]


def cuid(created_ms: int, counter: int, machine: str, chance: int) -> str:
    """25 characters: `c`, eight for the time, four for the counter, four for the machine, eight random ones."""
    return f"c{_eight_digits(created_ms)}{_four_digits(counter % _FOUR)}{machine}{_eight_digits(chance)}"


def _eight_digits(number: int) -> str:
    """The same as `base36(number, 8)` in a third of the time: a history of days has millions of ids."""
    high, low = divmod(number % _EIGHT, _FOUR)
    return _four_digits(high) + _four_digits(low)


def _four_digits(number: int) -> str:
    high, low = divmod(number, _TWO)
    return _PAIRS[high] + _PAIRS[low]


def digest(*parts: object, size: int = 8) -> int:
    """A number of `size` bytes derived from the parts, the same on every machine and in every process."""
    return int.from_bytes(blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).digest(), "big")


def queue_id(seed: int, name: str) -> str:
    """Like `queue_78u8gzb6tskpsxd6zbech`."""
    return f"queue_{base36(digest(seed, 'queue', name, size=16), 21)}"


def waitpoint_id(run_seed: int, path: str) -> str:
    """The id of a token that a run waits for, like `waitpoint_cmwwxlgv3066ien7dadgm1ycn`."""
    return f"waitpoint_c{base36(digest(run_seed, 'waitpoint', path, size=16), 24)}"


def span_id(run_seed: int, path: str) -> str:
    """16 hexadecimal digits."""
    return f"{digest(run_seed, 'span', path):016x}"


def trace_id(run_seed: int) -> str:
    """32 hexadecimal digits."""
    return f"{digest(run_seed, 'trace', size=16):032x}"


MAX_CACHED_TIMES = 4096
"""Size of the cache of formatted times. The rows of one response have times within a few minutes."""


def iso_time(ms: int) -> str:
    """Format epoch milliseconds like `2026-11-24T13:43:52.747Z`."""
    seconds, rest = divmod(ms, 1000)
    return f"{_iso_second(seconds)}.{rest:03d}Z"


@lru_cache(MAX_CACHED_TIMES)
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
