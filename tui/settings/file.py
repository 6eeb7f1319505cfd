"""The config file: found, read, and written for the first time; and the certificates that a session trusts."""

import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from tui.settings.secret import SettingsError
from tui.settings.settings import NO_FILE, Complaint, ConfigFile, FileState

if TYPE_CHECKING:
    import ssl

# Finds and reads the config file: `$XDG_CONFIG_HOME/trigger-tui/config.toml`.
#
# A read is bounded, and never waits: not for a pipe, not for a device. Whatever is wrong with the file is a complaint
# of one line. Without a file nothing is imported.


CONFIG_VARIABLE: Final = "TRIGGER_TUI_CONFIG"
FOLDER: Final = "trigger-tui"
NAME: Final = "config.toml"
MAX_BYTES: Final = 64 * 1024
"""The maximum size of a file that is read. A file with all settings and a hundred commands needs a third of it."""

MAX_DOTS: Final = 100
"""Dots in one line. The time that a dotted key takes to decode grows with the square of its parts."""

MAX_REASON_CHARS: Final = 200
"""Characters of what is wrong in a line."""

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0
_MAX_LINKS: Final = 40  # as many as Linux follows
_LINE: Final = r" ?\(at (?:line (\d+), column (\d+)|end of document)\)$"
_KEY_PARTS: Final = r"\('[^()]*\)"
"""A key in an error of Python: `('colors', 'rose')`."""

_MANY_DIGITS: Final = r"(?<![\d_])[\d_]{1000}"
_LOCK_LINE: Final = rb"(?im)^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[^\S\n]*+(?:\[[^\S\n]*+){0,2}[\"']?read_?-?only"
"""Nothing in it matches what is after it: each line is scanned once."""


def config_path(environ: Mapping[str, str], given: PurePath | None = None) -> Path | None:
    """Return where the config file is: as given, as TRIGGER_TUI_CONFIG says, or at its usual place.

    None where the user has no home folder. A relative XDG_CONFIG_HOME is ignored, as its specification asks.
    """
    if given is not None:
        return Path(given)
    if own := environ.get(CONFIG_VARIABLE, ""):
        return Path(own)
    base, home = environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", "")
    if base.startswith("/"):
        return Path(base, FOLDER, NAME)
    return Path(home, ".config", FOLDER, NAME) if home.startswith("/") else None


def load_config(environ: Mapping[str, str], given: PurePath | None = None) -> ConfigFile:
    """Read the config file. Nothing about it raises an exception."""
    path = config_path(environ, given)
    if path is None:
        return ConfigFile()
    is_named = given is not None or bool(environ.get(CONFIG_VARIABLE))
    return read_config(path, shown=shown_path(path, environ), is_required=is_named)


def shown_path(path: PurePath, environ: Mapping[str, str]) -> str:
    """Return a path as a user writes it, with `~` for the home folder."""
    home = environ.get("HOME", "").rstrip("/")
    text = str(path)
    return f"~{text[len(home) :]}" if home and text.startswith(f"{home}/") else text


def read_config(path: Path, *, shown: str, is_required: bool = False) -> ConfigFile:
    """Read a config file. `shown` is its name in complaints. A file that is not `is_required` may be absent."""
    try:
        content, distrust, state = _read(path)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR} and not is_required and not path.is_symlink():
            return ConfigFile(path, shown=shown)
        return ConfigFile(path, shown=shown, complaints=(Complaint("", _why(error), file=shown),))
    except ValueError:  # a null character in the path
        return ConfigFile(path, shown=shown, complaints=(Complaint("", "not a path", file=shown),))
    file = _decoded(content)
    complaints = file.complaints
    if distrust is not None and any(key.startswith(("commands", "programs", "bell.on_alert")) for key in file.keys):
        complaints += (Complaint("", f"{distrust}; commands, editor, pager and on_alert are not used"),)
    complaints = tuple(replace(each, file=shown) for each in complaints)
    return replace(file, path=path, complaints=complaints, distrust=distrust, shown=shown, state=state)


def state_of(path: Path) -> FileState:
    """Return the state of a file. Raises `OSError` if it cannot be known."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return _state(status)


def _state(status: os.stat_result) -> FileState:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode


def _read(path: Path) -> tuple[bytes, str | None, FileState]:
    """Return at most MAX_BYTES + 1 bytes of a file, why it is not trusted, and its state. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            if path == Path(os.devnull):
                return b"", None, _state(status)
            raise OSError(0, "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file")
        content = b""
        while len(content) <= MAX_BYTES and (chunk := os.read(handle, MAX_BYTES + 1 - len(content))):
            content += chunk
        return content, _distrust(path, status), _state(status)
    finally:
        os.close(handle)


def _distrust(path: Path, status: os.stat_result) -> str | None:
    """Return why others may have written a file, or None. Root may write every file anyway."""
    ours = {os.geteuid(), _ROOT}
    if status.st_uid not in ours:
        return "the file belongs to another user"
    if status.st_mode & _OTHERS_WRITE:
        return "others may write the file (chmod go-w)"
    for folder in _folders(path):
        of_folder = folder.stat()
        if of_folder.st_uid not in ours:
            return "its folder belongs to another user"
        if of_folder.st_mode & _OTHERS_WRITE and not of_folder.st_mode & stat.S_ISVTX:
            return "others may write its folder (chmod go-w)"
    return None


def _folders(path: Path) -> tuple[Path, ...]:
    """Return the folders of a file and of every link on the way to it: who writes in one puts another file there."""
    here = path.absolute()
    found = {here.parent: None, path.resolve().parent: None}
    for _ in range(_MAX_LINKS):
        if not here.is_symlink():
            break
        here = here.parent / here.readlink()
        found[here.parent] = None
    return tuple(found)


def _why(error: OSError) -> str:
    reason = (error.strerror or "unreadable").strip()
    return f"{reason[:1].lower()}{reason[1:]}; the file is ignored"


def _decoded(content: bytes) -> ConfigFile:
    # What the file forbids is not known if it cannot be read.
    is_locked = re.search(_LOCK_LINE, content.replace(b"\0", b"")) is not None  # of UTF-16, ASCII remains
    locked = "; it sets read_only, so everything is read-only until this is fixed" if is_locked else ""

    def unreadable(where: str, text: str) -> ConfigFile:
        return ConfigFile(complaints=(Complaint(where, text + locked),), is_locked=is_locked)

    if len(content) > MAX_BYTES:
        return unreadable("", f"larger than {MAX_BYTES // 1024} KiB; the file is ignored")
    if not content.strip():
        return NO_FILE
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return unreadable(f"line {line}", "expected UTF-8 text; the file is ignored")
    if (dotted := _line_with_many_dots(text)) is not None:
        return unreadable(f"line {dotted}", f"expected at most {MAX_DOTS} dots in a line; the file is ignored")
    import tomllib  # noqa: PLC0415  which only a file needs

    try:
        table = tomllib.loads(text)
    except RecursionError:
        return unreadable("", "nested too deeply; the file is ignored")
    except ValueError as error:
        where, reason = _syntax_error(text, str(error))
        return unreadable(where, f"{reason}; the file is ignored")
    from tui.settings.reader import read_document  # noqa: PLC0415  loads pydantic_core

    return read_document(table)


def _line_with_many_dots(text: str) -> int | None:
    """Return the number of the first line with too many dots. Those of a comment do not count."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_DOTS:
            before = line.partition("#")[0]
            is_comment = '"' not in before and "'" not in before  # else the # may stand in a quoted key
            if not is_comment or before.count(".") > MAX_DOTS:
                return number
    return None


def _syntax_error(text: str, message: str) -> tuple[str, str]:
    """Return the line of a syntax error, and what is wrong there."""
    found = re.search(_LINE, message)
    reason = message[: found.start()] if found else message
    if not found:
        digits = re.search(_MANY_DIGITS, text)  # the only error of Python's own, which has no line
        if digits is None:
            return "", "not TOML"
        return f"line {text.count(chr(10), 0, digits.start()) + 1}", "expected a shorter number"
    reason = re.sub(_KEY_PARTS, lambda parts: ".".join(re.findall(r"'([^']*)'", parts[0])), reason)
    if len(reason) > MAX_REASON_CHARS:  # it may name a key
        reason = f"{reason[: MAX_REASON_CHARS - 1]}…"
    line = int(found[1]) if found[1] else text.count("\n") + (not text.endswith("\n"))
    return f"line {line}", f"expected TOML: {reason[:1].lower()}{reason[1:]}"


# The certificates that a session on a relay trusts.


def tls_context(ca: PurePath | None) -> "ssl.SSLContext":
    """Return TLS settings that trust the machine's authorities, or a file. Raises `SettingsError` for a bad one."""
    import ssl  # noqa: PLC0415  only a relay needs it

    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:  # ssl.SSLError is one too
        reason = (getattr(error, "reason", None) or error.strerror or "").replace("_", " ").lower()
        raise SettingsError(f"--tls-ca {ca}: no certificate could be read: {reason}") from None


# Creates a config file where there is none.


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
