"""Tasks that make content: mail, posts, reports and videos."""

from random import Random

from tui.emulator.demo_tasks.samples import (
    LOCALES,
    OUT_OF_MEMORY,
    PLANS,
    REGIONS,
    S3,
    SMTP,
    abort,
    address,
    bad_deploy,
    between,
    broken,
    crash,
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
    timed_out,
)
from tui.emulator.recorded_tasks import LOST
from tui.emulator.recorded_tasks import stack as bare_stack
from tui.emulator.simulation.script import (
    AddTags,
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

# `src/trigger/mail.ts`: single messages through a limited queue, a sequence for new customers, a newsletter.
#
# The number of a message decides whether its address bounces.


MAIL_FILE = "src/trigger/mail.ts"
TEMPLATES = ("receipt", "password-reset", "invite", "weekly-digest", "trial-ending")

_SEND = (own("Mailer.send", "lib/mailer.ts", 64, 14), own("run", "trigger/mail.ts", 27, 22))
_SMTP = stack(*SMTP, *_SEND)

SEND_BUG = bad_deploy(
    "unsubscribeUrl is not defined",
    stack(
        own("footer", "emails/layout.tsx", 31, 24, is_async=False),
        own("Receipt", "emails/receipt.tsx", 12, 9, is_async=False),
        *(f"renderElement (file:///app/node_modules/react-dom/server.node.js:{line}:12)" for line in (4122, 4180)),
        own("renderTemplate", "lib/mailer.ts", 38, 16),
        *_SEND,
    ),
    "ReferenceError",
)


def _message(random: Random) -> Json:
    return {
        "to": address(random),
        "template": pick(random, TEMPLATES),
        "locale": pick(random, LOCALES),
        "message": between(random, 100_000, 1_000_000),
    }


def _mail_tags(random: Random) -> tuple[str, ...]:
    return ("transactional", "priority:high") if random.random() < 0.2 else ("transactional",)


def _send_email(call: Call) -> Script:
    letter = call.payload
    to, number = letter["to"], letter["message"]
    rendering = Log("INFO", f"rendering {letter['template']} for {to}", {"locale": letter["locale"], "cc": []})
    if call.bug:
        return broken(call, rendering)
    outcome, ms = number % 1000, skewed_ms(call.random, 120, 1300)
    if outcome < 60:
        if outcome < 24:
            message = f"550 5.1.1 <{to}>: Recipient address rejected: User unknown"
            failure = abort(message, _SMTP, cause="recipient is unknown")
        elif outcome < 28 or call.attempt == 1:
            failure = error(f"451 4.7.1 <{to}>: Greylisted, please try again later", _SMTP, cause="greylisted")
        else:
            return Script((Work(ms, (rendering, _SECOND_TRY)),), {"id": f"<{number}@mail.example.com>"})
        return Script((Work(ms, (rendering, Span("smtp", 0.8, failure=failure))),), throws=failure)
    sent = Span("smtp", 0.7, _DIALOGUE, {"host": "mx1.example.com", "bytes": 2048 + outcome * 31, "tls": True})
    return Script((Work(ms, (rendering, sent)),), {"id": f"<{number}@mail.example.com>", "accepted": [to]})


_SECOND_TRY = Log("INFO", "greylisting is over, accepted")
_DIALOGUE = (Log("DEBUG", "250 2.1.0 Sender OK"), Log("INFO", "250 2.0.0 Ok: queued"))


def _new_customer(random: Random) -> Json:
    return {"to": address(random), "plan": pick(random, PLANS), "referrer": None}


def _welcome_sequence(call: Call) -> Script:
    random, to = call.random, call.payload["to"]

    def mail(template: str) -> Start:
        letter = {"to": to, "template": template, "locale": "en", "message": between(random, 100_000, 1_000_000)}
        return Start((Child("send-email", letter, ("welcome",)),))

    first, second = mail("welcome"), mail("first-steps")
    greeting = Work(skewed_ms(random, 80, 600), (Log("INFO", f"welcome, {to}", {"plan": call.payload["plan"]}),))
    waits = (Wait(between(random, 20_000, 90_000)), Work(90, (_STILL_HERE,)))
    return Script((greeting, first, *waits, second, AddTags(("onboarded",))), {"sent": 2})


_STILL_HERE = Log("INFO", "the customer is still with us")


def _first_contact_ms(random: Random) -> int:
    return between(random, 15_000, 180_000)


def _issue(random: Random) -> Json:
    return {"issue": between(random, 100, 400), "segment": pick(random, PLANS), "readers": between(random, 40, 110)}


def _send_newsletter(call: Call) -> Script:
    random, issue = call.random, call.payload
    name = f"issue-{issue['issue']}"
    readers = tuple(
        Child(
            "send-email", {"to": address(random), "template": name, "locale": "en", "message": number}, ("newsletter",)
        )
        for number in (between(random, 100_000, 1_000_000) for _ in range(min(issue["readers"], 500)))
    )
    segment = {"segment": issue["segment"], "readers": len(readers), "filters": [{"opened": {"within_days": 90}}]}
    choosing = Work(between(random, 800, 2500), (Log("INFO", f"newsletter {name}: choosing readers", segment),))
    return Script((choosing, Start(readers, is_batch=True), Work(150)), {"issue": name, "readers": len(readers)})


MAIL_TASKS = (
    Task("send-email", _send_email, MAIL_FILE, weight=6, payload=_message, tags=_mail_tags, queue="email", ttl="10m"),
    Task(
        "welcome-sequence", _welcome_sequence, MAIL_FILE, weight=1.5, payload=_new_customer, delay_ms=_first_contact_ms
    ),
    Task("send-newsletter", _send_newsletter, MAIL_FILE, weight=0.08, payload=_issue, machine="micro"),
)
MAIL_BUGS = (("send-email", SEND_BUG),)


# `src/trigger/posts.ts`: posts of the blog, which a person must approve before they are published.


POST_FILE = "src/trigger/posts.ts"
APPROVALS = ("legal-approval", "editor-approval")
APPROVED_MS = (4_000, 40_000)
"""How long a person takes, at least and at most."""

TIMEOUT_MS = 86_400_000
"""How long an approval is waited for."""


def _post(random: Random) -> Json:
    return {"post": between(random, 1_000, 10_000), "approval": pick(random, APPROVALS)}


def _publish_post(call: Call) -> Script:
    random, post = call.random, call.payload
    number, approval = post["post"], str(post["approval"])
    token = Span("wait.createToken()", 0.3, icon="wait-token")
    drafted = Log("INFO", f"post {number} needs {approval}", {"post": number})
    return Script(
        (
            SetMetadata({"status": "waiting for approval", "progress": 0}),
            Work(skewed_ms(random, 200, 900), (drafted, token)),
            Wait(between(random, *APPROVED_MS), is_token=True, timeout_ms=TIMEOUT_MS, tags=(approval,)),
            Work(skewed_ms(random, 150, 800), (Log("INFO", f"published post {number}"),)),
            SetMetadata({"status": "done", "progress": 100}),
        ),
        {"url": f"https://blog.example.com/{number}"},
    )


POST_TASKS = (Task("publish-post", _publish_post, POST_FILE, weight=0.3, payload=_post),)


# `src/trigger/reports.ts`: a report waits for its pages, a page waits for its upload. Four levels with the usage log.
#
# A page that fails for good fails its report.


REPORT_FILE = "src/trigger/reports.ts"

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


REPORT_TASKS = (
    Task(
        "generate-report",
        _generate_report,
        REPORT_FILE,
        weight=1.2,
        payload=_request,
        tags=order_tags,
        queue="reports",
        machine="small-2x",
        max_attempts=2,
        ttl="3m",
    ),
    Task("render-page", _render_page, REPORT_FILE, payload=_page, machine="medium-1x", max_attempts=2),
    Task("upload-asset", _upload_asset, REPORT_FILE, weight=2, payload=_asset),
)
REPORT_BUGS = (("render-page", RENDER_BUG),)


# `src/trigger/video.ts`: long runs on large machines, a child for each rendition, and every way to lose a process.


VIDEO_FILE = "src/trigger/video.ts"
HEIGHTS = (360, 720, 1080, 2160)
MAX_S = 120

_PROBE = bare_stack(
    own("parseProbe", "lib/ffmpeg.ts", 47, 11, is_async=False),
    "ChildProcess.<anonymous> (file:///app/src/lib/ffmpeg.ts:39:14)",
    "ChildProcess.emit (node:events:518:28)",
    "maybeClose (node:internal/child_process:1101:16)",
    "ChildProcess._handle.onexit (node:internal/child_process:304:5)",
)


def _video(random: Random) -> Json:
    return {
        "video": between(random, 100_000, 1_000_000),
        "source": "s3://uploads/raw.mov",
        "seconds": between(random, 8, 400),
        "renditions": list(HEIGHTS[: between(random, 2, 5)]),
    }


def _transcode_video(call: Call) -> Script:
    random, video = call.random, call.payload
    number, heights = video["video"], video["renditions"][:8]
    probe = Span("ffprobe", 0.6, (Log("INFO", f"video {number}: {video['seconds']} s", {"streams": _STREAMS}),))
    probing = Work(between(random, 700, 2_500), (probe,))
    if number % 100 < 3:
        message = f"/data/videos/{number:x}/raw.mov: moov atom not found"
        return Script((probing,), throws=custom("UnsupportedCodecError", message, _PROBE, cause="no moov atom"))
    children = tuple(
        Child("transcode-rendition", {"video": number, "height": height, "seconds": video["seconds"]}, (f"{height}p",))
        for height in heights
    )
    return Script(
        (
            SetMetadata({"status": "probing", "total": len(heights)}),
            probing,
            SetMetadata({"status": "transcoding"}),
            Start(children, is_awaited=True, is_batch=True, must_succeed=number % 2 == 0),
            Work(between(random, 500, 1_500), (Log("INFO", "manifest written", {"renditions": heights}),)),
            SetMetadata({"status": "done", "percent": 100}),
        ),
        {"manifest": f"https://cdn.example.com/{number}/master.m3u8", "renditions": heights},
    )


_STREAMS = [{"codec": "h264", "fps": 29.97}, {"codec": "aac", "channels": 2, "language": None}]


def _rendition(random: Random) -> Json:
    return {
        "video": between(random, 100_000, 1_000_000),
        "height": pick(random, HEIGHTS),
        "seconds": between(random, 8, 400),
    }


def _transcode_rendition(call: Call) -> Script:
    random, job = call.random, call.payload
    number, height = job["video"], job["height"]
    ms = 6_000 + int(random.random() ** 2 * 60_000)
    command = Log("INFO", f"ffmpeg -i raw.mov -vf scale=-2:{height} -c:v libx264", {"crf": 21.5, "threads": 8})
    failure = _end_of_process(between(random, 0, 1000))
    items: list[Item] = [SetMetadata({"status": "encoding", "percent": 0, "progress": 0}), Work(ms // 4, (command,))]
    if failure is not None:
        items.append(Work(ms // 4, (Log("WARN", "memory is at 94 %", {"rss": {"mb": 7_612, "limit": 8_192}}),)))
        return Script(tuple(items), throws=failure)
    for percent in (25, 50, 75):
        items.append(
            SetMetadata({"percent": percent, "progress": percent / 100, "eta": ms * (100 - percent) // 100_000})
        )
        items.append(
            Work(ms // 4, (Log("INFO", f"frame={percent * job['seconds'] // 4} fps={height // 12} speed=1.2x"),))
        )
    return Script(
        (*items, SetMetadata({"percent": 100, "progress": 1})),
        {"file": f"{number}/{height}p.mp4", "bytes": height * 41_113},
    )


def _end_of_process(chance: int) -> Failure | None:
    if chance < 14:
        return OUT_OF_MEMORY
    if chance < 26:
        return crash(137, "SIGKILL")
    if chance < 34:
        return crash()
    if chance < 48:
        return timed_out(MAX_S)
    return LOST if chance < 51 else None


def _picture(random: Random) -> Json:
    return [f"s3://uploads/{between(random, 100_000, 1_000_000)}.jpg", between(random, 1, 5000), None]


def _extract_thumbnail(call: Call) -> Script:
    random = call.random
    ms = skewed_ms(random, 400, 12_000)
    if random.random() < 0.03:
        return Script((Work(ms, (_DECODING,)),), throws=crash(139, "SIGSEGV"))
    width = between(random, 120, 1_920)
    resize = Span("sharp", 0.7, (_DECODING,), {"width": width, "formats": ["webp", "avif"]})
    return Script((Work(ms, (resize,)),), [width, width * 9 // 16])


_DECODING = Log("INFO", "decoding", {"icc": None, "orientation": 6})

VIDEO_TASKS = (
    Task(
        "transcode-video",
        _transcode_video,
        VIDEO_FILE,
        weight=0.7,
        payload=_video,
        tags=region_tags,
        machine="small-2x",
        max_attempts=1,
        cancel_hook=(Log("WARN", "canceled: renditions are dropped"), Log("INFO", "temporary files removed")),
    ),
    Task(
        "transcode-rendition",
        _transcode_rendition,
        VIDEO_FILE,
        payload=_rendition,
        queue="video",
        machine="large-2x",
        ttl="10m",
        cancel_hook=(Log("INFO", "killing ffmpeg", {"signal": "SIGTERM", "pid": 4_113}),),
    ),
    Task("extract-thumbnail", _extract_thumbnail, VIDEO_FILE, weight=4, payload=_picture, machine="medium-1x"),
)
