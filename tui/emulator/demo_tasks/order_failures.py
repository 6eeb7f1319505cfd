"""The failures of `orders`, as databases and services cause them.

The messages are those of the libraries. Ids, numbers, times, addresses, paths and quoted values differ from run to run;
codes, columns, constraints and properties are part of the cause.
"""

import json
from collections.abc import Callable, Sequence
from random import Random

from tui.emulator.demo_tasks.sample_data import address, between, pick
from tui.emulator.demo_tasks.stacks import (
    FETCH,
    JSON_PARSE,
    PG,
    S3,
    TICKS,
    TIMERS,
    error,
    own,
    stack,
    thrown_object,
    thrown_text,
)
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.script import Json

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
    _zod("price"),
    _zod("quantity"),
    _axios(429),
    _axios(503),
    _axios_timeout,
    _postgres('duplicate key value violates unique constraint "orders_number_key"'),
    _postgres('duplicate key value violates unique constraint "orders_external_id_key"'),
    _postgres('column "plan_tier" does not exist'),
    _postgres('column "region_code" does not exist'),
    _postgres(
        'insert or update on table "order_items" violates foreign key constraint "FK_9263386c35b6b242540f9493b00"'
    ),
    _postgres(
        'insert or update on table "order_items" violates foreign key constraint "FK_145532db85752b29c57d2b7b1f1"'
    ),
    _no_file,
    _no_access,
    _refused,
    _no_json,
    _no_object,
    _refused_field("phone"),
    _refused_field("vatId"),
    _deadline,
    unavailable,
    _undefined("id", "undefined"),
    _undefined("price", "undefined"),
    _undefined("id", "null"),
    _closed_window,
    _no_account,
    _checksum,
    _tenant("TENANT_SUSPENDED"),
    _tenant("QUOTA_EXCEEDED"),
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
