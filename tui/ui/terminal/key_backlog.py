"""Bounds the keys that wait for the app, so that the app survives a flood of them."""

from typing import Final

MAX_WAITING_KEYS: Final = 2_000
"""The app handles about 500 keys a second. No user types this far ahead: it is a file, or a paste without markers."""

_ESCAPE_KEYS: Final = frozenset({"question_mark", "ctrl+q", "ctrl+c", "escape"})


class KeyBacklog:
    """Counts the keys that the app has not begun to handle. One thread calls `admit`, another one `record_begun`."""

    def __init__(self) -> None:
        self._admitted = 0
        self._begun = 0

    @property
    def waiting(self) -> int:
        """The number of keys that wait."""
        return self._admitted - self._begun

    def admit(self, key: str) -> bool:
        """Return whether the app gets this key. Above the bound it gets only the keys for help, quit and back."""
        waiting = self.waiting
        is_admitted = waiting < MAX_WAITING_KEYS or (key in _ESCAPE_KEYS and waiting < 2 * MAX_WAITING_KEYS)
        self._admitted += is_admitted
        return is_admitted

    def record_begun(self) -> None:
        """Count a key that the app begins to handle."""
        self._begun += 1
