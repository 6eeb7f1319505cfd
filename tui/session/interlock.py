"""Blocks actions in the wrong environment.

The interlock learns the environment from the session's updates. It never lifts a block: the user has to restart the
program.
"""

from tui.domain.environment import Environment
from tui.domain.text import Raw, clean
from tui.domain.update import EnvironmentRead, RunsRead, Update


class Interlock:
    """Blocks every action if the environment is not the expected one, or if it changes during the session."""

    def __init__(self, expect_env: str | None) -> None:
        self._expected = expect_env
        self._first: Environment | None = None
        self._row_name: Raw | None = None
        self._reason: str | None = None
        self._is_checked = False

    def observe(self, update: Update) -> None:
        """Check the environment, if the update names it."""
        match update:
            case EnvironmentRead():
                self._check_environment(update.environment)
            case RunsRead():
                for patch in update.patches:
                    if patch.fixed is not None and patch.fixed.environment is not None:
                        self._check_row(patch.fixed.environment)
            case _:
                return

    @property
    def reason(self) -> str | None:
        """Why no action may be sent, or None."""
        if self._reason is None and self._expected is not None and not self._is_checked:
            return f"the environment is unknown, and --expect-env {self._expected} was given"
        return self._reason

    @property
    def name(self) -> str | None:
        """The environment's name, or None while it is unknown."""
        name = self._first.slug if self._first is not None else self._row_name
        return None if name is None else clean(name)

    @property
    def is_production(self) -> bool:
        """Whether the environment is of type PRODUCTION. An unknown one counts as production."""
        return self._first is None or self._first.is_production

    def _check_environment(self, environment: Environment | None) -> None:
        if environment is None:
            return
        if self._first is None:
            self._first = environment
        elif environment != self._first:
            now, before = environment.slug, self._first.slug
            if now == before:
                now, before = (Raw(f"{each.project}/{each.slug}") for each in (environment, self._first))
            self._block(f"the key now belongs to {clean(now)}; it belonged to {clean(before)}")
        self._check_expected(environment.slug)
        self._compare_sources()

    def _check_row(self, name: Raw) -> None:
        if self._row_name is None:
            self._row_name = name
            if self._first is None:
                self._check_expected(name)
        elif name != self._row_name:
            self._block(f"the server now sends runs of {clean(name)}; it sent runs of {clean(self._row_name)}")
        self._compare_sources()

    def _check_expected(self, name: Raw) -> None:
        if self._expected is None:
            return
        self._is_checked = True
        if name != self._expected:
            self._block(f"this is {clean(name)}, not the expected {self._expected}")

    def _compare_sources(self) -> None:
        """Compare the name in the rows with the slug of `whoami`, which are equal in recordings 011 and 802."""
        if self._first is not None and self._row_name is not None and self._row_name != self._first.slug:
            self._block(f"the key belongs to {clean(self._first.slug)}, but its runs belong to {clean(self._row_name)}")

    def _block(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
