"""Packs poisons into shots: as many as can stand in the answers of one session without hiding each other."""

from collections.abc import Collection, Iterable, Sequence

from tests.hostile.answers import ERRORS
from tests.hostile.cases import SEPARATOR, Case
from tests.hostile.dosing import route_of
from tests.hostile.poisons import BYTES

MAX_SHOT = 12
"""Poisons of one session: few enough that a failure is soon found among them."""

BREAKING = frozenset(BYTES) | {"nothing", "half", "too-deep", "4301-digits", "400-digits", "many-nulls", "many-keys"}
"""Poisons that may make a whole answer unreadable, and so hide all others in it."""


def shots(whats: Iterable[str], mode: str, kinds: Collection[str]) -> list[list[str]]:
    """The poisons of all cases in groups that do not disturb each other."""
    groups: list[list[str]] = []
    for what in whats:
        fitting = (group for group in groups[-8:] if len(group) < MAX_SHOT and _is_apart(what, group, mode, kinds))
        group = next(fitting, None)
        if group is None:
            groups.append([what])
        else:
            group.append(what)
    return groups


def _is_apart(what: str, group: Sequence[str], mode: str, kinds: Collection[str]) -> bool:
    kind, path, name = _parts(what, mode, kinds)
    for other in group:
        other_kind, other_path, other_name = _parts(other, mode, kinds)
        if kind != other_kind:
            continue
        if {name, other_name} & BREAKING or ERRORS in {path, other_path}:
            return False
        if path.startswith(other_path) or other_path.startswith(path):
            return False
    return True


def _parts(what: str, mode: str, kinds: Collection[str]) -> tuple[str, str, str]:
    """The route, the path and the poison. An error takes the whole answer of its route."""
    kind, rest = what.split(SEPARATOR, 1)
    path, name = rest.rsplit(SEPARATOR, 1)
    route = route_of(Case(mode, "", what), kinds)
    return route, ERRORS if kind == ERRORS else path, name
