"""Broken TLS and SOCKS for the command line and the monitor."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from random import Random

import pytest

from tests.hostile.cases import SEPARATOR, Case, Result
from tests.hostile.cleanliness import first
from tests.hostile.commands import PATIENT, QUICK, Command, Done, command_environ, state_directory, trouble_of
from tests.hostile.http_mode import untrue
from tests.hostile.poison_commands import CommandRunner, command_surfaces
from tests.hostile.poison_panes import broken_monitor
from tests.hostile.proxy import Proxy, unchanged
from tests.hostile.transports import SOCKS, TLS, TRUSTED, Transport
from tests.hostile.world import HostileFleet, hostile_server
from tui.domain.finding import NOT_KNOWN

MONITOR = "monitor 120x40"
STYLES = frozenset({"text", "--json", "--dry-run", "endless"})
SHORT_CASES = 18
WORKING_CASES = 6
"""Those over a transport that is not broken, which most samples would lack."""

MONITORS = 6
"""Sessions of the monitor in the long form."""

SOCKS_HOST = "http://api.invalid"
"""A host name that only the proxy can resolve."""


class Transports:
    """The cases of one table of transports."""

    def __init__(self, name: str, transports: dict[str, Transport]) -> None:
        self.name = name
        self._transports = transports

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return each transport for each command, and for the monitor some that break after the handshake."""
        surfaces = sorted(_surfaces())
        found = [
            Case(self.name, surface, name)
            for name, transport in self._transports.items()
            for surface in surfaces
            if not (is_short and transport.is_slow)
        ]
        if is_short:
            working = [each for each in found if not self._transports[each.what].is_broken]
            sampled = dict.fromkeys([*random.sample(working, WORKING_CASES), *random.sample(found, SHORT_CASES)])
            return [*sampled, Case(self.name, MONITOR, random.choice(self._quick()))]
        return found + [Case(self.name, MONITOR, name) for name in random.sample(self._quick(), MONITORS)]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run one command or one monitor for each case."""
        commands = _surfaces()
        with hostile_server() as (fleet, proxy), state_directory() as state:
            for case in cases:
                transport = self._transports[case.what.split(SEPARATOR)[0]]
                with _proxy(proxy.upstream, transport) as broken:
                    if case.surface == MONITOR:
                        yield _monitor(case, transport, broken, fleet, state)
                    else:
                        yield _command(case, transport, broken, commands[case.surface], fleet, state)

    def _quick(self) -> list[str]:
        return [name for name, transport in self._transports.items() if not transport.is_slow]


def _surfaces() -> dict[str, Command]:
    return {name: command for name, command in command_surfaces().items() if command.style in STYLES}


def _proxy(upstream: str, transport: Transport) -> AbstractContextManager[Proxy]:
    certificate = None if transport.certificate is None else transport.certificate()
    return Proxy(upstream, certificate, greet=transport.greet)


def _environ(transport: Transport, proxy: Proxy, state: str) -> dict[str, str]:
    if not transport.is_socks:
        return command_environ(proxy.url, state, SSL_CERT_FILE=str(TRUSTED))
    environ = command_environ(SOCKS_HOST, state, ALL_PROXY=f"socks5://127.0.0.1:{proxy.port}")
    del environ["NO_PROXY"]
    return environ


def _command(
    case: Case, transport: Transport, proxy: Proxy, command: Command, fleet: HostileFleet, state: str
) -> Result:
    environ = _environ(transport, proxy, state)
    timeouts = QUICK if transport.is_slow else PATIENT
    runner = CommandRunner(fleet, proxy, state, timeouts=timeouts, environ=environ)
    arguments = command.arguments(fleet, case.number)
    done = runner.call(command, arguments, unchanged, early=transport.early)
    requests = proxy.requests
    trouble = first(
        (
            trouble_of(done, command),
            _outcome(done, transport, command),
            untrue(done, command, arguments, fleet, requests),
        )
    )
    return Result(case, trouble)


def _outcome(done: Done, transport: Transport, command: Command) -> str:
    """Check that a command over a broken transport prints one line on stderr and exits with 3.

    `status` prints on stdout that nothing is known, for a cron job or a prompt, and maybe why on stderr.
    """
    if not transport.is_broken:
        # The clock of the session is so fast that `status` may wait for 0.1 s only. Then it says that nothing is known.
        is_late = command.path == ("status",) and done.code == 3 and NOT_KNOWN in done.out
        is_right = is_late or done.code in {0, 1, 4}
        return "" if is_right else f"exit code {done.code} though nothing is wrong: {done.err[:200]!r}"
    if done.code not in {1, 3}:
        return f"exit code {done.code} over a broken transport"
    lines, errors = done.out.splitlines(), len(done.err.splitlines())
    if command.path == ("status",):
        is_right = len(lines) == 1 and NOT_KNOWN in lines[0] and errors <= 1
    else:
        is_right = not lines and errors == 1
    if not is_right:
        return f"stdout {done.out[:100]!r}, stderr {done.err[:300]!r}"
    return ""


def _monitor(case: Case, transport: Transport, proxy: Proxy, fleet: HostileFleet, state: str) -> Result:
    """Check that the monitor stays responsive over a broken transport, and ends by its key."""
    if transport.early is not None:
        proxy.early = transport.early
    environ = _environ(transport, proxy, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_PROXY", raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        return Result(case, broken_monitor(proxy, fleet, state, environ=environ))


TLS_MODE = Transports("tls", TLS)
SOCKS_MODE = Transports("socks", SOCKS)
