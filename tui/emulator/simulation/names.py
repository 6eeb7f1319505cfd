"""Ids as the server makes them: of runs, batches, queues, spans, traces. All follow from the seed.

What lives here: spelling. A run's id is a cuid like the recorded ones (`run_cmwuqwujq00039f7dybhtw9lx`: time, counter,
machine, chance), so that the order of ids is the order of creation.
"""

from hashlib import blake2b

MACHINE = "9f7d"
"""The part of a cuid that tells who made it: one server makes all of them."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int, width: int) -> str:
    """The last `width` digits."""
    digits = []
    for _ in range(width):
        number, rest = divmod(number, 36)
        digits.append(_DIGITS[rest])
    return "".join(reversed(digits))


def cuid(created_ms: int, counter: int, machine: str, chance: int) -> str:
    """25 characters: `c`, eight of the time, four of the counter, four of the machine, eight of chance."""
    return f"c{base36(created_ms, 8)}{base36(counter, 4)}{machine}{base36(chance, 8)}"


def digest(*parts: object, size: int = 8) -> int:
    """A number that follows from the parts, of so many bytes: the same on every machine and in every process."""
    return int.from_bytes(blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).digest(), "big")


def queue_id(seed: int, name: str) -> str:
    """As `queue_78u8gzb6tskpsxd6zbech`."""
    return f"queue_{base36(digest(seed, 'queue', name, size=16), 21)}"


def waitpoint_id(run_seed: int, path: str) -> str:
    """As `waitpoint_cmwwxlgv3066ien7dadgm1ycn`: the token that a run waits for."""
    return f"waitpoint_c{base36(digest(run_seed, 'waitpoint', path, size=16), 24)}"


def span_id(run_seed: int, path: str) -> str:
    """16 hexadecimal digits."""
    return f"{digest(run_seed, 'span', path):016x}"


def trace_id(run_seed: int) -> str:
    """32 hexadecimal digits."""
    return f"{digest(run_seed, 'trace', size=16):032x}"
