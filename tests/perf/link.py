"""A slow link between a program and its terminal, as SSH over a far or narrow network: a delay and a bandwidth.

The program waits when the link is full, as with SSH: what it may write ahead is the buffer of its pty.
"""

import heapq
import os
import select
import socket
import threading
import time
from contextlib import suppress
from itertools import count
from typing import Final, Self

CHUNK_S: Final = 0.02
"""The link carries pieces of this duration."""

MIN_CHUNK_BYTES: Final = 64
MAX_CHUNK_BYTES: Final = 4096


class Link:
    """Carries bytes between `far`, the terminal's end of a pty, and `near`, a descriptor for who plays the terminal.

    `round_trip_s` is split into equal delays in both directions. `bits_per_s` bounds what the program writes.
    """

    def __init__(self, round_trip_s: float = 0.0, bits_per_s: float = 0.0) -> None:
        self.change(round_trip_s, bits_per_s)
        self._near, self._inner = socket.socketpair()
        self._far = -1
        self._due: list[tuple[float, int, bool, bytes]] = []
        self._last_s = {True: 0.0, False: 0.0}
        """When the last piece of each direction is due: later ones never overtake it."""
        self._order = count()
        self._thread = threading.Thread(target=self._carry, name="slow link", daemon=True)

    @property
    def near(self) -> int:
        """The descriptor to read and write instead of `far`."""
        return self._near.fileno()

    def change(self, round_trip_s: float = 0.0, bits_per_s: float = 0.0) -> None:
        """Make the link faster or slower from now on."""
        self.round_trip_s = round_trip_s
        self._one_way_s = round_trip_s / 2
        self._bytes_per_s = bits_per_s / 8

    def start(self, far: int) -> Self:
        """Carry bytes until one of the ends is closed."""
        self._far = far
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop. Does not close `far`."""
        self._near.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._near.close()
        self._inner.close()

    def _carry(self) -> None:
        free_s = 0.0
        is_open = True
        with suppress(OSError):  # an end was closed
            while is_open or self._due:
                now_s = time.monotonic()
                self._deliver(now_s)
                is_free = is_open and free_s <= now_s
                waits = [moment - now_s for moment in (self._next_s(), None if is_free else free_s) if moment]
                inner = self._inner.fileno()
                ready, _, _ = select.select(
                    [inner, self._far] if is_free else [inner], [], [], max(0.0, min(waits, default=1.0))
                )
                if inner in ready:
                    keys = self._inner.recv(MAX_CHUNK_BYTES)
                    if not keys:
                        return
                    self._put(time.monotonic() + self._one_way_s, keys, is_key=True)
                if self._far in ready:
                    output = self._output()
                    is_open = bool(output)
                    sent_s = max(time.monotonic(), free_s)
                    free_s = sent_s + (len(output) / self._bytes_per_s if self._bytes_per_s else 0.0)
                    self._put(free_s + self._one_way_s, output, is_key=False)
        self._inner.close()

    def _output(self) -> bytes:
        size = MAX_CHUNK_BYTES
        if self._bytes_per_s:
            size = max(MIN_CHUNK_BYTES, min(size, int(self._bytes_per_s * CHUNK_S)))
        with suppress(OSError):  # Linux reports a closed other end this way
            return os.read(self._far, size)
        return b""

    def _put(self, moment_s: float, content: bytes, *, is_key: bool) -> None:
        self._last_s[is_key] = moment_s = max(moment_s, self._last_s[is_key])
        heapq.heappush(self._due, (moment_s, next(self._order), is_key, content))

    def _next_s(self) -> float | None:
        return self._due[0][0] if self._due else None

    def _deliver(self, now_s: float) -> None:
        while self._due and self._due[0][0] <= now_s:
            _, _, is_key, content = heapq.heappop(self._due)
            if is_key:
                os.write(self._far, content)
            elif content:
                self._inner.sendall(content)
            else:
                self._inner.shutdown(socket.SHUT_WR)
