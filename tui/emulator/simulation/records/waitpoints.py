"""The waitpoint tokens of an environment: what runs wait for until a person or a service completes it.

A token is WAITING, COMPLETED or TIMED_OUT. Source: tests/wire/recordings/README.md §13 (recordings 1100-1106, 2820).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.names import base36, cuid, digest, waitpoint_id
from tui.emulator.simulation.runs import Block, Run
from tui.emulator.simulation.script import NOTHING, Json, Wait

STATUSES = ("WAITING", "COMPLETED", "TIMED_OUT")
MAX_TOKENS = 10_000
"""Above this number the oldest token goes whose wait is over."""

MACHINE = "en7d"
_KEY_LENGTH = 24


@dataclass(slots=True, eq=False)
class WaitpointToken:
    """One token. `callback_hash` is a secret: whoever knows the address may complete the token without a key.

    `resume` continues the run that waits for it; None for a token that the API created. `output` is what it was
    completed with, or `NOTHING`.
    """

    number: int
    id: str
    callback_hash: str
    created_ms: int
    timeout_ms: int | None
    idempotency_key: str
    is_key_given: bool = False
    tags: tuple[str, ...] = ()
    resume: Callable[[], None] | None = None
    completed_ms: int | None = None
    is_timed_out: bool = False
    output: Json = NOTHING

    @property
    def status(self) -> str:
        if self.completed_ms is None:
            return "WAITING"
        return "TIMED_OUT" if self.is_timed_out else "COMPLETED"


class Tokens:
    """All tokens of an environment, numbered in the order of their creation."""

    def __init__(self, agenda: Agenda, seed: int) -> None:
        self._agenda = agenda
        self._seed = seed
        self._created = 0
        self._by_id: OrderedDict[str, WaitpointToken] = OrderedDict()
        self._by_key: dict[str, WaitpointToken] = {}

    def newest_first(self) -> list[WaitpointToken]:
        return list(reversed(self._by_id.values()))

    def find(self, token_id: str) -> WaitpointToken | None:
        return self._by_id.get(token_id)

    def wait(self, run: Run, wait: Wait, resume: Callable[[Run, Block], None]) -> None:
        """Create the token that a run waits for from now on, in the last block of its last attempt.

        Somebody completes it after `wait.ms` unless it times out first. Then `resume` continues the run. The token of a
        run that has ended meanwhile stays WAITING until it times out, as on the real server.
        """
        attempt = run.attempts[-1]
        block = attempt.blocks[-1]
        token_id = waitpoint_id(run.seed, pause_path(attempt.number, len(attempt.blocks) - 1))
        token = self._add(token_id, wait.timeout_ms, wait.tags)
        token.resume = lambda: resume(run, block)
        if wait.ms < wait.timeout_ms:
            self._agenda.after(wait.ms, self._approve, token, run)

    def create(self, timeout_ms: int | None, tags: tuple[str, ...], key: str) -> tuple[WaitpointToken, bool]:
        """Create a token for which no run waits, or find the one with the same key. The second value says which."""
        known = self._by_key.get(key)
        if known is not None:
            return known, True
        counter = self._created + 1
        chance = digest(self._seed, "token", counter)
        token = self._add(f"waitpoint_{cuid(self._agenda.now_ms, counter, MACHINE, chance)}", timeout_ms, tags)
        if key:
            token.idempotency_key, token.is_key_given = key, True
            self._by_key[key] = token
        return token, False

    def complete(self, token: WaitpointToken, output: Json) -> None:
        """Complete a token and continue the run that waits for it. Nothing happens once its wait is over."""
        if token.completed_ms is None:
            token.output = output
            self._end(token)

    def _approve(self, token: WaitpointToken, run: Run) -> None:
        if not run.status.is_final:
            self.complete(token, {"approved": True})

    def _add(self, token_id: str, timeout_ms: int | None, tags: tuple[str, ...]) -> WaitpointToken:
        self._created += 1
        now_ms = self._agenda.now_ms
        token = self._by_id[token_id] = WaitpointToken(
            self._created,
            token_id,
            f"{digest('callback', self._seed, token_id, size=32):064x}",
            now_ms,
            None if timeout_ms is None else now_ms + timeout_ms,
            base36(digest("key", token_id, size=16), _KEY_LENGTH),
            tags=tags,
        )
        if timeout_ms is not None:
            self._agenda.after(timeout_ms, self._time_out, token)
        if len(self._by_id) > MAX_TOKENS:
            self._drop_one()
        return token

    def _time_out(self, token: WaitpointToken) -> None:
        if token.completed_ms is None:
            token.is_timed_out = True
            self._end(token)

    def _end(self, token: WaitpointToken) -> None:
        token.completed_ms = self._agenda.now_ms
        if token.resume is not None:
            token.resume()
            token.resume = None

    def _drop_one(self) -> None:
        over = next((token for token in self._by_id.values() if token.completed_ms is not None), None)
        if over is not None:
            del self._by_id[over.id]
            if self._by_key.get(over.idempotency_key) is over:
                del self._by_key[over.idempotency_key]


def pause_path(attempt: int, index: int) -> str:
    """The place of a pause in its run: the number of the attempt, and how many pauses came before it there."""
    return f"{attempt}/pause/{index}"
