"""Each story in virtual time, judged by its facts: the findings before its event, and after it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.emulator.world_facts import JudgedWorld
from tui.domain.finding import Finding, FindingWord, SubjectKind
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.simulation.names import digest
from tui.emulator.stories import tell
from tui.emulator.world import World

RATE_PER_S = 5.0
HISTORY = 200
START_MS = 1_795_528_000_000 + 17_123
STEP_MS = 49 * 60_000 + 13_407
"""The next seed starts so much later, at another second and at another time of day."""

SHOWN_BY_MS = 40_000
"""After the start: `status` reports a finding within 45 s of it."""

CALM_LOOKS_MS = (5_000, 30_000, 60_000, 85_000)

MARGIN_MS = 1_500
"""A story is exact to about a second: a run takes some time from its trigger to its first step."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The one finding of a story: its word, its subject, and the name of that."""

    word: FindingWord
    kind: SubjectKind
    name: str


EXPECTED = {
    "calm": None,
    "bad-deploy": Expected(FindingWord.FAILING, SubjectKind.TASK, "charge-card"),
    "queue-at-limit": Expected(FindingWord.SLOW, SubjectKind.QUEUE, "email"),
    "missed-schedule": Expected(FindingWord.MISSING, SubjectKind.SCHEDULE, "hourly-digest"),
    "stuck-run": Expected(FindingWord.STUCK, SubjectKind.RUN, "import-catalog"),
    "forgotten-approval": Expected(FindingWord.STUCK, SubjectKind.RUN, "legal-approval"),
}


def story_world(name: str, seed: int, history: int = HISTORY) -> World:
    """Return a world of the story. Odd seeds are production."""
    environment = PRODUCTION if seed % 2 else DEVELOPMENT
    start_ms = START_MS + seed * STEP_MS
    company, story = tell(name, digest(seed, environment.slug), start_ms, RATE_PER_S)
    return World(
        company,
        start_ms=start_ms,
        environment=environment,
        seed=seed,
        rate_per_s=RATE_PER_S,
        history=history,
        story=story,
    )


def mistakes(name: str, seed: int) -> Iterator[str]:
    """Yield what the judgement of a story gets wrong, as sentences."""
    world = story_world(name, seed)
    start_ms, event_ms, expected = world.now_ms, world.story.event_ms, EXPECTED[name]
    judged = JudgedWorld(world)

    def unexpected(found: tuple[Finding, ...], when: str) -> Iterator[str]:
        for each in found:
            if expected is None or expected != Expected(each.word, each.subject.kind, str(each.subject.name)):
                yield f"{name} {seed} {when}: {each.word} {each.subject.name} {each.evidence}"

    if event_ms is None or expected is None:
        for look_ms in CALM_LOOKS_MS:
            yield from unexpected(judged.look(start_ms + look_ms), f"after {look_ms} ms")
        return
    if early := judged.look(event_ms - MARGIN_MS):
        yield f"{name} {seed}: {early[0].word} {early[0].subject.name} before the event"
    is_shown_at_once = expected.word is not FindingWord.FAILING
    look_ms = event_ms + MARGIN_MS if is_shown_at_once else start_ms + SHOWN_BY_MS
    for ms in (look_ms, look_ms + 25_000, look_ms + 50_000):
        found = judged.look(ms)
        if len(found) != 1:
            yield f"{name} {seed}: {len(found)} findings {ms - event_ms} ms after the event"
        yield from unexpected(found, f"{ms - event_ms} ms after the event")
