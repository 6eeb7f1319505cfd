"""A random user: bound keys, texts, the mouse, sizes, suspending and slow links, in every story of the emulator.

The `what` of a case is a seed and a count, or gestures. A failure is tried again, and its gestures are shrunk.
"""

import shlex
from collections.abc import Iterator, Sequence
from itertools import cycle
from random import Random

from tests.hostile.cases import Case, Result
from tests.hostile.random_user.gestures import Gesture, drawn
from tests.hostile.random_user.shrinking import shrunk
from tests.hostile.random_user.user import RandomUser
from tests.hostile.random_user.world import STORY_NAMES, VARIANTS, Place, world_at

SIZES = ((80, 24), (120, 40), (200, 60), (20, 5))
COUNT = 200
SHORT_COUNT = 60
MAX_TRIES = 16
"""How often a failure is tried with fewer gestures."""


class RandomUsers:
    """Random users, one for each case."""

    name = "random-user"

    def cases(self, random: Random, *, is_short: bool) -> list[Case]:
        """Return a case for each variant, with each story at least once; one in the short form."""
        stories = random.sample(STORY_NAMES, len(STORY_NAMES))
        places = [
            Place(story, random.choice(SIZES), variant)
            for story, variant in zip(cycle(stories), VARIANTS, strict=False)
        ]
        count = COUNT
        if is_short:
            places, count = [Place(stories[0], random.choice(SIZES[:2]), "plain")], SHORT_COUNT
        return [Case(self.name, str(place), f"{random.randrange(10**6)} {count}") for place in places]

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        """Run a world and a monitor for each case."""
        for case in cases:
            gestures = gestures_of(case.what)
            place = Place.parse(case.surface)
            trouble, count = performed(place, gestures)
            yield Result(case, trouble and _explained(place, gestures[:count], trouble))


def gestures_of(what: str) -> list[Gesture]:
    """Return the gestures that a case names, or those of its seed."""
    words = shlex.split(what)
    if words[0].isdigit():
        return drawn(int(words[0]), int(words[1]))
    return [Gesture.parse(word) for word in words]


def performed(place: Place, gestures: Sequence[Gesture]) -> tuple[str, int]:
    """Perform gestures in a new world. Return what is wrong or "", and how many were performed."""
    with world_at(place) as world, RandomUser(world) as user:
        return user.run(gestures)


def _explained(place: Place, gestures: Sequence[Gesture], trouble: str) -> str:
    """Return what is wrong, with few gestures that show it."""
    fewer = shrunk(gestures, lambda part: bool(performed(place, part)[0]), max_tries=MAX_TRIES)
    return f"{trouble}\n       with {len(fewer)} of {len(gestures)} gestures: {shlex.join(map(str, fewer))}"
