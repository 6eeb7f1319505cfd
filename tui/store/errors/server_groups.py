"""`ServerGroups`: which groups of the server each group of ours holds."""

from collections.abc import Collection, Iterable
from typing import Final

from tui.domain.errors.error import RunError
from tui.domain.errors.kinds import ErrorKind
from tui.domain.errors.messages.likeness import identity_of
from tui.domain.errors.messages.normalise import normalise
from tui.domain.errors.server_group import ServerErrorGroup
from tui.domain.ids import TaskId
from tui.domain.text import Raw

MAX_SERVER_MESSAGE_CHARS: Final = 500
"""The server cuts the message of a group. Source: tests/wire/recordings/README.md §11 (recording 1030)."""

MAX_COMPARED_ERRORS: Final = 20
"""So many long messages of one group of ours are cut like the server's. Normalising one takes 0.1 ms."""


class ServerGroups:
    """The server's groups by task, and by message or type."""

    def __init__(self) -> None:
        self._by_message: dict[tuple[TaskId, Raw], list[ServerErrorGroup]] = {}
        self._by_type: dict[tuple[TaskId, Raw | None], list[ServerErrorGroup]] = {}
        self._identities: dict[Raw, Raw] = {}

    def add(self, group: ServerErrorGroup, before: "ServerGroups") -> None:
        """Add a group. Messages that an earlier answer had too are not normalised again."""
        message = group.message
        identity = before._identities.get(message) or identity_of(normalise(message))  # noqa: SLF001  the same class
        self._identities[message] = identity
        self._by_message.setdefault((group.task, identity), []).append(group)
        self._by_type.setdefault((group.task, group.type), []).append(group)

    def of(
        self, kind: ErrorKind, tasks: Collection[TaskId], errors: Iterable[RunError]
    ) -> tuple[ServerErrorGroup, ...]:
        """Return the groups of a kind that failed in these tasks. `errors` are the newest errors of the kind.

        REST has only the code of a crash, where the server's group has the text: the code decides the group.
        """
        if not self._by_message:
            return ()
        messages = {identity_of(kind.message): None}
        is_code_only = False
        for error in errors:
            is_code_only = is_code_only or error.has_code_only
            if len(error.message) > MAX_SERVER_MESSAGE_CHARS and len(messages) <= MAX_COMPARED_ERRORS:
                messages[identity_of(normalise(Raw(error.message[:MAX_SERVER_MESSAGE_CHARS])))] = None
        if is_code_only:
            return tuple(group for task in tasks for group in self._by_type.get((task, kind.type), ()))
        theirs = (group for task in tasks for text in messages for group in self._by_message.get((task, text), ()))
        return tuple(group for group in theirs if kind.type is None or group.type in {None, kind.type})
