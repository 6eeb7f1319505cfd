"""Tasks of the shop: orders and payments."""

import json
from collections.abc import Callable, Sequence
from random import Random

from tui.emulator.demo_tasks.samples import (
    CURRENCIES,
    FETCH,
    JSON_PARSE,
    PG,
    S3,
    STRIPE,
    STRIPE_CONNECTION,
    TICKS,
    TIMERS,
    abort,
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
    skewed_ms,
    stack,
    thrown_object,
    thrown_text,
)
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import (
    AddTags,
    Backoff,
    Call,
    Child,
    Failure,
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

# The failures of orders, as databases and services cause them.
#
# The messages are those of the libraries. Ids, numbers, times, addresses, paths and quoted values differ from run to
# run; codes, columns, constraints and properties are part of the cause.


SHOPS = ("acme-store", "Café Lumière SARL", "北星商事", "Umbrella Health, Inc.", "bluebird", "Nordwind GmbH")

Throw = Callable[[Random], Failure]

_RUN = own("run", "trigger/orders.ts", 44, 18)
_UPSERT = (own("upsertOrder", "lib/orders.ts", 64, 10), _RUN)
_AXIOS = (
    "settle (file:///app/node_modules/axios/lib/core/settle.js:19:12)",
    "IncomingMessage.handleStreamEnd (file:///app/node_modules/axios/lib/adapters/http.js:599:11)",
    TICKS,
    own("pushTracking", "integrations/wms.ts", 177, 14),
    _RUN,
)
_ZOD = (
    "get error (file:///app/node_modules/zod/v3/types.js:39:31)",
    "ZodObject.parse (file:///app/node_modules/zod/v3/types.js:114:22)",
    own("parseOrder", "lib/orders.ts", 31, 20, is_async=False),
    _RUN,
)
_PRISMA = ("$n.handleRequestError (file:///app/node_modules/@prisma/client/runtime/library.js:121:7753)", TICKS)
_GRPC = (
    "callErrorFromStatus (file:///app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)",
    "Object.onReceiveStatus (file:///app/node_modules/@grpc/grpc-js/build/src/client.js:192:76)",
    TICKS,
    own("getInvoice", "grpc/billing.ts", 31, 8),
    _RUN,
)


def _prisma(fields: str, line: int) -> Throw:
    def throw(random: Random) -> Failure:
        at = line + between(random, 0, 9)
        message = (
            f"\nInvalid `prisma.order.upsert()` invocation in\n/app/src/lib/orders.ts:{at}:10\n\n"
            f"  {at - 2} export async function upsertOrder(input: OrderInput) {{\n"
            f"→ {at}   return prisma.order.upsert(\nUnique constraint failed on the fields: ({fields})"
        )
        return error(message, stack(*_PRISMA, *_UPSERT), "PrismaClientKnownRequestError", cause=f"P2002 {fields}")

    return throw


def _zod(field: str) -> Throw:
    def throw(random: Random) -> Failure:
        issue: Json = {
            "code": "invalid_type",
            "expected": "number",
            "received": "string",
            "path": ["items", between(random, 0, 300), field],
            "message": "Expected number, received string",
        }
        message = json.dumps([_shuffled(random, issue)], indent=2)
        return error(message, stack(*_ZOD), "ZodError", cause=f"{field} of an item is no number")

    return throw


def _shuffled(random: Random, value: Json) -> Json:
    """The object with its keys in another order."""
    return dict(random.sample(list(value.items()), len(value)))


def _axios(status: int) -> Throw:
    message = f"Request failed with status code {status}"
    return lambda _: error(message, stack(*_AXIOS), "AxiosError", cause=message)


def _axios_timeout(random: Random) -> Failure:
    message = f"timeout of {pick(random, (5_000, 10_000, 15_000))}ms exceeded"
    return error(message, stack(*TIMERS, *_AXIOS[3:]), "AxiosError", cause="WMS did not answer")


def _postgres(message: str) -> Throw:
    return lambda _: error(message, stack(*PG, *_UPSERT), "error", cause=message)


def _no_file(random: Random) -> Failure:
    name = pick(
        random, (_uuid(random), f"orders-2026-11-{between(random, 10, 30)}", f"Bestand ({random.randrange(40)})")
    )
    message = f"ENOENT: no such file or directory, open '/var/imports/{name}.csv'"
    trace = stack("async open (node:internal/fs/promises:637:25)", own("readFeed", "lib/feeds.ts", 102, 24), _RUN)
    return error(message, trace, cause="ENOENT of a feed")


def _no_access(random: Random) -> Failure:
    message = f"EACCES: permission denied, open '/mnt/data/{_hex(random, 10)}.csv'"
    trace = stack("async open (node:internal/fs/promises:637:25)", own("writeFeed", "lib/feeds.ts", 131, 9), _RUN)
    return error(message, trace, cause="EACCES of a feed")


def _refused(random: Random) -> Failure:
    message = f"connect ECONNREFUSED {_ip(random)}:{pick(random, (5432, 5433, 6432))}"
    trace = stack("TCPConnectWrap.afterConnect (node:net:1617:16)", TICKS, own("connect", "lib/pool.ts", 22, 7), _RUN)
    return error(message, trace, cause="pool is unreachable")


def _no_json(random: Random) -> Failure:
    start = pick(random, ("<!DOCTYPE ", "<?xml vers", "<html><bod"))
    message = f"Unexpected token '<', \"{start}\"... is not valid JSON"
    trace = stack(*JSON_PARSE, own("parseFeed", "lib/feeds.ts", 238, 9, is_async=False), _RUN)
    return error(message, trace, "SyntaxError", cause="feed is no JSON")


def _no_object(random: Random) -> Failure:
    message = f"The specified key does not exist: exports/{_uuid(random)}.json"
    return error(message, stack(*S3, own("readExport", "lib/storage.ts", 61, 5), _RUN), "NoSuchKey", cause="no export")


def _refused_field(field: str) -> Throw:
    def throw(random: Random) -> Failure:
        body = {
            "code": "invalid_field",
            "field": field,
            "requestId": f"req_{_hex(random, 16)}",
            "order": order_number(random),
        }
        message = f"CRM answered 422: {json.dumps(_shuffled(random, body))}"
        return error(message, stack(*FETCH, own("crmPost", "integrations/crm.ts", 117, 21), _RUN), cause=f"422 {field}")

    return throw


def _deadline(random: Random) -> Failure:
    message = f"4 DEADLINE_EXCEEDED: Deadline exceeded after {random.random() * 20:.3f}s,Waiting for LB pick"
    return error(message, stack(*_GRPC), cause="4 DEADLINE_EXCEEDED")


def unavailable(random: Random) -> Failure:
    address_ = f"{_ip(random)}:{between(random, 50_051, 50_060)}"
    message = f"14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED {address_}"
    return error(message, stack(*_GRPC), cause="14 UNAVAILABLE")


def _undefined(name: str, of: str) -> Throw:
    message = f"Cannot read properties of {of} (reading '{name}')"
    trace = stack(own("totalOf", "lib/totals.ts", 12, 40, is_async=False), _RUN)
    return lambda _: error(message, trace, "TypeError", cause=message)


def _closed_window(random: Random) -> Failure:
    day, hour = between(random, 10, 30), between(random, 0, 23)
    window = f"2026-11-{day}T{hour:02d}:00:00.000Z to 2026-11-{day}T{hour + 1:02d}:00:00.000Z"
    trace = stack(own("assertOpen", "lib/windows.ts", 17, 11, is_async=False), _RUN)
    return error(f"Invoice window {window} is closed", trace, "WindowError", cause="invoice window is closed")


def _no_account(random: Random) -> Failure:
    trace = stack(own("accountOf", "lib/accounts.ts", 9, 11), _RUN)
    return error(f"No account for {address(random)}", trace, "NotFoundError", cause="no account")


def _checksum(random: Random) -> Failure:
    message = f"Checksum mismatch: expected {_hex(random, 40)}, got {_hex(random, 40)}"
    return error(message, stack(own("verify", "lib/storage.ts", 88, 11), _RUN), cause="checksum mismatch")


def _tenant(code: str) -> Throw:
    def throw(random: Random) -> Failure:
        limit = pick(random, (0, 100, 25_000))
        body = {"requestId": f"req_{_hex(random, 16)}", "tenant": pick(random, SHOPS), "limit": limit, "code": code}
        return thrown_object(_shuffled(random, body), code)

    return throw


def _rejected(random: Random) -> Failure:
    total = between(random, 20, 20_000)
    message = f'Import failed for shop "{pick(random, SHOPS)}": {between(random, 1, total)} of {total} rows rejected'
    return thrown_text(message, "rows rejected")


FAILURES: Sequence[Throw] = (
    _prisma("`shop_id`,`number`", 53),
    _prisma("`external_id`", 64),
    *map(_zod, ("price", "quantity")),
    *map(_axios, (429, 503)),
    _axios_timeout,
    *(
        _postgres(f'duplicate key value violates unique constraint "orders_{key}_key"')
        for key in ("number", "external_id")
    ),
    *(_postgres(f'column "{column}" does not exist') for column in ("plan_tier", "region_code")),
    *(
        _postgres(f'insert or update on table "order_items" violates foreign key constraint "FK_{key}"')
        for key in ("9263386c35b6b242540f9493b00", "145532db85752b29c57d2b7b1f1")
    ),
    _no_file,
    _no_access,
    _refused,
    _no_json,
    _no_object,
    *map(_refused_field, ("phone", "vatId")),
    _deadline,
    unavailable,
    *(_undefined(*names) for names in (("id", "undefined"), ("price", "undefined"), ("id", "null"))),
    _closed_window,
    _no_account,
    _checksum,
    *map(_tenant, ("TENANT_SUSPENDED", "QUOTA_EXCEEDED")),
    _rejected,
)


def failure_of(number: int) -> Failure:
    """The failure of an order. Neighbouring numbers fail in different ways."""
    random = Random(number)
    return FAILURES[number // 100 % len(FAILURES)](random)


def order_number(random: Random) -> int:
    return between(random, 100_000, 1_000_000)


def _uuid(random: Random) -> str:
    digits = _hex(random, 32)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _hex(random: Random, length: int) -> str:
    return f"{random.getrandbits(4 * length):0{length}x}"


def _ip(random: Random) -> str:
    return f"10.{between(random, 0, 256)}.{between(random, 0, 256)}.{between(random, 1, 255)}"


# `src/trigger/orders.ts`: orders from shops, copied through databases and services that fail as real ones do.


ORDER_FILE = "src/trigger/orders.ts"
HOSTS = ("api.globex.test", "eu1.initech.test", "crm.northwind.test")

FAILING = 45
"""This many orders of a hundred fail in their first attempt."""

FOR_GOOD = 30
"""This many of a hundred fail in each attempt."""


def storm(number: int) -> NewRun:
    """A run of a storm: the service for invoices cannot be reached, from another address each time."""
    order = (100 + number) * 100 * len(FAILURES) + 100 * FAILURES.index(unavailable) + number % FOR_GOOD
    payload = {"order": order, "shop": SHOPS[number % len(SHOPS)], "host": HOSTS[0], "lines": []}
    return NewRun(task_id="sync-order", payload=payload, tags=("source:storm",), max_attempts=1)


def _order(random: Random) -> Json:
    return {"order": order_number(random), "shop": pick(random, SHOPS), "host": pick(random, HOSTS), "lines": []}


def _sync_order(call: Call) -> Script:
    random, order = call.random, call.payload
    number, shop = order["order"], order["shop"]
    reading = Log("INFO", f"order {number} of {shop}", {"host": order["host"], "lines": order["lines"]})
    outcome, ms = number % 100, skewed_ms(random, 90, 2_400)
    tagging = AddTags((f"shop:{shop}"[:64],))
    if outcome < (FAILING if call.attempt == 1 else FOR_GOOD):
        failure = failure_of(number)
        refused = Log("ERROR", f"order {number} was not copied", _logged(failure))
        return Script((tagging, Work(ms, (reading, Span("copy", 0.7, failure=failure), refused))), throws=failure)
    return Script((tagging, Work(ms, (reading, Span("copy", 0.7)))), {"order": number, "copied": True})


def _logged(failure: Failure) -> Json:
    """An error with its cause as a task logs it: stacks are part of the attributes."""
    cause = {"name": "Error", "message": "socket hang up", "code": "ECONNRESET", "stack": _HANG_UP}
    return {"error": {"name": failure.name, "message": failure.message, "stack": failure.stack_trace, "cause": cause}}


_HANG_UP = (
    "Error: socket hang up\n"
    "    at Socket.socketOnEnd (node:_http_client:524:23)\n"
    "    at Socket.emit (node:events:530:35)\n"
    "    at endReadableNT (node:internal/streams/readable:1698:12)\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:90:21)"
)


ORDER_TASKS = (Task("sync-order", _sync_order, ORDER_FILE, weight=3, payload=_order, tags=order_tags, max_attempts=2),)


# `src/trigger/payments.ts`: charges, refunds, dunning, and an hourly copy of the invoices.
#
# The last digits of an order's number decide its outcome, so a declined card stays declined at each attempt.


PAYMENT_FILE = "src/trigger/payments.ts"
BRANDS = ("visa", "visa", "mastercard", "amex")

_CHARGE = (
    own("StripeGateway.charge", "lib/stripe.ts", 52, 18),
    own("chargeOrder", "lib/orders.ts", 118, 20),
    own("run", "trigger/payments.ts", 41, 19),
)
_DECLINED = stack(*STRIPE, *_CHARGE)
_TIMED_OUT = stack(*STRIPE_CONNECTION, *_CHARGE)
_FRAUD = stack(
    own("assertNotFraudulent", "lib/risk.ts", 77, 11, is_async=False), own("run", "trigger/payments.ts", 36, 5)
)
_LEDGER = stack(*PG, own("insertLedgerEntry", "lib/ledger.ts", 29, 3), own("run", "trigger/payments.ts", 58, 7))
_DUNNING = stack(*FETCH, own("postJson", "lib/http.ts", 23, 20), own("run", "trigger/payments.ts", 131, 22))

CHARGE_BUG = bad_deploy(
    "Cannot read properties of undefined (reading 'currency')",
    stack(
        own("toStripeAmount", "lib/money.ts", 14, 37, is_async=False),
        own("StripeGateway.intentOf", "lib/stripe.ts", 44, 22, is_async=False),
        *_CHARGE,
    ),
)
REFUND_BUG = bad_deploy(
    "refundReasons is not defined",
    stack(own("reasonOf", "lib/refunds.ts", 9, 3, is_async=False), own("run", "trigger/payments.ts", 88, 20)),
    "ReferenceError",
)


def _paid_order(random: Random) -> Json:
    return {
        "order": between(random, 100_000, 1_000_000),
        "customer": customer(random),
        "amount": between(random, 499, 48_000),
        "currency": pick(random, CURRENCIES),
        "card": {"brand": pick(random, BRANDS), "last4": f"{between(random, 0, 10_000):04d}", "wallet": None},
    }


def _process_payment(call: Call) -> Script:
    random, order = call.random, call.payload
    number, amount, currency = order["order"], order["amount"], order["currency"]
    tagging = of_customer(order)
    charging = Log("INFO", f"charging order {number}", {"amount": amount, "currency": currency, "card": order["card"]})
    if call.bug:
        return broken(call, charging)
    outcome = number % 1000
    ms = skewed_ms(random, 200, 8_000)
    charge_failure = _charge_failure(outcome, call.attempt, order)
    if charge_failure is not None:
        where, failure = charge_failure
        return Script((tagging, Work(ms, (charging, Span(where, 0.7, failure=failure)))), throws=failure)
    intent = f"pi_{number:08x}"
    paid = Work(
        ms,
        (
            charging,
            Span(
                "stripe.paymentIntents.create",
                0.6,
                (
                    Span("POST /v1/payment_intents", 0.8, _TLS, {"http.status_code": 200, "retries": 0}),
                    Log("INFO", f"intent {intent} succeeded"),
                ),
                {"intent": intent, "amount": amount},
            ),
            Log("INFO", f"ledger: +{amount / 100:.2f} {currency}"),
        ),
    )
    output = {"intent": intent, "status": "succeeded", "net": amount - amount // 40, "receiptUrl": None}
    if outcome % 5:
        return Script((tagging, paid), output)
    receipt = {"to": address(random), "template": "receipt", "locale": "en", "message": number}
    return Script((tagging, paid, Start((Child("send-email", receipt, ("receipt",)),))), output)


_TLS = (Span("tls handshake", 0.3), Log("DEBUG", "keep-alive socket reused", {"pool": {"free": 3, "busy": 1}}))


def _charge_failure(outcome: int, attempt: int, order: Json) -> tuple[str, Failure] | None:
    """The name of the failing span, and its failure."""
    if outcome >= 150:
        return None
    if outcome < 40:
        message = f"Card was declined for customer {order['customer']}"
        return "stripe.paymentIntents.create", custom("PaymentDeclinedError", message, _DECLINED, cause="card declined")
    if outcome < 48:
        message = f"Order {order['order']} was flagged as fraudulent (score 0.{90 + outcome % 10})"
        return "assess risk", abort(message, _FRAUD, cause="order is fraudulent")
    if attempt > 1:
        return None
    if outcome < 95:
        return "stripe.paymentIntents.create", _disconnected(1 + outcome % 3)
    return "insert ledger entry", _DEADLOCK


def _disconnected(times: int) -> Failure:
    message = f"An error occurred with our connection to Stripe. Request was retried {times} times."
    return error(message, _TIMED_OUT, "StripeConnectionError", cause="no connection to Stripe")


_DEADLOCK = error("deadlock detected", _LEDGER, "error")


def _refund_payment(call: Call) -> Script:
    order = call.payload
    number = order["order"]
    looking = Log("INFO", f"refunding order {number}", {"order": number, "reasons": ["requested_by_customer"]})
    if call.bug:
        return broken(call, looking)
    outcome, work = number % 100, Work(skewed_ms(call.random, 200, 3000), (looking,))
    if outcome < 4:
        message = f"refund window closed for order {number}"
        return Script((work,), throws=thrown_text(message, "refund window closed"))
    if outcome < 8:
        code = "charge_already_refunded" if outcome < 7 else "charge_disputed"
        thrown = {"code": code, "charge": f"ch_{number:x}", "status": 400, "retryable": False}
        if number % 3 == 0:
            thrown = dict(reversed(thrown.items()))
        return Script((work,), throws=thrown_object(thrown, code))
    return Script((work, AddTags(("refunded",))), {"refund": f"re_{number:x}", "amount": order["amount"]})


def _retry_charge(call: Call) -> Script:
    """The backoff is so long that the run goes back to its queue between attempts."""
    random, number = call.random, call.payload["order"]
    step = call.attempt
    items = (
        SetMetadata({"status": f"attempt {step} of 4", "step": step}),
        Work(skewed_ms(random, 300, 2500), (Log("WARN", f"invoice of order {number} is overdue", {"step": step}),)),
    )
    outcome = number % 10
    if outcome < 1 or (outcome < 6 and step == 1) or (outcome < 3 and step == 2):
        return Script(items, throws=error("fetch failed", _DUNNING, "TypeError"))
    return Script((*items, AddTags(("recovered",))), {"collected": True, "steps": step})


def _sync_invoices(call: Call) -> Script:
    random = call.random
    pages = between(random, 4, 9)
    items: list[Work | SetMetadata | Wait] = [SetMetadata({"status": "listing", "progress": 0, "total": pages})]
    for page in range(1, pages + 1):
        count = between(random, 40, 101)
        lines = (Log("INFO", f"page {page}: {count} invoices", {"page": page, "count": count, "cursor": None}),)
        items += (
            Work(between(random, 900, 3200), lines),
            SetMetadata({"progress": round(page / pages, 2), "status": "syncing"}),
        )
    items.append(Wait(2_000))
    return Script((*items, SetMetadata({"status": "done"})), {"pages": pages})


PAYMENT_TASKS = (
    Task("process-payment", _process_payment, PAYMENT_FILE, weight=16, payload=_paid_order, tags=order_tags),
    Task("refund-payment", _refund_payment, PAYMENT_FILE, weight=3, payload=_paid_order, tags=order_tags),
    Task(
        "retry-failed-charge",
        _retry_charge,
        PAYMENT_FILE,
        weight=1,
        payload=_paid_order,
        tags=order_tags,
        max_attempts=4,
        backoff=Backoff(first_ms=45_000, factor=2.0, max_ms=180_000),
    ),
    Task("sync-invoices", _sync_invoices, PAYMENT_FILE, every_s=3600, machine="small-2x"),
)
PAYMENT_BUGS = (("process-payment", CHARGE_BUG), ("refund-payment", REFUND_BUG))
