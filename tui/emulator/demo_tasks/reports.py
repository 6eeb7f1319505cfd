"""`src/trigger/reports.ts`: a report waits for its pages, a page waits for its upload. Four levels with the usage log.

A page that fails for good fails its report.
"""

from random import Random

from tui.emulator.demo_tasks.sample_data import REGIONS, between, customer, of_customer, order_tags, pick, skewed_ms
from tui.emulator.demo_tasks.stacks import S3, abort, bad_deploy, broken, error, own, stack
from tui.emulator.simulation.script import Call, Child, Item, Json, Log, Script, SetMetadata, Span, Start, Task, Work

FILE = "src/trigger/reports.ts"

_RENDER = (own("renderPage", "lib/pdf.ts", 83, 21), own("run", "trigger/reports.ts", 58, 18))
_CHROME = stack(
    "CdpPage._client.send (file:///app/node_modules/puppeteer-core/lib/esm/puppeteer/cdp/Connection.js:101:19)",
    "async CdpPage.pdf (file:///app/node_modules/puppeteer-core/lib/esm/puppeteer/cdp/Page.js:817:21)",
    *_RENDER,
)
_UPLOAD = stack(*S3, own("putObject", "lib/storage.ts", 26, 3), own("run", "trigger/reports.ts", 92, 7))

RENDER_BUG = bad_deploy(
    "Cannot find module '/app/assets/fonts/Inter-Bold.woff2'",
    stack(
        "finalizeResolution (node:internal/modules/esm/resolve:275:11)",
        "moduleResolve (node:internal/modules/esm/resolve:865:10)",
        own("loadFonts", "lib/pdf.ts", 19, 28),
        *_RENDER,
    ),
    "Error [ERR_MODULE_NOT_FOUND]",
)


def _request(random: Random) -> Json:
    return {
        "report": between(random, 100_000, 1_000_000),
        "customer": customer(random),
        "pages": between(random, 2, 6),
        "range": {"from": "2026-10-01", "to": "2026-11-01"},
        "format": "pdf",
    }


def _generate_report(call: Call) -> Script:
    random, request = call.random, call.payload
    number, pages = request["report"], min(request["pages"], 50)
    children = tuple(Child("render-page", {"report": number, "page": page}) for page in range(1, pages + 1))
    query = Span(
        "query the warehouse",
        0.8,
        (Span("SELECT … GROUP BY day", 0.9, (Log("DEBUG", "plan cached"),), {"rows": 31, "bytes": number}),),
    )
    started = Log("INFO", f"report {number}: {pages} pages", request["range"])
    return Script(
        (
            of_customer(request),
            SetMetadata({"status": "querying", "progress": 0, "total": pages}),
            Work(skewed_ms(random, 600, 5_000), (started, query)),
            SetMetadata({"status": "rendering", "progress": 0.25}),
            Start(children, is_awaited=True, is_batch=True, must_succeed=True),
            Work(between(random, 200, 900), (Log("INFO", "merging pages", {"pages": list(range(1, pages + 1))}),)),
            SetMetadata({"status": "done", "progress": 1, "percent": 100}),
        ),
        {"url": f"https://reports.example.com/{number}.pdf", "pages": pages},
    )


def _page(random: Random) -> Json:
    return {"report": between(random, 100_000, 1_000_000), "page": between(random, 1, 6)}


def _render_page(call: Call) -> Script:
    random, number, page = call.random, call.payload["report"], call.payload["page"]
    opening = Log("INFO", f"rendering page {page}")
    if call.bug:
        return broken(call, opening)
    outcome = (number + page * 37) % 100
    work = Work(skewed_ms(random, 1_000, 12_000), (opening, Span("chrome", 0.8, _PAINT, {"page": page, "dpi": 144})))
    if outcome < 3:
        return Script(
            (work,), throws=error("Protocol error (Page.printToPDF): Printing failed", _CHROME, "ProtocolError")
        )
    if outcome < 9 and call.attempt == 1:
        message = f"Navigation timeout of {10_000 * (1 + number % 3)} ms exceeded"
        return Script((work,), throws=error(message, _CHROME, "TimeoutError", cause="page did not load"))
    key = {"key": f"reports/{number}/{page}.pdf", "bytes": 40_000 + outcome * 977, "asset": number + page}
    items: tuple[Item, ...] = (work, Start((Child("upload-asset", key),), is_awaited=True, must_succeed=True))
    return Script(items, {"page": page, "bytes": key["bytes"]})


_PAINT = (
    Span("layout", 0.4, (Log("WARN", "font fallback", {"missing": ["Inter"], "used": None}),)),
    Span("print", 0.5),
)


def _asset(random: Random) -> Json:
    number = between(random, 100_000, 1_000_000)
    return {"key": f"uploads/{number}.bin", "bytes": between(random, 900, 9_000_000), "asset": number}


def _upload_asset(call: Call) -> Script:
    random, asset = call.random, call.payload
    number, size = asset["asset"], asset["bytes"]
    putting = Log("INFO", f"PUT {asset['key']}", {"bytes": size, "region": pick(random, REGIONS), "acl": None})
    work = Work(skewed_ms(random, 150, 2_600), (putting,))
    outcome = number % 200
    if outcome < 2:
        denied = abort("AccessDenied: the bucket policy forbids s3:PutObject", _UPLOAD)
        return Script((work,), throws=denied)
    if outcome < 8 and call.attempt == 1:
        return Script((work,), throws=error("Please reduce your request rate.", _UPLOAD, "SlowDown"))
    output = {"etag": f"{number * 2654435761 % 2**32:08x}"}
    if outcome % 4:
        return Script((work,), output)
    usage = Child("log-usage", {"meter": "storage", "units": size}, ("meter:storage",))
    return Script((work, Start((usage,))), output)


TASKS = (
    Task(
        "generate-report",
        _generate_report,
        FILE,
        weight=1.2,
        payload=_request,
        tags=order_tags,
        queue="reports",
        machine="small-2x",
        max_attempts=2,
        ttl="3m",
    ),
    Task("render-page", _render_page, FILE, payload=_page, machine="medium-1x", max_attempts=2),
    Task("upload-asset", _upload_asset, FILE, weight=2, payload=_asset),
)
BUGS = (("render-page", RENDER_BUG),)
