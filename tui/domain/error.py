"""Why a run failed: one shape for the five places of the API that tell it.

REST `error`, the exception event of a span, `properties.error` of a span detail, realtime's `error` column and
an old server's `attempts[].error` all end in `RunError`. Stack frames are read in `domain.stack`.
Source: wire/README.md §4, §5, §8.
"""

import re
from dataclasses import dataclass
from typing import Final

from tui.domain.text import Raw

MAX_NAME_CHARS: Final = 1_000
"""Of an error's name, which is that of a class."""

# 'trigger.dev internal error (CODE)' is all that REST says of a crash, a timeout or an uncaught exception.
_REST_INTERNAL = re.compile(r"trigger\.dev internal error \((\w+)\)\Z")
# 'CODE: the real message' is how the root span says it, under the name 'Internal error'.
# Without a message it is the code alone.
_SPAN_INTERNAL = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:: (.*))?\Z", re.DOTALL)
INTERNAL_NAME = "Internal error"


@dataclass(frozen=True, slots=True)
class RunError:
    """What was thrown: `name` is the class, `stack` the text of Node, `code` Trigger.dev's own word for a failure
    outside the task's code (`TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE`), `causes` the chain where a server sends it.

    `has_code_only` says that the true message is elsewhere: REST gives the code only.
    """

    message: Raw
    name: Raw | None = None
    stack: Raw | None = None
    code: str | None = None
    causes: tuple["RunError", ...] = ()
    has_code_only: bool = False

    @property
    def is_internal(self) -> bool:
        """Whether Trigger.dev ended the run, not an exception that the task's promise rejected with."""
        return self.code is not None


def build_error(
    message: str | None, *, name: str | None = None, stack: str | None = None, causes: tuple[RunError, ...] = ()
) -> RunError:
    """Build an error out of the parts that REST, spans and old attempts send, each of which may be absent."""
    text = message or ""
    if name is not None and len(name) > MAX_NAME_CHARS:
        name = name[: MAX_NAME_CHARS - 1] + "…"
    if name is None and (match := _REST_INTERNAL.match(text)):
        return RunError(Raw(text), None, _raw(stack), match[1], causes, has_code_only=True)
    if name == INTERNAL_NAME and (match := _SPAN_INTERNAL.match(text)):
        return RunError(Raw(match[2] or match[1]), Raw(name), _raw(stack), match[1], causes)
    return RunError(Raw(text), _raw(name), _raw(stack), None, causes)


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text)
