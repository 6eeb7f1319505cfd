"""What leaves the monitor: copied texts, tickets in Markdown, texts for a pager, commands for a shell."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fleet import SECRET
from tests.support.present.attempt_pages import of
from tests.support.present.samples import HOSTILE, STACK, attempt, failure, full, sample, texts
from tui.domain.error import RunError
from tui.domain.run import AttemptHistory, AttemptStatus, Body, Environment, Json, Run, RunId
from tui.domain.text import Raw, clean
from tui.features.copying import words
from tui.settings.secret import Secret
from tui.settings.settings import Settings
from tui.store.addresses import parse_address
from tui.text.blocks import code_block, code_span
from tui.text.redaction import Redactor

DEEP: Json = []
for _ in range(5_000):
    DEEP = [DEEP]


def test_copied_text_is_raw() -> None:
    clips = {clip.name: clip.text for clip in words.clips_of(full("日\x1b"))}
    assert clips["payload"] == '{"order日\\u001b": "ord_1001日\\u001b"}'
    assert clips["output"] == '["out日\\u001b", 42]'
    assert clips["metadata"] == '{"step日\\u001b": "charge日\\u001b"}'
    assert (clips["error"] or "").startswith("CardError日\x1b: Card was declined日\x1b\nno frames")
    assert [clip.name for clip in words.clips_of(sample())] == ["id"]
    error = replace(failure(1), message=Raw("Upstream"), stack=Raw("Error: Upstream\n    at x"), causes=(failure(2),))
    text = words.error_text(error)
    assert text.startswith("Error: Upstream\n    at x\ncaused by Error: "), (
        "a stack that repeats the error stands alone"
    )
    assert words.json_of(["\ud800"]) == '["\\ud800"]'
    assert words.value_text(DEEP).count("[") > 100
    assert words.json_of(DEEP) == "[" * 5001 + "]" * 5001


# Texts for a pager hold all of a value, and nothing that a terminal would obey.

TEXTS = st.text(st.characters(), max_size=12) | st.text("\x1b[2J\x9b\u202e\u200d\n\r\t\x07😀\ud800é", max_size=12)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, TEXTS)
def test_value_for_a_pager_is_the_same_json_without_controls(value: Json, text: str) -> None:
    shown = words.value_text(value)
    assert json.loads(shown) == value
    for line in shown.removesuffix("\n").split("\n"):
        assert line.isprintable()
    for line in (*shown.split("\n"), *words.block_text(text).split("\n")):
        assert clean(line) == line


# Outside text inside of Markdown.

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
def test_code_holds_any_text(text: str) -> None:
    span = code_span(text)
    assert "\n" not in span
    assert read_span(span) == (clean(text) or '""')
    first, *inner, last = code_block(text)
    assert first == f"{last}text"
    assert re.fullmatch("`{3,}", last)
    closing = re.compile(rf" {{0,3}}`{{{len(last)},}}\s*")
    assert not any(closing.fullmatch(line) for line in inner), "its last line alone closes it"


PROD = Environment(Raw("prod"), "PRODUCTION", Raw("api"), Raw("acme"), Raw("proj_1"), Raw("https://tr.example.com/"))


def failed(error: RunError | None = None, **changes: object) -> Run:
    run, last = full(), error or failure(3)
    assert run.attempts is not None
    stamp = run.attempts[0]
    attempts = (attempt(1, error=failure(1)), attempt(2, error=RunError(Raw("502 | `x`"), Raw("ShopifyError"))))
    history = (stamp, AttemptHistory((*attempts, attempt(3, error=last))))
    fields = {"error": (stamp, last), "attempts": history, "attempt_count": 3}
    return replace(run, **(fields | changes))  # type: ignore[arg-type]


def test_hostile_ticket_has_only_its_own_structure() -> None:
    fence, outside = "", []
    for line in words.Ticket(full(HOSTILE + "\n# x\n<b>|\n```\n"), PROD).text().splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif row := re.match("`{3,}", line):
            fence = row[0]
        else:
            outside.append(re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line))
    assert not fence
    assert not [line for line in outside if re.search(r"<b>|^# |\x1b|\u202e", line)]


def test_ticket_has_all_parts() -> None:
    text = words.Ticket(failed(), PROD).text(has_payload=True)
    for part in (
        "## Failed: `charge-card`\n\n- Run: `run_cmwuqwphl00009f7de45f6e3t`\n",
        "- Link: <https://tr.example.com/projects/v3/proj_1/runs/run_cmwuqwphl00009f7de45f6e3t>",
        "Frames of our code:\n\n```text\nsrc/trigger/charge.ts:20:29\nchargeStep1 (src/trigger/charge.ts:11:45)\n```",
        "- Attempt 1: Failed, started 2026-11-24 13:48:37.277 UTC, took 416ms, waited 57ms, the error above, except",
        '### Payload\n\n```json\n{\n  "order": "ord_1001"\n}\n```\n',
    ):
        assert part in text, part
    running = words.Ticket(of(sample("EXECUTING"), attempt(1, status=AttemptStatus.EXECUTING))).text()
    assert not any(word in running for word in ("Error", "Took", "Payload", "0:00:00"))


def test_ticket_is_short_harmless_and_has_no_secret() -> None:
    body = full().body
    assert body is not None
    payload = (body[0], Body({"key": ["x" * 50] * 100_000}))
    long = failed(RunError(Raw("m" * 1_000_000), Raw("N" * 9_000)), attempts=None, body=payload)
    text = words.Ticket(long).text(has_payload=True)
    assert len(text) < 2 * (words.MAX_MESSAGE_CHARS + words.MAX_PAYLOAD_CHARS)
    assert "… cut, 1.0 MB in all." in text
    assert "… cut, 5.8 MB in all." in text
    redactor = Redactor()
    redactor.hide("tr_prod_1234567890abcdef")
    text = words.Ticket(
        failed(RunError(Raw("401 for tr_prod_1234567890abcdef"), None, STACK)), redact=redactor.redact
    ).text()
    assert "401 for tr_…" in text
    assert "1234567890abcdef" not in text


# Shell commands and requests by curl that show the same as a view.

CLOUD = Settings("https://api.trigger.dev", Secret(SECRET))
OWN = replace(CLOUD, api_url="https://trigger.example.com:8443/x/", branch="it's $HOME")
RELAYED = replace(CLOUD, relay_url="wss://relay.example.com", relay_ca=PurePath("/my ca.pem"))
SHELL = st.text(st.sampled_from("'\"\\$`!*?[]{}()<>|&;#~ =%^-\n\t\x1b\x00é€😀a1"), max_size=20)


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with programs that print their arguments, each before a NUL."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("trigger-tui", "curl"):
        program = folder / name
        program.write_text('#!/bin/sh\nprintf \'%s\\0\' "$TRIGGER_API_URL" "$@"\n')
        program.chmod(0o700)
    return folder


def arguments_of(text: str, echoing: Path) -> list[str]:
    """Return the variable of the address and the arguments that the program gets when a shell runs a command."""
    environ = {"PATH": f"{echoing}:/usr/bin:/bin", "TRIGGER_SECRET_KEY": SECRET}
    done = subprocess.run(["sh", "-c", text], env=environ, cwd=echoing, capture_output=True, check=True, timeout=100)
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@given(st.lists(SHELL, max_size=4), SHELL)
def test_shell_hands_every_value_over_unchanged(echoing: Path, values: Sequence[str], url: str) -> None:
    text = words.shell_text(["trigger-tui", *values], {"TRIGGER_API_URL": url})
    if text is None:
        assert not all(words.is_pastable(value) for value in (*values, url))
    else:
        assert "\n" not in text
        assert arguments_of(text, echoing) == [url, *values]


@given(SHELL, SHELL)
def test_curl_hands_url_and_headers_over_unchanged(echoing: Path, value: str, branch: str) -> None:
    text = words.curl_for("/api/v1/runs", {"filter[task]": value}, replace(OWN, branch=branch), headers={"x-v": "1"})
    if text is None:
        assert not words.is_pastable(branch)
        return
    assert SECRET not in text
    _, _, _, bearer, *headers, url = arguments_of(text, echoing)
    assert bearer == f"Authorization: Bearer {SECRET}"
    assert headers == ["-H", "x-v: 1", *(["-H", f"x-trigger-branch: {branch}"] if branch else [])]
    assert url.startswith("https://trigger.example.com:8443/x/api/v1/runs?filter%5Btask%5D=")
    assert not set(url) & set(" '\"[]{}\\")


FILTERED = "runs?server-task=a-task&server-status=threw,timed-out&since=7d"
RELAY = "trigger-tui --relay wss://relay.example.com --tls-ca '/my ca.pem' 'run?id=run_1'"
AT_HOME = "TRIGGER_API_URL=https://trigger.example.com:8443/x/ TRIGGER_PREVIEW_BRANCH='it'\"'\"'s $HOME' "


@pytest.mark.parametrize(
    ("address", "settings", "command"),
    [
        ("run?id=run_1&pane=logs", CLOUD, "trigger-tui logs run_1"),
        (FILTERED, CLOUD, "trigger-tui ls --task a-task --status threw --status timed-out --period 7d"),
        ("runs?task=charge-*&status=failed", CLOUD, "trigger-tui 'runs?task=charge-*&status=failed'"),
        ("errors?since=6h", CLOUD, "trigger-tui errors --since 6h"),
        ("run?id=run_1", OWN, f"{AT_HOME}trigger-tui show run_1"),
        ("run?id=run_1", RELAYED, RELAY),
    ],
)
def test_command_prints_the_same_or_opens_the_address(address: str, settings: Settings, command: str) -> None:
    assert words.command_for(parse_address(address), settings, shown=12) == command
    assert words.command_for(parse_address("runs?"), CLOUD, shown=812) == "trigger-tui ls --limit 1000"
    assert words.curl_for("/api/v1/runs", {}, RELAYED, headers={}) is None
    odd = replace(parse_address("run?id=run_1"), run=RunId("run_\x1b[201~\n"))
    assert words.command_for(odd, CLOUD) is None
