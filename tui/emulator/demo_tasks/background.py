"""Tasks in the background: syncs with other systems, and scheduled jobs."""

from functools import cache
from random import Random

from tui.emulator.demo_tasks.samples import (
    COUNTRIES,
    FETCH,
    JSON_PARSE,
    PG,
    SYSTEM_FAILURE,
    TICKS,
    UNDICI,
    address,
    bad_deploy,
    between,
    broken,
    custom,
    customer,
    error,
    of_customer,
    order_tags,
    own,
    pick,
    region_tags,
    skewed_ms,
    stack,
    thrown_object,
    uncaught,
)
from tui.emulator.simulation.script import (
    AddTags,
    Backoff,
    Call,
    Child,
    Failure,
    Item,
    Json,
    Log,
    Script,
    SetMetadata,
    Span,
    Start,
    Task,
    Wait,
    Work,
)

# `src/trigger/sync.ts`: a CRM, webhooks to customers, uploaded files, a search index.
#
# Some payloads are large. They are created once and shared by all runs, so nobody may change them. The payload decides
# the outcome, so that a replay fails alike.


SYNC_FILE = "src/trigger/sync.ts"

_PUSH = (own("CrmClient.upsert", "lib/crm.ts", 88, 15), own("run", "trigger/sync.ts", 33, 24))
_SOCKET = stack(*UNDICI, *_PUSH)
_DATABASE = stack(*PG, own("selectContact", "lib/contacts.ts", 17, 9), own("run", "trigger/sync.ts", 28, 21))
_DELIVER = stack(
    own("assertDelivered", "lib/webhooks.ts", 71, 11, is_async=False),
    own("deliver", "lib/webhooks.ts", 52, 3),
    own("run", "trigger/sync.ts", 76, 5),
)
_NO_HOST = stack(*FETCH, own("deliver", "lib/webhooks.ts", 44, 22), own("run", "trigger/sync.ts", 76, 5))
_VALIDATE = stack(
    own("validateRow", "lib/csv.ts", 61, 13, is_async=False),
    own("importChunk", "lib/csv.ts", 102, 7),
    "async Promise.all (index 2)",
    own("run", "trigger/sync.ts", 121, 9),
)
_NO_JSON = error(
    "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
    stack(*JSON_PARSE, own("parseCompany", "lib/crm.ts", 120, 17, is_async=False), *_PUSH),
    "SyntaxError",
)

CRM_BUG = bad_deploy(
    "contact.emails.map is not a function", stack(own("toCrmContact", "lib/crm.ts", 31, 40, is_async=False), *_PUSH)
)
IMPORT_BUG = bad_deploy(
    "Invalid array length",
    stack(own("chunksOf", "lib/csv.ts", 12, 18, is_async=False), own("run", "trigger/sync.ts", 109, 20)),
    "RangeError",
)


def _contact(random: Random) -> Json:
    return {
        "contact": between(random, 100_000, 1_000_000),
        "email": address(random),
        "company": {"name": "Globex", "country": pick(random, COUNTRIES), "employees": between(random, 1, 5000)},
        "source": "app",
    }


def _crm_sync(call: Call) -> Script:
    random, contact = call.random, call.payload
    number = contact["contact"]
    pushing = Log("INFO", f"contact {number} -> crm", contact["company"])
    if call.bug:
        return broken(call, pushing)
    outcome = number % 1000
    ms = skewed_ms(random, 300, 11_000) if outcome % 20 else between(random, 6_000, 30_000)
    if outcome < 70:
        if outcome < 20:
            field = "email" if outcome < 14 else "phone"
            failure = thrown_object({"status": 422, "errors": [{"field": field, "id": number}]}, f"CRM refused {field}")
        elif outcome < 32:
            key = "contacts_pkey" if outcome < 28 else "contacts_email_key"
            message = f'duplicate key value violates unique constraint "{key}" ({number})'
            failure = error(message, _DATABASE, "error", cause=key)
        elif random.random() < 0.012:
            failure = SYSTEM_FAILURE
        elif call.attempt == 1:
            failure = error("other side closed", _SOCKET, "SocketError")
        else:
            return Script((Work(ms, (pushing,)),), {"crm": f"003{number:x}", "isRetry": True})
        return Script((Work(ms // 2, (pushing,)),), throws=failure)
    if outcome < 110:
        throttled = Log("WARN", "429 from the CRM, waiting", {"retryAfter": 2, "remaining": 0, "quota": {"used": 1.0}})
        return Script((Work(200, (pushing, throttled)), Wait(2_000), Work(ms)), {"crm": f"003{number:x}"})
    lookup = Span("lookup company", 0.4, failure=_NO_JSON) if outcome < 160 else Span("lookup company", 0.4, _CACHED)
    return Script((Work(ms, (pushing, lookup, _UPSERTED)),), {"crm": f"003{number:x}", "updated": ["email", "phone"]})


_CACHED = (Log("DEBUG", "cache hit"),)
_UPSERTED = Log("INFO", "upserted { created: false, fields: 2 }")


def _delivery(random: Random) -> Json:
    return {
        "endpoint": f"https://hooks.{pick(random, COUNTRIES)}.customer.test/v2/{between(random, 1, 400)}",
        "event": {"id": between(random, 100_000, 1_000_000), "type": "order.paid", "data": {"object": None}},
    }


def _webhook_deliver(call: Call) -> Script:
    event = call.payload["event"]
    number, to = event["id"], call.payload["endpoint"]
    outcome, ms = number % 100, skewed_ms(call.random, 150, 3600)
    posting = Log("INFO", f"POST {to}", {"event": event, "signature": f"v1={number * 7919:012x}"})
    if outcome < 7:
        gone = f"Endpoint answered 410 Gone: {to}"
        failure = custom("WebhookDeliveryError", gone, _DELIVER, cause="endpoint is gone")
    elif outcome < 11:
        failure = error("fetch failed", _NO_HOST, "TypeError")
    elif outcome < 20 and call.attempt == 1:
        failure = custom("WebhookDeliveryError", "Endpoint answered 503 Service Unavailable", _DELIVER)
    else:
        return Script((Work(ms, (posting,)),), {"status": 200, "attempt": call.attempt})
    refused = Log("ERROR", f"delivery {number} refused", {"error": {"name": failure.name, "message": failure.message}})
    return Script((Work(ms, (posting, refused)),), throws=failure)


def _broadcast(random: Random) -> Json:
    return {"type": "catalog.updated", "subscribers": between(random, 30, 65)}


def _webhook_broadcast(call: Call) -> Script:
    random = call.random
    children = tuple(
        Child("webhook-deliver", _delivery(random), ("broadcast",))
        for _ in range(min(call.payload["subscribers"], 500))
    )
    listed = Log("INFO", f"{len(children)} subscribers", {"type": call.payload["type"]})
    return Script((Work(400, (listed,)), Start(children, is_batch=True)), {"deliveries": len(children)})


@cache
def _rows(count: int) -> list[Json]:
    text = "lorem ipsum dolor sit amet " * 4
    return [
        {"row": row, "sku": f"SKU-{row * 7919 % 100_000:05d}", "price": row * 13 % 997, "text": text}
        for row in range(count)
    ]


SIZES = (120, 120, 480, 1950)
"""Rows of an inline file: 18 KB, 75 KB, and the 300 KB that the server still keeps inline (recording 118)."""


def _upload(random: Random) -> Json:
    upload = {"upload": between(random, 100_000, 1_000_000), "customer": customer(random), "file": "products.csv"}
    if random.random() < 0.4:
        return {**upload, "rows": _rows(pick(random, SIZES))}
    return {**upload, "url": f"https://uploads.example.com/{upload['upload']}.csv", "rows": None}


def _import_csv(call: Call) -> Script:
    random, upload = call.random, call.payload
    number, rows = upload["upload"], upload["rows"]
    total = len(rows) if rows else between(random, 500, 20_000)
    opened = Log("INFO", f"reading {upload['file']}", {"upload": number, "rows": total, "encoding": "utf-8"})
    if call.bug:
        return broken(call, opened)
    outcome, ms = number % 100, between(random, 1_500, 9_500)
    items: list[Item] = [
        of_customer(upload),
        SetMetadata({"status": "reading", "progress": 0, "total": total}),
        Work(ms // 3, (opened,)),
    ]
    for quarter in (1, 2, 3, 4):
        done = total * quarter // 4
        items.append(Work(ms, (Log("INFO", f"{done} of {total} rows"),)))
        items.append(SetMetadata({"status": "importing", "progress": quarter / 4, "percent": 25 * quarter}))
        if quarter == 2 and outcome < 12:
            return Script(tuple(items), throws=_import_failure(outcome, done + outcome, call))
    items.append(
        SetMetadata({"status": "done", "report": {"created": total - outcome, "skipped": outcome, "errors": []}})
    )
    return Script((*items, AddTags(("imported",))), {"rows": total, "skipped": outcome})


def _import_failure(outcome: int, row: int, call: Call) -> Failure | None:
    """The failure at that row of the file."""
    if outcome < 7:
        column = "price" if outcome < 5 else "quantity"
        message = f"row {row}: {column} must be a number"
        return custom("RowValidationError", message, _VALIDATE, cause=f"{column} is no number")
    if outcome < 9:
        return _bad_quote(row)
    return error("read ECONNRESET", _DATABASE) if call.attempt == 1 else None


def _bad_quote(line: int) -> Failure:
    return uncaught(
        f'Invalid Opening Quote: a quote is found on field 3 at line {line}, value is "{line % 40}\' monitor"',
        "CsvStream.onError (file:///app/src/lib/csv.ts:140:15)",
        "CsvStream.emit (node:events:530:35)",
        "Parser.__emitError (file:///app/node_modules/csv-parse/lib/index.js:74:12)",
        "emitErrorNT (node:internal/streams/destroy:169:8)",
        "emitErrorCloseNT (node:internal/streams/destroy:128:3)",
        "processTicksAndRejections (node:internal/process/task_queues:104:5)",
        cause="bad quote in a file",
    )


@cache
def _documents(count: int) -> list[Json]:
    return [
        {"id": f"doc_{at:05d}", "title": f"Page {at}", "body": "All about everything. " * 40} for at in range(count)
    ]


@cache
def _vectors(count: int) -> list[Json]:
    return [
        {"id": f"doc_{at:05d}", "vector": [round((at * 31 + n) % 97 / 97, 4) for n in range(24)]} for at in range(count)
    ]


def _corpus(random: Random) -> Json:
    return {"index": "help-center", "documents": _documents(700 if random.random() < 0.3 else 60)}


def _index_documents(call: Call) -> Script:
    random, count = call.random, len(call.payload["documents"])
    embedding = Span("embed", 0.7, (Log("INFO", f"{count} documents", {"model": "embed-3", "dimensions": [24]}),))
    work = Work(between(random, 2_000, 12_000), (embedding, Log("INFO", "index swapped")))
    return Script((work,), {"indexed": count, "vectors": _vectors(min(count, 700))})


SYNC_TASKS = (
    Task("crm-sync", _crm_sync, SYNC_FILE, weight=9, payload=_contact, tags=region_tags),
    Task(
        "webhook-deliver",
        _webhook_deliver,
        SYNC_FILE,
        weight=2,
        payload=_delivery,
        queue="webhooks",
        machine="micro",
        ttl="10s",
        backoff=Backoff(first_ms=2_000, factor=3.0, max_ms=20_000),
    ),
    Task("webhook-broadcast", _webhook_broadcast, SYNC_FILE, weight=0.05, payload=_broadcast),
    Task(
        "import-csv",
        _import_csv,
        SYNC_FILE,
        weight=3,
        payload=_upload,
        tags=order_tags,
        machine="medium-1x",
        max_attempts=2,
    ),
    Task("index-documents", _index_documents, SYNC_FILE, weight=0.4, payload=_corpus, machine="medium-2x"),
)
SYNC_BUGS = (("crm-sync", CRM_BUG), ("import-csv", IMPORT_BUG))


# `src/trigger/nightly.ts`: scheduled jobs for each minute, hour and night, most of them without a payload.


NIGHTLY_FILE = "src/trigger/nightly.ts"
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


NIGHTLY_TASKS = (
    Task("heartbeat", _heartbeat, NIGHTLY_FILE, weight=7, machine="micro", max_attempts=1),
    Task("refresh-exchange-rates", _refresh_exchange_rates, NIGHTLY_FILE, every_s=300, machine="micro"),
    Task("hourly-metrics", _hourly_metrics, NIGHTLY_FILE, every_s=3_600, machine="small-2x", max_attempts=2),
    Task("nightly-cleanup", _nightly_cleanup, NIGHTLY_FILE, every_s=86_400, machine="small-2x", max_attempts=2),
)
