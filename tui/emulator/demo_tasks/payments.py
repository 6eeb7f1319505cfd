"""`src/trigger/payments.ts`: charges, refunds, dunning, and an hourly copy of the invoices.

The last digits of an order's number decide its outcome, so a declined card stays declined at each attempt.
"""

from random import Random

from tui.emulator.demo_tasks.sample_data import (
    CURRENCIES,
    address,
    between,
    customer,
    of_customer,
    order_tags,
    pick,
    skewed_ms,
)
from tui.emulator.demo_tasks.stacks import (
    FETCH,
    PG,
    STRIPE,
    STRIPE_CONNECTION,
    abort,
    bad_deploy,
    broken,
    custom,
    error,
    own,
    stack,
    thrown_object,
    thrown_text,
)
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.script import (
    AddTags,
    Backoff,
    Call,
    Child,
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

FILE = "src/trigger/payments.ts"
BRANDS = ("visa", "visa", "mastercard", "amex")

_CHARGE = (
    own("StripeGateway.charge", "lib/stripe.ts", 52, 18),
    own("chargeOrder", "lib/orders.ts", 118, 20),
    own("run", "trigger/payments.ts", 41, 19),
)
_DECLINED = stack(*STRIPE, *_CHARGE)
_TIMED_OUT = stack(*STRIPE_CONNECTION, *_CHARGE)
_FRAUD = stack(
    own("assertNotFraudulent", "lib/risk.ts", 77, 11, is_async=False),
    own("run", "trigger/payments.ts", 36, 5),
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


def _order(random: Random) -> Json:
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


TASKS = (
    Task("process-payment", _process_payment, FILE, weight=16, payload=_order, tags=order_tags),
    Task("refund-payment", _refund_payment, FILE, weight=3, payload=_order, tags=order_tags),
    Task(
        "retry-failed-charge",
        _retry_charge,
        FILE,
        weight=1,
        payload=_order,
        tags=order_tags,
        max_attempts=4,
        backoff=Backoff(first_ms=45_000, factor=2.0, max_ms=180_000),
    ),
    Task("sync-invoices", _sync_invoices, FILE, every_s=3600, machine="small-2x"),
)
BUGS = (("process-payment", CHARGE_BUG), ("refund-payment", REFUND_BUG))
