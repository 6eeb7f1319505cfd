"""The ticket in Markdown, and outside text inside of Markdown."""

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.attempt_pages import of
from tests.support.present.samples import HOSTILE, STACK, attempt, failure, full, sample, texts
from tui.domain.error import RunError
from tui.domain.run import AttemptHistory, AttemptStatus, Body, Environment, Run, RunId
from tui.domain.text import Raw, clean
from tui.features.copying.words import MAX_MESSAGE_CHARS, MAX_PAYLOAD_CHARS, ticket
from tui.text.blocks import code_block, code_span
from tui.text.redaction import Redactor

PROD = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"), Raw("proj_1"), Raw("https://tr.example.com/"))
MARKDOWN = st.text("`~|<>#*_[]()!\\\n\r -1.&x", max_size=30)


def read_span(span: str) -> str:
    """Return the text of a code span, read as CommonMark 0.31.2 §6.1 says."""
    fence = re.match("`+", span)
    assert fence is not None
    assert span.endswith(fence[0])
    inner = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inner), "the span ends inside of the text"
    is_padded = inner.startswith(" ") and inner.endswith(" ") and inner.strip(" ")
    return inner[1:-1] if is_padded else inner


@given(texts | MARKDOWN)
def test_code_span_holds_any_text_on_one_line(text: str) -> None:
    span = code_span(text)
    assert "\n" not in span
    assert read_span(span) == (clean(text) or '""')


@given(texts | MARKDOWN)
def test_code_block_is_closed_by_its_last_line_alone(text: str) -> None:
    first, *inner, last = code_block(text)
    assert first == f"{last}text"
    assert re.fullmatch("`{3,}", last)
    closing = re.compile(rf" {{0,3}}`{{{len(last)},}}\s*")
    assert not any(closing.fullmatch(line) for line in inner)


def failed() -> Run:
    run, last = full(), failure(3)
    attempts = (attempt(1, error=failure(1)), attempt(2, error=RunError(Raw("502 | `x`"), Raw("ShopifyError"))))
    assert run.attempts is not None
    stamp = run.attempts[0]
    history = AttemptHistory((*attempts, attempt(3, error=last)))
    return replace(run, error=(stamp, last), attempts=(stamp, history), attempt_count=3)


def test_ticket_has_all_parts() -> None:
    text = ticket(failed(), environment=PROD, has_payload=True)
    assert text.startswith("## Failed: `charge-card`\n\n- Run: `run_cmwuqwphl00009f7de45f6e3t`\n")
    for part in (
        "- Version: `20261124.3`",
        "- Environment: `prod` of `acme/api`",
        "- Created: 2026-11-24 13:48:37.210 UTC",
        "- Link: <https://tr.example.com/projects/v3/proj_1/runs/run_cmwuqwphl00009f7de45f6e3t>",
        "`Error`\n\n```text\nUpstream returned 503 on attempt 3: service unavailable\n```",
        "Own frames:\n\n```text\nsrc/trigger/charge.ts:20:29\nchargeStep1 (src/trigger/charge.ts:11:45)\n```",
        "Other frames: `2 frames  @trigger.dev/core 1 · node 1`",
        "- Attempt 1: Failed, started 2026-11-24 13:48:37.277 UTC, took 416ms, waited 57ms, the error above, but for",
        "- Attempt 2: Failed, started 2026-11-24 13:48:39.277 UTC, took 416ms, waited 1.6s, `` ShopifyError: 502",
        '### Payload\n\n```json\n{\n  "order": "ord_1001"\n}\n```\n',
    ):
        assert part in text, part
    assert "Payload" not in ticket(failed(), environment=PROD)


def test_last_attempt_has_the_word_of_the_run() -> None:
    crashed = of(sample("CRASHED", attempt_count=2), *(attempt(number, error=failure(number)) for number in (1, 2)))
    words = re.findall(r"^- Attempt \d: (\w+)", ticket(crashed), re.MULTILINE)
    assert words == ["Failed", "Crashed"]


def test_ticket_keeps_long_texts_short() -> None:
    run = failed()
    assert run.body is not None
    assert run.error_facet is not None
    long = replace(
        run,
        error=(run.error_facet[0], RunError(Raw("m" * 1_000_000), Raw("N" * 9_000))),
        attempts=None,
        body=(run.body[0], Body({"key": ["x" * 50] * 100_000})),
    )
    text = ticket(long, has_payload=True)
    assert len(text) < 2 * (MAX_MESSAGE_CHARS + MAX_PAYLOAD_CHARS)
    assert "… cut, 1.0 MB in all." in text
    assert "… cut, 5.8 MB in all." in text


def test_hostile_ticket_has_only_its_own_structure() -> None:
    lines = ticket(full(HOSTILE + "\n# x\n<b>|\n```\n"), environment=PROD).splitlines()
    fence, outside = "", []
    for line in lines:
        if fence:
            fence = "" if line == fence else fence
        elif row := re.match("`{3,}", line):
            fence = row[0]
        else:
            outside.append(re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line))
    assert not fence
    assert not [line for line in outside if re.search(r"<b>|^# |\x1b|\u202e", line)]


def test_ticket_has_no_known_secret() -> None:
    redactor = Redactor()
    redactor.hide("tr_prod_1234567890abcdef")
    run = failed()
    assert run.error_facet is not None
    error = RunError(Raw("401 for tr_prod_1234567890abcdef"), None, STACK)
    text = ticket(replace(run, error=(run.error_facet[0], error)), redact=redactor.redact)
    assert "401 for tr_…" in text
    assert "1234567890abcdef" not in text


def test_link_needs_a_plain_address() -> None:
    assert replace(PROD, dashboard_url=None).link_to(RunId("run_1")) is None
    assert replace(PROD, dashboard_url=Raw("javascript:x")).link_to(RunId("run_1")) is None
    assert replace(PROD, project_ref=Raw("a)b")).link_to(RunId("run_1")) is None


def test_ticket_of_a_run_without_an_error_says_what_is_known() -> None:
    text = ticket(sample("EXECUTING"))
    assert text.startswith("## Executing: `charge-card`\n")
    assert "Error" not in text
    assert "Took" not in text
    running = replace(failed(), attempts=None)
    assert "### Attempts" not in ticket(running)
    assert running.state is not None
    open_attempt = AttemptHistory((attempt(1, status=AttemptStatus.EXECUTING),), retry_at=None)
    assert running.error_facet is not None
    text = ticket(replace(running, attempts=(running.error_facet[0], open_attempt)))
    assert "- Attempt 1: Executing, started" in text
    assert str(timedelta()) not in text
