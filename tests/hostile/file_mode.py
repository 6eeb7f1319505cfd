"""Broken files: the action log, the state of the screen, the relay's tokens, and certificates."""

import asyncio
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.hostile.cases import Case, Result
from tests.hostile.cleanliness import dirty_diagnosis, dirty_json, first
from tests.hostile.commands import Hung, command_environ, describe, hang_ends, run_command, state_directory
from tests.hostile.monitor import HUNG_AFTER_S, SIZES, hostile_monitor_server, walking
from tests.hostile.poison_panes import monitor_end
from tests.hostile.world import hostile_server
from tests.support.relay import TOKEN

LOG, SCREEN, TOKENS, AUTHORITIES = "action log", "state of the screen", "tokens of the relay", "authorities"
SHORT_OF_EACH = 2

Make = Callable[[Path], None]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _holding(content: bytes, mode: int = 0o600) -> Make:
    def make(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    return make


def _link_to(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 1024**3)


FILES: dict[str, Make] = {
    "a pipe": _fifo,
    "a directory": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": _link_to("/nowhere/at/all"),
    "a link to a file": _link_to("/etc/hostname"),
    "a link to /dev/full": _link_to("/dev/full"),
    "a link to /dev/zero": _link_to("/dev/zero"),
    "a link to /dev/tty": _link_to("/dev/tty"),
    "empty": _holding(b""),
    "without a newline": _holding(b'{"at": "cut'),
    "bytes": _holding(bytes(range(256))),
    "nul bytes": _holding(b"\x00" * 10_000),
    "escapes": _holding(b"\x1b[2J\x1b]0;x\x07\n"),
    "readable by all": _holding(b"", 0o666),
    "of no mode": _holding(b"", 0o000),
    "deep json": _holding(b"[" * 100_000),
    "a number": _holding(b"7"),
    "null": _holding(b"null"),
    "an object": _holding(b"{}"),
    "of megabytes": _holding(b"x" * 3_000_000),
    "of many gigabytes": _sparse,
}
"""Makers of hostile files, by name."""

WRITABLE = frozenset(
    ("empty", "without a newline", "bytes", "nul bytes", "escapes", "readable by all", "of no mode", "deep json")
) | {"a number", "null", "an object", "of megabytes", "of many gigabytes"}
"""The files that a log can be appended to."""

SCREENS: dict[str, Callable[[dict[str, object]], object]] = {
    "another version": lambda kept: kept | {"version": 10**400},
    "no version": lambda kept: {name: value for name, value in kept.items() if name != "version"},
    "filters that are none": lambda kept: kept | {"filters": {"statuses": ["\x1b[2J"], "tasks": [None]}},
    "filters of another type": lambda kept: kept | {"filters": [1, 2]},
    "filters of megabytes": lambda kept: kept | {"filters": {"tags": ["x" * 30_000]}},
    "a period that is none": lambda kept: kept | {"period": "\x1b"},
    "a period of ages": lambda kept: kept | {"period": "99999999999d"},
    "an order that is none": lambda kept: kept | {"order": "\x1b]0;x\x07"},
    "wide by a word": lambda kept: kept | {"wide": "yes"},
    "keys more": lambda kept: kept | {"x" * 1_000: {"y": []}},
}
"""Changes of the remembered state of the screen, by name."""

BAD_TOKENS: dict[str, Make] = {
    name: make
    for name, make in FILES.items()
    if name not in {"of many gigabytes", "a link to /dev/tty", "a link to a file", "deep json"}
} | {
    "short": _holding(b"wall abc\n"),
    "twice": _holding(f"a {TOKEN}\nb {TOKEN}\n".encode()),
    "with a space": _holding(b"wall 0123456789 abcdef of the wall\n"),
    "latin-1": _holding(f"w\xe4nd {TOKEN}\n".encode("latin-1")),
    "only comments": _holding(b"# nothing\n\n"),
    "shown to all": _holding(f"wall {TOKEN}\n".encode(), 0o644),
}

BAD_AUTHORITIES = (
    *("a directory", "a link to itself", "a link to nothing", "empty", "bytes", "nul bytes", "escapes", "null"),
    *("a number", "deep json", "of megabytes"),
)
"""Without pipes and devices, which block OpenSSL itself."""


class Files:
    """Hostile files in place of those that the program uses."""

    name = "files"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return each file of the program combined with each hostile file."""
        names = {
            LOG: list(FILES),
            SCREEN: [*FILES, *SCREENS],
            TOKENS: list(BAD_TOKENS),
            AUTHORITIES: list(BAD_AUTHORITIES),
        }
        return [
            Case(self.name, surface, name)
            for surface, known in names.items()
            for name in (random.sample(known, SHORT_OF_EACH) if is_short else known)
        ]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one command or one monitor for each case."""
        run = {LOG: _log, SCREEN: _screen, TOKENS: _tokens, AUTHORITIES: _authorities}
        for case in cases:
            try:
                with hang_ends(HUNG_AFTER_S):
                    trouble = run[case.surface](case.what)
            except (Exception, Hung) as bug:  # noqa: BLE001  any exception is a finding
                trouble = f"it died: {describe(bug)}"
            yield Result(case, trouble)


def _log(name: str) -> str:
    """Check that an action succeeds with any log, and that the log is private and has whole lines."""
    with hostile_server() as (fleet, proxy), state_directory() as state:
        path = Path(state, "trigger-tui", "actions.jsonl")
        path.parent.mkdir(parents=True)
        FILES[name](path)
        old = path.stat().st_size if name in WRITABLE else 0
        run_id = fleet.victim()
        done = run_command(["cancel", run_id, "--yes"], command_environ(proxy.url, state))
        run = fleet.world.find(run_id)
        if done.bug is not None or done.code or run is None or run.status.rest != "CANCELED":
            return f"{done.bug!r} exit code {done.code}, {done.err[:200]!r}"
        if name in WRITABLE:
            return first((dirty_diagnosis(done.err, 0, max_lines=0), _bad_log(path, old)))
        printed = "" if "action log" in done.err else "stderr does not report that the log cannot be written"
        return first((printed, dirty_diagnosis(done.err, 0, max_lines=1)))


def _bad_log(path: Path, old: int) -> str:
    if mode := stat.S_IMODE(path.stat().st_mode) & 0o077:
        return f"others may read the log: {mode:o}"
    with path.open("rb") as file:
        file.seek(old)
        lines = file.read().decode("ascii").strip("\n")
    return dirty_json(lines, "the log") if len(lines.splitlines()) > 1 else f"the log has {lines!r}"


def _screen(name: str) -> str:
    """Check that the monitor starts and ends with any remembered state."""
    with hostile_monitor_server() as (fleet, proxy, state):

        async def session(*keys: str) -> str:
            async with walking(SIZES[0], proxy, fleet, state) as walker:
                await walker.monitor.press(*keys, wait_s=1.0)
                return await monitor_end(walker)

        if trouble := asyncio.run(session("s")):
            return f"before anything was wrong: {trouble}"
        kept = next(iter(Path(state).rglob("screen-*.json")))
        if name in SCREENS:
            kept.write_text(json.dumps(SCREENS[name](json.loads(kept.read_text()))))
        else:
            kept.unlink()
            FILES[name](kept)
        return asyncio.run(session("s"))


def _tokens(name: str) -> str:
    """Check that a relay with unusable tokens prints one line without a token, and exits with 2."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder, state_directory() as state:
        path = Path(folder, "tokens")
        BAD_TOKENS[name](path)
        arguments = ["relay", "--tokens", str(path), "--listen", "127.0.0.1:0"]
        done = run_command(arguments, command_environ("http://127.0.0.1:9", state))
        if done.bug is not None or done.code not in {1, 2} or done.out:
            return f"{done.bug!r} exit code {done.code}, {done.out[:200]!r} {done.err[:200]!r}"
        leaked = "the token is on stderr" if TOKEN in done.err else ""
        return first((leaked, dirty_diagnosis(done.err, 2, max_lines=1)))


def _authorities(name: str) -> str:
    """Check that a file without certificates leads to one line and exit code 2 or 3."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder, state_directory() as state:
        path = Path(folder, "ca.pem")
        with suppress(FileExistsError):
            FILES[name](path)
        environ = command_environ("https://127.0.0.1:9", state, SSL_CERT_FILE=str(path))
        done = run_command(["ls"], environ)
        if done.bug is not None or done.code not in {1, 2, 3} or done.out:
            return f"{done.bug!r} exit code {done.code}, {done.out[:200]!r} {done.err[:200]!r}"
        return dirty_diagnosis(done.err, done.code, max_lines=1)
