"""`src/trigger/nightly.ts`: scheduled jobs for each minute, hour and night, most of them without a payload."""

from tui.emulator.demo_tasks.sample_data import between, skewed_ms
from tui.emulator.demo_tasks.stacks import FETCH, PG, TICKS, error, own, stack
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.script import Call, Child, Item, Log, Script, SetMetadata, Span, Start, Task, Wait, Work

FILE = "src/trigger/nightly.ts"
TABLES = ("sessions", "audit_log", "webhook_attempts", "password_resets", "exports")

_RATES = stack(*FETCH, own("fetchRates", "lib/rates.ts", 12, 20), own("run", "trigger/nightly.ts", 19, 18))
_PING = (
    "file:///app/node_modules/pg-pool/index.js:45:11",
    TICKS,
    own("ping", "lib/db.ts", 58, 18),
    own("run", "trigger/nightly.ts", 9, 3),
)
_QUERY = stack(*PG, own("withClient", "lib/db.ts", 41, 12), own("run", "trigger/nightly.ts", 66, 9))


def _heartbeat(call: Call) -> Script:
    work, chance = Work(between(call.random, 40, 220), _ALIVE), call.random.random()
    return Script((work,), throws=_refused(int(chance * 100_000)) if chance < 0.01 else None)


def _refused(number: int) -> Failure:
    message = f"connect ECONNREFUSED 10.0.{number % 32}.{number % 250}:{5432 + number % 2}"
    return error(message, stack(*_PING), cause="database is unreachable")


_ALIVE = (Log("INFO", "alive"),)


def _refresh_exchange_rates(call: Call) -> Script:
    random = call.random
    work = Work(skewed_ms(random, 250, 2_500), (Log("INFO", "GET https://rates.example.com/latest"),))
    if random.random() < 0.08:
        return Script((work,), throws=error("fetch failed", _RATES, "TypeError"))
    return Script((work,), {"base": "eur", "rates": {"usd": 1.0 + random.random() / 5, "jpy": 160, "sek": None}})


def _hourly_metrics(call: Call) -> Script:
    random = call.random
    spans = tuple(
        Span(f"rollup {table}", 0.18, (Log("INFO", f"{between(random, 10, 9000)} rows of {table}"),))
        for table in TABLES
    )
    work = Work(between(random, 4_000, 25_000), (Span("rollups", 0.95, spans, {"tables": list(TABLES)}),))
    if random.random() < 0.06:
        canceled = error("canceling statement due to statement timeout", _QUERY, "error")
        return Script((work,), throws=canceled)
    return Script((work,), {"tables": len(TABLES)})


def _nightly_cleanup(call: Call) -> Script:
    random = call.random
    items: list[Item] = [SetMetadata({"status": "starting", "total": len(TABLES)})]
    for done, table in enumerate(TABLES, 1):
        deleted = between(random, 1_000, 900_000)
        line = Log("INFO", f"deleted {deleted} rows of {table}", {"table": table, "deleted": deleted, "vacuum": True})
        items += (
            Work(between(random, 6_000, 40_000), (line,)),
            SetMetadata({"status": table, "progress": done / len(TABLES)}),
            Wait(5_000),
        )
    usage = Start((Child("log-usage", {"meter": "maintenance", "units": len(TABLES)}),))
    return Script((*items, usage, SetMetadata({"status": "done", "percent": 100})), "cleaned")


TASKS = (
    Task("heartbeat", _heartbeat, FILE, weight=7, machine="micro", max_attempts=1),
    Task("refresh-exchange-rates", _refresh_exchange_rates, FILE, every_s=300, machine="micro"),
    Task("hourly-metrics", _hourly_metrics, FILE, every_s=3_600, machine="small-2x", max_attempts=2),
    Task("nightly-cleanup", _nightly_cleanup, FILE, every_s=86_400, machine="small-2x", max_attempts=2),
)
