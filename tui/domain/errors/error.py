"""`RunError`: why a run failed. The API returns errors in five places, each in another form; all become a `RunError`.

The five are REST's `error`, the exception event of a span, `properties.error` of a span detail, the `error` column of
the realtime feed, and `attempts[].error` of old servers. `domain.errors.stack` parses the stack trace.
Source: tests/wire/recordings/README.md §4, §5, §8.
"""

import re
from typing import Final

from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

MAX_NAME_CHARS: Final = 1_000
"""An error's name is a class name. A longer one is cut."""

# REST returns only 'trigger.dev internal error (CODE)' for a crash, a timeout or an uncaught exception.
_REST_INTERNAL = re.compile(r"trigger\.dev internal error \((\w+)\)\Z")
# The root span names the same error 'Internal error', and its message is 'CODE: the real message' or the code alone.
_SPAN_INTERNAL = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:: (.*))?\Z", re.DOTALL)
INTERNAL_NAME = "Internal error"


@dataclass(frozen=True, slots=True)
class RunError:
    """The error of a run or of an attempt.

    * `name`: the class of the exception.
    * `stack`: the stack trace as Node prints it.
    * `code`: set for a failure outside the task's code, such as `TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE`.
    * `causes`: the chain of causes, if the server sends one.
    * `has_code_only`: the message contains only the code, because REST does not return the real message.
    """

    message: Raw
    name: Raw | None = None
    stack: Raw | None = None
    code: str | None = None
    causes: tuple["RunError", ...] = ()
    has_code_only: bool = False

    @property
    def is_internal(self) -> bool:
        """Whether Trigger.dev ended the run, rather than an exception in the task's code."""
        return self.code is not None


def build_error(
    message: str | None, *, name: str | None = None, stack: str | None = None, causes: tuple[RunError, ...] = ()
) -> RunError:
    """Build an error from its parts, each of which the server may leave out. `message` may contain the code."""
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
