"""A text in a file that only its owner may read, for as long as another program shows it.

A shell waits for the end of this process and then deletes the file, so that no payload stays on the disk after a crash.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "trigger-tui-"
DELETE_TIMEOUT_S: Final = 2.0

_DELETE_AT_END: Final = 'read -r _; rm -rf -- "$1"'
"""Waits until the other end of its input is closed, by the kernel if need be."""


@asynccontextmanager
async def text_file(name: str, make: Callable[[], str]) -> AsyncIterator[Path]:
    """Write what `make` returns to a new file, and delete it at the end of the block. Raises `OSError`.

    A thread makes and writes the text: it may have megabytes.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    deleter: subprocess.Popen[bytes] | None = None
    try:
        deleter = _deleter(folder)
        path = folder / name
        await asyncio.to_thread(_write, path, make)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if deleter is not None:
            _finish(deleter)


def _write(path: Path, make: Callable[[], str]) -> None:
    text = make().encode("utf-8", "replace")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  a descriptor
        file.write(text)


def _deleter(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  a fixed command, the folder is an argument
        ["/bin/sh", "-c", _DELETE_AT_END, "sh", str(folder)],
        env={"PATH": os.environ.get("PATH", os.defpath)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _finish(deleter: subprocess.Popen[bytes]) -> None:
    assert deleter.stdin is not None
    with suppress(OSError):
        deleter.stdin.close()
    try:
        deleter.wait(DELETE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        deleter.kill()
        deleter.wait()
