"""`ErrorKind`: what the failures of one error group have in common: type, normalised message and first own frame."""

from hashlib import blake2b
from typing import Final, NewType

from tui.domain.errors.error import RunError
from tui.domain.errors.message import normalise
from tui.domain.errors.stack import FrameKind, parse_stack
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

Fingerprint = NewType("Fingerprint", str)
"""Identifies an `ErrorKind`: 16 hexadecimal digits. It is ours, and never equals a fingerprint of the server."""

_FINGERPRINT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class OwnFrame:
    """The place in the project's code where an error was thrown: neither the line nor the folder of the build.

    `file` begins at the project: `src/lib/mapping.ts`. `function` is None for an unnamed function.
    """

    file: Raw
    function: Raw | None


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """The kind of an error. Two errors are of one kind if their fingerprints are equal.

    * `type`: the class of the exception, or Trigger.dev's code; None for a thrown string.
    * `message`: normalised.
    * `frame`: the innermost frame of the project's own code; None if the stack has none.
    """

    type: Raw | None
    message: Raw
    frame: OwnFrame | None
    fingerprint: Fingerprint


def kind_of(error: RunError) -> ErrorKind:
    """Return the kind of an error. It depends on nothing else, and is the same in every session."""
    name = error.name if error.code is None else Raw(error.code)
    return _kind(name, normalise(error.message), _first_own_frame(error))


def _kind(name: Raw | None, message: Raw, frame: OwnFrame | None) -> ErrorKind:
    parts = (name or "", message, frame.file if frame else "", (frame.function or "") if frame else "")
    digest = blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=_FINGERPRINT_BYTES)
    return ErrorKind(name, message, frame, Fingerprint(digest.hexdigest()))


def _first_own_frame(error: RunError) -> OwnFrame | None:
    frames = parse_stack(error.stack, error.message) if error.stack else ()
    for frame in frames:
        if frame.kind is FrameKind.OWN and (file := frame.short_file) is not None:
            return OwnFrame(file, frame.function)
    return None
