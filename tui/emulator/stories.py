"""The six stories: worlds in which one thing goes wrong, or nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Final

from tui.emulator.demo_tasks import orders
from tui.emulator.demo_tasks.samples import STRIPE, address, bad_deploy, between, customer, own, pick, stack
from tui.emulator.simulation.arrivals import ScriptedDeploy, Silence, Story
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.records import schedule_id, schedule_payload
from tui.emulator.simulation.runs import NewRun, OldRun
from tui.emulator.simulation.script import Call, Child, Json, Log, Script, SetMetadata, Span, Start, Task, Wait, Work
from tui.emulator.world import DemoTasks, scaled_limit

# The company of the stories: no run of it fails, and each task always takes about the same time.
#
# So whatever a story adds is the only thing that is wrong. The company has a past of a week at the time of day at which
# a world starts: what is normal for a task is known.


FILE: Final = "src/trigger/shop.ts"
EMAIL: Final = "email"
EMAIL_LIMIT: Final = 20

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

DAYS: Final = 7
HOURS: Final = 3
"""The past of each day has the hour of the start, and the next two: what is normal stays known for two hours."""

RUNS_AN_HOUR: Final = 4
"""Runs of each task in an hour of the past: 28 in a week."""

CAMPAIGN_MS: Final = (40 * MINUTE_MS, 45 * MINUTE_MS)

Scripted = Callable[[Call], Script]


def steady(low_ms: int, high_ms: int, message: str) -> Scripted:
    """A script that works between `low_ms` and `high_ms`. Under a bug it throws, after a time as usual."""

    def script(call: Call) -> Script:
        ms = between(call.random, low_ms, high_ms)
        work = Work(ms, (Log("INFO", message), Span("work", 0.8, (Log("DEBUG", "connected"),), failure=call.bug)))
        return Script((work,), {"ok": True}) if call.bug is None else Script((work,), throws=call.bug)

    return script


def _index_document(call: Call) -> Script:
    usage = Start((Child("log-usage", {"meter": "index", "units": 1}),))
    return Script((Work(between(call.random, 2_500, 3_300), (Log("INFO", "embedding"),)), usage), {"indexed": 1})


def _build_report(call: Call) -> Script:
    pages = Start(tuple(Child("render-page", {"page": page}) for page in (1, 2, 3)), is_awaited=True, is_batch=True)
    working = Work(between(call.random, 1_200, 1_600), (Log("INFO", "querying"),))
    return Script((working, SetMetadata({"status": "rendering"}), pages, Work(300)), {"pages": 3})


def _order(random: Random) -> Json:
    return {"order": between(random, 100_000, 1_000_000), "customer": customer(random), "currency": "eur"}


def _letter(random: Random) -> Json:
    return {"to": address(random), "template": pick(random, ("receipt", "invite", "password-reset"))}


def _in_a_while_ms(random: Random) -> int:
    return between(random, 15_000, 60_000)


CHARGE_CARD: Final = Task(
    "charge-card", steady(700, 1_000, "charging the card"), FILE, weight=12, payload=_order, max_attempts=1
)
SEND_EMAIL: Final = Task(
    "send-email", steady(500, 700, "sending"), FILE, weight=6, payload=_letter, queue=EMAIL, ttl="6h"
)
SEND_CAMPAIGN: Final = Task("send-campaign", steady(*CAMPAIGN_MS, "choosing readers"), FILE, queue=EMAIL, ttl="6h")
REFRESH_RATES: Final = Task("refresh-rates", steady(600, 800, "GET /latest"), FILE, every_s=300, machine="micro")
NIGHTLY_REPORT: Final = Task(
    "nightly-report", steady(8_000, 10_000, "adding up the day"), FILE, every_s=86_400, phase_s=7_200
)

TASKS: Final = (
    CHARGE_CARD,
    SEND_EMAIL,
    SEND_CAMPAIGN,
    Task("sync-contact", steady(900, 1_200, "contact -> crm"), FILE, weight=5, payload=_order),
    Task("resize-image", steady(1_500, 2_000, "resizing"), FILE, weight=5, machine="medium-1x"),
    Task("index-document", _index_document, FILE, weight=2),
    Task("log-usage", steady(40, 60, "counting"), FILE, machine="micro"),
    Task("welcome-user", steady(300, 420, "welcome"), FILE, weight=1, payload=_letter, delay_ms=_in_a_while_ms),
    Task("build-report", _build_report, FILE, weight=0.5, machine="small-2x"),
    Task("render-page", steady(1_800, 2_300, "rendering"), FILE),
    REFRESH_RATES,
    NIGHTLY_REPORT,
)


def company(*more: Task) -> DemoTasks:
    """The healthy tasks, `more` tasks of a story, and the task that only `POST /emulator/storm` triggers."""
    storm = (replace(task, weight=0.0) for task in orders.ORDER_TASKS)
    return DemoTasks((*TASKS, *more, *storm), limits={EMAIL: EMAIL_LIMIT})


def past(random: Random, start_ms: int) -> list[OldRun]:
    """The week of the healthy tasks: each one that is triggered from outside, and the schedules."""
    triggered = [task for task in TASKS if task.weight or task is SEND_CAMPAIGN]
    nights = due_times(NIGHTLY_REPORT, start_ms, DAYS)
    # Of the many runs of this schedule, every third one.
    ends_ms = [hour_ms + HOUR_MS - 1 for hour_ms in _hours(start_ms)]
    fives = [due_ms for end_ms in ends_ms for due_ms in due_times(REFRESH_RATES, end_ms, 3 * RUNS_AN_HOUR)[::3]]
    return [
        *week_of(triggered, random, start_ms),
        *fired(NIGHTLY_REPORT, nights, start_ms),
        *fired(REFRESH_RATES, fives, start_ms),
    ]


def week_of(tasks: Sequence[Task], random: Random, start_ms: int) -> list[OldRun]:
    """Runs of these tasks at the time of day of the start, on each of the last seven days."""
    step_ms = HOUR_MS // RUNS_AN_HOUR
    return [
        OldRun(
            start_ms - (hour_ms + turn * step_ms + between(random, 0, step_ms)),
            NewRun(task_id=task.id, tags=task.tags(random)),
            is_extra=True,
        )
        for hour_ms in _hours(start_ms)
        for task in tasks
        for turn in range(RUNS_AN_HOUR)
    ]


def _hours(start_ms: int) -> list[int]:
    """The beginnings of the hours that the past has, in epoch milliseconds."""
    first_ms = start_ms // HOUR_MS * HOUR_MS
    return [first_ms + hour * HOUR_MS - day * DAY_MS for day in range(1, DAYS + 1) for hour in range(HOURS)]


def due_times(task: Task, until_ms: int, count: int) -> range:
    """The last `count` due times of a task's schedule until a time, the newest first, in epoch milliseconds."""
    period_ms, phase_ms = task.every_s * 1000, task.phase_s * 1000
    last_ms = (until_ms - phase_ms) // period_ms * period_ms + phase_ms
    return range(last_ms, last_ms - count * period_ms, -period_ms)


def fired(task: Task, due_ms: Iterable[int], start_ms: int) -> list[OldRun]:
    """The runs that a task's schedule started at these times."""
    return [
        OldRun(
            start_ms - each_ms,
            NewRun(task_id=task.id, payload=schedule_payload(task, each_ms), schedule_id=schedule_id(task)),
            is_extra=True,
        )
        for each_ms in due_ms
    ]


# The six stories. Each is a function of a seed and a start, and its event comes 5 to 15 s after the start.
#
# The event is the moment from which something counts as wrong, such as the 24th hour of a token that waits.


EVENT_MS: Final = (6_000, 14_000)
"""The event's earliest and latest time after the start. Whatever delays a run by a second keeps it in 5 to 15 s."""

BAD_DEPLOY_MS: Final = (5_500, 9_000)
"""The same for the bad version, against which failures have to gather."""

QUEUE_WAIT_MS: Final = 30_000
"""The wait that counts as slow in a queue at its limit."""

MISSED_MS: Final = 60_000
"""A schedule without a run counts as missed so long after the server should have started it."""

TOKEN_WAIT_MS: Final = DAY_MS
"""The wait for a person that counts as forgotten."""

OVERDUE_P95S: Final = 5
MIN_OVERDUE_MS: Final = 10 * MINUTE_MS
"""A run counts as stuck after this multiple of its task's p95, and not before this time."""

Told = tuple[DemoTasks, Story]
Tale = Callable[[Random, int, float], Told]
"""Tells a story by random numbers, the start in epoch milliseconds, and the rate in runs a second."""


def _event_ms(random: Random, start_ms: int) -> int:
    return start_ms + between(random, *EVENT_MS)


# --- calm


def _calm(random: Random, start_ms: int, _: float) -> Told:
    return company(), Story("calm", past=past(random, start_ms))


# --- bad-deploy

CHARGE_BUG: Final = bad_deploy(
    "No such customer: 'undefined'",
    stack(
        *STRIPE,
        own("StripeGateway.charge", "lib/stripe.ts", 88, 18),
        own("chargeOrder", "lib/orders.ts", 118, 20),
        own("run", "trigger/shop.ts", 41, 19),
    ),
    "StripeInvalidRequestError",
)


def _bad_deploy(random: Random, start_ms: int, _: float) -> Told:
    """Every second run of the busiest task fails in a new version."""
    event_ms = start_ms + between(random, *BAD_DEPLOY_MS)

    deploy = ScriptedDeploy(event_ms, {CHARGE_CARD.id: CHARGE_BUG}, bug_every=2)
    story = Story(
        "bad-deploy", event_ms, past(random, start_ms), deploys=(deploy,), touches=lambda run: run.failure is CHARGE_BUG
    )
    return company(), story


# --- queue-at-limit


def _queue_at_limit(random: Random, start_ms: int, rate_per_s: float) -> Told:
    """Long campaigns take all slots of a queue, and single messages wait behind them."""
    event_ms = _event_ms(random, start_ms)
    blocked_ms, waits_ms = event_ms - QUEUE_WAIT_MS - 1_000, event_ms - QUEUE_WAIT_MS
    campaign = OldRun(start_ms - blocked_ms, NewRun(task_id=SEND_CAMPAIGN.id), is_extra=True)
    first = OldRun(start_ms - waits_ms, NewRun(task_id=SEND_EMAIL.id, tags=("first-to-wait",)), is_extra=True)
    runs = (*[campaign] * scaled_limit(EMAIL_LIMIT, rate_per_s), first)

    return company(), Story(
        "queue-at-limit",
        event_ms,
        past(random, start_ms),
        runs,
        touches=lambda run: run.queue == EMAIL and blocked_ms <= run.created_ms < blocked_ms + CAMPAIGN_MS[0],
    )


# --- missed-schedule


def _missed_schedule(random: Random, start_ms: int, _: float) -> Told:
    """An hourly schedule is due shortly before the start, and starts no run."""
    event_ms = _event_ms(random, start_ms)
    effective_ms = event_ms - MISSED_MS
    due_ms = effective_ms // MINUTE_MS * MINUTE_MS
    script = steady(1_000, 1_300, "collecting the hour")
    phase_s = due_ms % HOUR_MS // 1000
    task = Task("hourly-digest", script, FILE, every_s=3_600, phase_s=phase_s, machine="micro")
    silence = Silence(task.id, due_ms, effective_ms - due_ms)
    earlier = fired(task, due_times(task, due_ms - 1, 24 * 3), start_ms)
    schedule = schedule_id(task)

    story = Story(
        "missed-schedule",
        event_ms,
        [*past(random, start_ms), *earlier],
        silence=silence,
        touches=lambda run: run.schedule_id == schedule,
    )
    return company(task), story


# --- stuck-run

IMPORT_MS: Final = 4 * MINUTE_MS
"""How long an import takes, each time the same: so its p95 is known exactly."""

_OPENING: Final = (Log("INFO", "opening the catalog"), Span("import rows", 0.9))


def _stuck_run(random: Random, start_ms: int, _: float) -> Told:
    """One import never ends. The event is the moment at which it has executed too long."""
    event_ms = _event_ms(random, start_ms)
    begun_ms = event_ms - max(OVERDUE_P95S * IMPORT_MS, MIN_OVERDUE_MS)
    task = Task("import-catalog", lambda _: Script((Work(IMPORT_MS, _OPENING),), {"rows": 41_200}), FILE)
    hanging = Script((Work(365 * DAY_MS, _OPENING),))
    run = OldRun(start_ms - begun_ms, NewRun(task_id=task.id, script=hanging, tags=("catalog:spring",)), is_extra=True)

    week = [*past(random, start_ms), *week_of([task], random, start_ms)]
    return company(task), Story("stuck-run", event_ms, week, (run,), touches=lambda run: run.given_script is hanging)


# --- forgotten-approval

APPROVED_MS: Final = (6 * HOUR_MS, 20 * HOUR_MS)
"""How long people usually take to approve a post."""

TIMEOUT_MS: Final = 30 * DAY_MS
APPROVAL: Final = ("legal-approval",)

_CREATING: Final = Work(400, (Span("wait.createToken()", 1.0, icon="wait-token"),))


def _publish_post(call: Call) -> Script:
    waiting = Wait(between(call.random, *APPROVED_MS), is_token=True, timeout_ms=TIMEOUT_MS, tags=APPROVAL)
    return Script((_CREATING, waiting, Work(90, (Log("INFO", "published"),))), {"published": True})


def _forgotten_approval(random: Random, start_ms: int, _: float) -> Told:
    """A post waits for its approval. The event is the moment at which its token has waited for a day."""
    event_ms = _event_ms(random, start_ms)
    task = Task("publish-post", _publish_post, FILE)
    asked_ms = event_ms - TOKEN_WAIT_MS - _CREATING.ms
    forgotten = Script((_CREATING, Wait(365 * DAY_MS, is_token=True, timeout_ms=TIMEOUT_MS, tags=APPROVAL), Work(90)))
    run = OldRun(start_ms - asked_ms, NewRun(task_id=task.id, script=forgotten, tags=APPROVAL), is_extra=True)

    week = [*past(random, start_ms), *week_of([task], random, start_ms)]
    return company(task), Story(
        "forgotten-approval", event_ms, week, (run,), touches=lambda run: run.given_script is forgotten
    )


TALES: Final[Mapping[str, Tale]] = MappingProxyType(
    {
        "calm": _calm,
        "bad-deploy": _bad_deploy,
        "queue-at-limit": _queue_at_limit,
        "missed-schedule": _missed_schedule,
        "stuck-run": _stuck_run,
        "forgotten-approval": _forgotten_approval,
    }
)


# --- the demo

PAYMENT: Final = orders.PAYMENT_TASKS[0]
DEMO_EVENT_MS: Final = 15_000
DEMO_MENDED_MS: Final = 50_000
"""How long after the start the demo's bad version is deployed, and the version that mends it."""


DEMO_PAYMENTS_MS: Final = range(-60_000, 150_000, 3_000)
"""The times, after the start, of payments beside the usual ones: so both versions have enough of them at any seed."""


def demo_story(seed: int, start_ms: int) -> Story:
    """The story of the demo, in the usual company: a bad version, and soon afterwards a good one."""
    random = Random(digest(seed, "story", "demo"))
    bad = ScriptedDeploy(start_ms + DEMO_EVENT_MS, {PAYMENT.id: orders.CHARGE_BUG}, bug_every=1)
    mended = ScriptedDeploy(start_ms + DEMO_MENDED_MS)
    runs = [OldRun(-(ms + between(random, 0, 2_000)), _payment(random), is_extra=True) for ms in DEMO_PAYMENTS_MS]
    return Story("bad-deploy", bad.at_ms, runs=runs, deploys=(bad, mended))


def _payment(random: Random) -> NewRun:
    """A payment that fails in a bad version only: its order number says that the card is good."""
    order = 1_000 * between(random, 100, 1_000) + between(random, 501, 1_000)
    payload = {**PAYMENT.payload(random), "order": order}
    return NewRun(task_id=PAYMENT.id, payload=payload, tags=PAYMENT.tags(random))


def tell(name: str, seed: int, start_ms: int, rate_per_s: float) -> Told:
    """Return the company and the story of this name. Raises KeyError for another name."""
    return TALES[name](Random(digest(seed, "story", name)), start_ms, rate_per_s)
