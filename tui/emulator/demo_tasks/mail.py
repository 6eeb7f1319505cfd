"""`src/trigger/mail.ts`: single messages through a limited queue, a sequence for new customers, a newsletter.

The number of a message decides whether its address bounces.
"""

from random import Random

from tui.emulator.demo_tasks.sample_data import LOCALES, PLANS, address, between, pick, skewed_ms
from tui.emulator.demo_tasks.stacks import SMTP, abort, bad_deploy, broken, error, own, stack
from tui.emulator.simulation.script import AddTags, Call, Child, Json, Log, Script, Span, Start, Task, Wait, Work

FILE = "src/trigger/mail.ts"
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


TASKS = (
    Task("send-email", _send_email, FILE, weight=6, payload=_message, tags=_mail_tags, queue="email", ttl="10m"),
    Task("welcome-sequence", _welcome_sequence, FILE, weight=1.5, payload=_new_customer, delay_ms=_first_contact_ms),
    Task("send-newsletter", _send_newsletter, FILE, weight=0.08, payload=_issue, machine="micro"),
)
BUGS = (("send-email", SEND_BUG),)
