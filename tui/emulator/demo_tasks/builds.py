"""Stacks as a deployed version prints them: each build moves lines, and some run from another folder.

The other modules write stacks as the first build printed them.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.script import Item, Json, Log, Script, Span, Step, Work

FIRST_ROOT = "file:///app/"
ROOTS = (FIRST_ROOT, FIRST_ROOT, FIRST_ROOT, FIRST_ROOT, "/app/", "file:///usr/src/app/", "file:///Users/mei/acme/")
"""The folders of a build, the usual one several times."""

MAX_CACHED_STACKS = 4_096
_OWN = re.compile(r"(?<=/app/)src/([\w./-]+):(\d+):(\d+)")


def as_built(script: Script, version: str) -> Script:
    """The script with the stacks of a version's build; unchanged without a failure or a version."""
    if script.throws is None or not script.throws.stack or not version:
        return script
    built = replace(script.throws, stack=_stack(script.throws.stack, version))
    return replace(script, throws=built, items=tuple(_item(item, script.throws, built) for item in script.items))


def _item(item: Item, failure: Failure, built: Failure) -> Item:
    if not isinstance(item, Work):
        return item
    return replace(item, steps=tuple(_step(step, failure, built) for step in item.steps))


def _step(step: Step, failure: Failure, built: Failure) -> Step:
    """The step. A span that the failure passed through has the same stack as the attempt, and so has a logged error."""
    if isinstance(step, Log) and step.attributes:
        return replace(step, attributes=_logged(step.attributes, failure.stack_trace, built.stack_trace))
    if not isinstance(step, Span):
        return step
    steps = tuple(_step(inner, failure, built) for inner in step.steps)
    return replace(step, steps=steps, failure=built if step.failure is failure else step.failure)


def _logged(value: Json, old: str, new: str) -> Json:
    """The attributes with the other stack."""
    if isinstance(value, Mapping):
        return {key: _logged(inner, old, new) for key, inner in value.items()}
    return new if isinstance(value, str) and value == old else value


@lru_cache(MAX_CACHED_STACKS)
def _stack(stack: str, version: str) -> str:
    def moved(found: re.Match[str]) -> str:
        shift = digest(version, found[1])
        return f"src/{found[1]}:{int(found[2]) + shift % 9}:{int(found[3]) + shift // 9 % 5}"

    return _OWN.sub(moved, stack).replace(FIRST_ROOT, ROOTS[digest(version, "root") % len(ROOTS)])
