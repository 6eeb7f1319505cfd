"""`ErrorKind`: what the failures of one error group have in common: type, normalised message and first own frame."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NewType

from tui.domain.errors.error import RunError, first_own_frame
from tui.domain.errors.messages import identity_of, normalise
from tui.domain.errors.vocabulary import ID, is_id
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

Fingerprint = NewType("Fingerprint", str)
"""Identifies an `ErrorKind`: 16 hexadecimal digits. It is ours, and never equals a fingerprint of the server."""

_FINGERPRINT_BYTES: Final = 8
MAX_SHARED_KINDS: Final = 2_048
"""So many kinds are kept, each as one object for all its errors."""

_SCHEME = re.compile(r"(?:file|webpack(?:-internal)?|app)://(?:/(?=[A-Za-z]:[\\/]))?(?:/?\(\w+\))?(?:/?\./)?")
# The directory in which `trigger dev` builds the project, and the project's in container images.
_ROOT = re.compile(r".*/\.trigger/tmp/[^/]+/|/(?:usr/src/app|app|workspace|var/task|opt/app|code|build)/")
_SOURCES = re.compile(r".*(?:/|\A)(?=(?:src|dist)/)", re.DOTALL)
# Folders at the top of projects without `src`.
_FOLDERS = re.compile(r".*?/(?=(?:trigger|app|lib)/)", re.DOTALL)
_HEADER_CODE = re.compile(r"[\w$.]+ \[([A-Z][A-Z0-9_]+)\]")
# The chunks of esbuild: `chunk-ABCDEFGH.mjs`.
_CHUNK = re.compile(r"(?<=-)[A-Z0-9]{8}(?=\.[cm]?js\Z)")
_HASH = re.compile(r"[A-Za-z0-9]{8,}")
_CALLED_ON = re.compile(r"(?:new )?(?:Object|Module|exports|global|globalThis|Function)\.(?=[\w$<])")


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
    frame = first_own_frame(error.stack, error.message) if error.stack else None
    file = None if frame is None or frame.file is None else Raw(_project_file(frame.file))
    function = None if file is None or frame is None else _function(frame.function)
    return _kind(name, normalise(error.message) or _code_in_stack(error.stack), file, function)


def _code_in_stack(stack: Raw | None) -> Raw:
    """Return the code of an error without a message, which only its stack names: `AggregateError [ECONNREFUSED]: `."""
    match = _HEADER_CODE.match(stack) if stack else None
    return Raw("" if match is None else match[1])


@lru_cache(MAX_SHARED_KINDS)
def _kind(name: Raw | None, message: Raw, file: Raw | None, function: Raw | None) -> ErrorKind:
    """Return the kind with these parts. Errors of one kind share it."""
    parts = (name or "", identity_of(message), file or "", function or "")
    digest = blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=_FINGERPRINT_BYTES)
    return ErrorKind(name, message, None if file is None else OwnFrame(file, function), Fingerprint(digest.hexdigest()))


def _project_file(file: str) -> str:
    """Return a file without the folder of the project or of its build, whose hashes change with every deploy."""
    path = _SCHEME.sub("", file, count=1).replace("\\", "/").partition("?")[0]
    root = _ROOT.match(path)
    path = _CHUNK.sub(ID, path if root is None else path[root.end() :])
    match = _SOURCES.match(path) or _FOLDERS.match(path)
    path = path if match is None else path[match.end() :]
    return _HASH.sub(lambda found: ID if is_id(found[0]) else found[0], path)


def _function(function: str | None) -> Raw | None:
    """Return a function without the object that V8 puts before it, which depends on how it was called."""
    name = _CALLED_ON.sub("", function or "")
    return None if name in {"", "<anonymous>"} else Raw(name)
