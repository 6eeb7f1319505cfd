"""Whether we are where the user thinks we are: the wrong-environment interlock.

What lives here: one pure observer of updates. It never lifts a block by itself: who was misled once reads first.
Source: DESIGN §8.
"""

from tui.domain.environment import Environment
from tui.domain.text import Raw, clean
from tui.domain.update import EnvironmentRead, RunsRead, Update


class Interlock:
    """Blocks every write once the environment is not the expected one, or changed during the session."""

    def __init__(self, expect_env: str | None) -> None:
        self._expected = expect_env
        self._first: Environment | None = None
        self._row_name: Raw | None = None
        self._blocked: str | None = None
        self.is_known = False

    def observe(self, update: Update) -> None:
        """Look at what the server said about where we are."""
        match update:
            case EnvironmentRead():
                self._see(update.environment)
            case RunsRead():
                for patch in update.patches:
                    if patch.fixed is not None and patch.fixed.environment is not None:
                        self._see_row(patch.fixed.environment)
            case _:
                return

    @property
    def reason(self) -> str | None:
        """Why nothing may be written, or None."""
        if self._blocked is None and self._expected is not None and not self.is_known:
            return f"the environment is not known, and --expect-env {self._expected} was given"
        return self._blocked

    @property
    def name(self) -> str | None:
        """What the environment is called, as well as it is known."""
        known = self._first.slug if self._first is not None else self._row_name
        return None if known is None else clean(known)

    @property
    def is_production(self) -> bool:
        """Whether writes need the environment's name; an environment that is not known counts as production."""
        return self._first is None or self._first.is_production

    def _see(self, environment: Environment | None) -> None:
        if environment is None:
            return
        self.is_known = True
        if self._first is None:
            self._first = environment
        elif environment != self._first:
            self._block(f"the key now leads to {clean(environment.slug)}, at the start to {clean(self._first.slug)}")
        self._expect(environment.slug)
        self._compare()

    def _see_row(self, name: Raw) -> None:
        if self._row_name is None:
            self._row_name = name
            if self._first is None:
                self._expect(name)
        elif name != self._row_name:
            self._block(f"runs of {clean(name)} came, at the start of {clean(self._row_name)}")
        self._compare()

    def _expect(self, name: Raw) -> None:
        if self._expected is None:
            return
        self.is_known = True
        if name != self._expected:
            self._block(f"this is {clean(name)}, expected was {self._expected}")

    def _compare(self) -> None:
        """A row's `env.name` is the slug that whoami tells (recordings 011 and 802)."""
        if self._first is not None and self._row_name is not None and self._row_name != self._first.slug:
            self._block(f"the key leads to {clean(self._first.slug)}, its runs say {clean(self._row_name)}")

    def _block(self, reason: str) -> None:
        if self._blocked is None:
            self._blocked = reason
