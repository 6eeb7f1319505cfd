"""Bounds the keys that wait for the app, so that the app survives a flood of them."""

from typing import Final

MAX_WAITING_KEYS: Final = 2_000
"""The app handles about 500 keys a second. No user types this far ahead: it is a file, or a paste without markers."""

_ESCAPE_KEYS: Final = frozenset({"question_mark", "ctrl+q", "ctrl+c", "escape"})


class KeyBacklog:
    """Counts the keys that the app has not handled yet. One thread calls `admit`, another one `record_handled`."""

    def __init__(self) -> None:
        self._admitted = 0
        self._handled = 0

    def admit(self, key: str) -> bool:
        """Return whether the app gets this key. Above the bound it gets only the keys for help, quit and back."""
        waiting = self._admitted - self._handled
        is_admitted = waiting < MAX_WAITING_KEYS or (key in _ESCAPE_KEYS and waiting < 2 * MAX_WAITING_KEYS)
        self._admitted += is_admitted
        return is_admitted

    def record_handled(self) -> None:
        """Count a key that the app has handled."""
        self._handled += 1
