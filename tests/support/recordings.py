"""The recorded answers of a real server: the files of `tests/wire/recordings`, parsed again for each call.

`tests.support.recording_server` serves them over HTTP; `tests/wire/recordings/README.md` explains them.
"""

import json
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "wire" / "recordings"


@cache
def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def names() -> list[str]:
    """Return the names of all recordings, such as `241-trace-fail-retry`, in order."""
    return list(_files())


@cache
def _names_by_beginning() -> dict[str, list[str]]:
    """The names of recordings, by what stands before each of their dashes, and by the whole name."""
    found: dict[str, list[str]] = {}
    for name in _files():
        for beginning in accumulate(name.split("-"), "{}-{}".format):
            found.setdefault(beginning, []).append(name)
    return found


@cache
def _bytes_of(number: str) -> bytes:
    found = _names_by_beginning().get(number, [])
    if len(found) != 1:
        raise LookupError(f"{len(found)} recordings are called {number}: {found}")
    return _files()[found[0]].read_bytes()


def recording(number: str) -> dict[str, Any]:
    """Return the parsed file with this number or name. The caller may change it.

    Keys: `what`, `request` {method, path, query, headers, body} and `response` {status, headers, body}. A sequence
    (760-764) has `polls` of such pairs instead. Raises LookupError unless exactly one file matches.
    """
    parsed: dict[str, Any] = json.loads(_bytes_of(number))
    return parsed


def recordings() -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the parsed file of every recording, in order."""
    return [(name, recording(name)) for name in names()]


def body_of(number: str) -> bytes:
    """Return the response body of a recording as bytes. Only the layout differs from the original."""
    return as_bytes(recording(number)["response"]["body"])


def as_bytes(body: Any) -> bytes:
    """Encode a body: a text (HTML, plain) as it is, anything else as JSON."""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
