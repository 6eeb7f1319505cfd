"""Creates a config file where there is none."""

import errno
import os
from pathlib import Path


def create_config(path: Path, text: str) -> None:
    """Write a new file that only its user may read, and its folders. Raises `OSError`, also if there is one already."""
    for folder in reversed(path.parents):
        if not folder.is_dir():
            if folder.exists():
                raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
            folder.mkdir(0o700, exist_ok=True)
    # A link is not followed: O_EXCL refuses one that leads nowhere, too.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        path.unlink()  # half a file would be in the way of the next try
        raise
