"""The recorded answers of a real server: the files of `tests/wire/recordings`, parsed again for each call.

`tests.support.recording_server` serves them over HTTP; `tests/wire/recordings/README.md` explains each.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "wire" / "recordings"


@cache
def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def names() -> list[str]:
    """The names of all recordings (`241-trace-fail-retry`), in order."""
    return list(_files())


@cache
def _bytes_of(number: str) -> bytes:
    found = [name for name in _files() if name == number or name.startswith(f"{number}-")]
    if len(found) != 1:
        raise LookupError(f"{len(found)} recordings are called {number}: {found}")
    return _files()[found[0]].read_bytes()


def recording(number: str) -> dict[str, Any]:
    """The parsed file whose name starts with `<number>-`, or is `number`: the caller may change it.

    Keys: `what`, `request` {method, path, query, headers, body}, `response` {status, headers, body}; the sequences
    (760-764) have `polls` of such pairs instead. Raises LookupError when there is none, or more than one (739).
    """
    parsed: dict[str, Any] = json.loads(_bytes_of(number))
    return parsed


def recordings() -> list[tuple[str, dict[str, Any]]]:
    """Yield the name and the parsed file of all recordings, in order."""
    return [(name, recording(name)) for name in names()]


def body_of(number: str) -> bytes:
    """Return the response body of a recording as bytes. Only the layout differs from the original."""
    return as_bytes(recording(number)["response"]["body"])


def as_bytes(body: Any) -> bytes:
    """Encode a body: a text (HTML, plain) as it is, anything else as JSON."""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
