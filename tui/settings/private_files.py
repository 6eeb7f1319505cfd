"""Small files of the state directory, which only this user may read: their paths, bounded reads, replacing in one step.

Imports nothing large, since the shell waits for the names in one of them.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Final


def owned_path(state_dir: PurePath, name: str, owner: str) -> Path:
    """Return the path of a file of one environment. `owner` names the environment: equal names share a file."""
    # Not every name can be one of a file. A digest can, and is the same at every start.
    digest = hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest()
    return Path(state_dir) / f"{name}-{digest[:16]}.json"


def read_own(path: Path, max_bytes: int) -> bytes | None:
    """Return the content of a regular file of this user; None if there is no file. Does not block on a pipe.

    Raises `OSError`, also for a file that is larger.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_size > max_bytes:
            raise OSError(None, "this program did not write it")
        return os.read(handle, max_bytes)
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader sees half of it. Only its owner may read it. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


# The names that the monitor has seen last, for the shell.


MAX_NAMES: Final = 200
"""Tasks, tags, queues or versions that are kept: the newest."""

MAX_BYTES: Final = 512 * 1024
"""Names of 128 characters, of which each may be twelve bytes of JSON."""

KINDS: Final = ("task", "tag", "queue", "version")


def names_path(state_dir: PurePath, key: str) -> Path:
    """Return the file of the names that an environment has, which the key stands for."""
    return owned_path(state_dir, "names", key)


def saved_json(path: Path, max_bytes: int) -> Any:
    """Return the content of a file of our own; None if there is none, or if it cannot be read."""
    with suppress(OSError, ValueError, RecursionError):
        return json.loads(read_own(path, max_bytes) or b"null")
    return None
