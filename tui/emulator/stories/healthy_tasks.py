"""The company of the stories: no run of it fails, and each task always takes about the same time.

So whatever a story adds is the only thing that is wrong. The company has a past of a week at the time of day at which a
world starts: what is normal for a task is known.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from tui.emulator.demo_tasks import orders
from tui.emulator.demo_tasks.sample_data import address, between, customer, pick
from tui.emulator.simulation.new_run import NewRun, OldRun
from tui.emulator.simulation.schedules import schedule_id, schedule_payload
from tui.emulator.simulation.script import Call, Child, Json, Log, Script, SetMetadata, Span, Start, Task, Work
from tui.emulator.world import DemoTasks

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
    storm = tuple(replace(task, weight=0.0) for task in orders.TASKS)
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
