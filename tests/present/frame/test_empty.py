"""The sentences in place of an empty list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, text_of
from tui.domain.filters import RunFilters
from tui.domain.run import Environment
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, SourceRetrying, SourceStopped
from tui.features.runs.words import ListFacts, empty_lines
from tui.store.freshness import Freshness, Level
from tui.text.styled import line_width

AT = datetime(2026, 11, 24, 13, 49, 8, tzinfo=UTC)
URL = "https://trigger.acme.example"
DEV = Environment(Raw("dev"), "DEVELOPMENT", Raw("api"), Raw("acme"))
FRESH = Freshness(Level.FRESH, AT, timedelta(seconds=2))
DONE = HistoryRead(AT, 0, is_complete=True)
DAY = timedelta(hours=24)
FACTS = ListFacts(AT, AT - DAY, DONE, freshness=FRESH, api_url=URL, environment=DEV, period=DAY)


def retrying(reason: str, status: int | None) -> Freshness:
    failure = SourceRetrying("rest", AT, AT + timedelta(seconds=4), 1, f"GET /api/v1/runs: {reason}", True, status)
    return Freshness(Level.CONNECTING, failure=failure, failure_since=AT)


def stopped(reason: str, status: int) -> Freshness:
    failure = SourceStopped("rest", AT, f"GET /api/v1/runs: {reason}", status)
    return Freshness(Level.STALE, failure=failure, failure_since=AT)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(FACTS, history=None, freshness=Freshness(Level.CONNECTING)), ["loading…"]),
        (
            replace(FACTS, history=None, freshness=Freshness(Level.CONNECTING, waited=timedelta(seconds=12))),
            ["loading…", "", f"No runs from {URL} for 12 s. Still trying."],
        ),
        (replace(FACTS, history=None), ["loading…"]),
        (
            replace(FACTS, now=AT + timedelta(seconds=4), freshness=retrying("503", 503)),
            ["The server has trouble (503).", "", "Trying again now."],
        ),
        (replace(FACTS, history=replace(DONE, is_complete=False)), ["loading… older pages are still being read"]),
        (replace(FACTS, run_count=7, is_filtered=True), ["No runs match. Esc clears the filter."]),
        (
            replace(FACTS, run_count=7, is_filtered=True, history=replace(DONE, is_complete=False)),
            ["No runs match so far. Older runs are still being read. Esc clears the filter."],
        ),
        (
            replace(FACTS, run_count=7, is_filtered=True, freshness=retrying("no connection", None)),
            ["No runs match. Esc clears the filter."],
        ),
        (
            replace(FACTS, filters=RunFilters(tags=("x",)), freshness=stopped("Query Error: no", 400)),
            [
                "The server refused the list of runs (400).",
                "",
                "r tries again, f changes the server filters, q ends the program.",
                "The server said: Query Error: no",
            ],
        ),
        (
            replace(FACTS, filters=RunFilters(tags=("x",))),
            ["No runs match the server filters. f changes them."],
        ),
        (
            replace(FACTS, history=replace(DONE, run_count=7)),
            ["No runs in the last 24 h. f looks further back."],
        ),
        (
            FACTS,
            [
                "No runs yet in dev.",
                "",
                "Trigger one from your code or the dashboard's Test page; it shows up here by itself.",
            ],
        ),
        (
            replace(FACTS, freshness=stopped("401 Invalid or Missing API key", 401)),
            [
                "The key was refused (401).",
                "",
                "Set TRIGGER_SECRET_KEY to the secret key of an environment: dashboard, page API keys.",
                "r tries again, q ends the program.",
            ],
        ),
        (
            replace(FACTS, freshness=stopped("403 missing the scope read:runs", 403)),
            [
                "This key may not list runs (403).",
                "",
                "A public access token needs the scope read:runs; a secret key may always list them.",
                "r tries again, q ends the program.",
                "The server said: missing the scope read:runs",
            ],
        ),
        (
            replace(FACTS, freshness=stopped("404, no such route: is TRIGGER_API_URL right?", 404)),
            [
                f"There is no API of Trigger.dev at {URL} (404).",
                "",
                "Set TRIGGER_API_URL to the address of the server, as the dashboard's page API keys shows it.",
                "r tries again, q ends the program.",
            ],
        ),
        (
            replace(FACTS, freshness=retrying("200, but a web page: is TRIGGER_API_URL right?", 200)),
            [
                f"A web page answers at {URL}, not the API.",
                "",
                "Set TRIGGER_API_URL to the address of the server, as the dashboard's page API keys shows it.",
                "Trying again in 4 s; r tries now.",
            ],
        ),
        (
            replace(FACTS, freshness=retrying("redirected to https://login.example, which was not followed", 302)),
            [
                f"What answers at {URL} is not the API of Trigger.dev.",
                "",
                "Set TRIGGER_API_URL to the address of the server, as the dashboard's page API keys shows it.",
                "Trying again in 4 s; r tries now.",
                "The server said: redirected to https://login.example, which was not followed",
            ],
        ),
        (
            replace(FACTS, freshness=retrying("no connection: refused", None)),
            [
                f"No answer from {URL}.",
                "",
                "Trying again in 4 s; r tries now.",
                "no connection: refused",
            ],
        ),
        (
            replace(FACTS, freshness=retrying("503 upstream down", 503)),
            [
                "The server has trouble (503).",
                "",
                "Trying again in 4 s; r tries now.",
                "The server said: upstream down",
            ],
        ),
        (
            replace(FACTS, freshness=retrying("429", 429)),
            ["The server's request budget is spent (429).", "", "Trying again in 4 s; r tries now."],
        ),
        (
            replace(FACTS, freshness=stopped("400 bad status", 400)),
            [
                "The server refused the list of runs (400).",
                "",
                "r tries again, q ends the program.",
                "The server said: bad status",
            ],
        ),
    ],
)
def test_every_reason_comes_with_what_to_do(facts: ListFacts, expected: list[str]) -> None:
    assert text_of(empty_lines(facts, 120)).split("\n") == ["", *expected]


@given(st.integers(20, 200), st.sampled_from(["", "x" * 300, HOSTILE]))
def test_no_line_is_wider_than_its_limit(width: int, text: str) -> None:
    for freshness in (retrying(text, 503), stopped(text, 403), FRESH):
        facts = replace(FACTS, freshness=freshness, environment=replace(DEV, slug=Raw(text)))
        assert max(map(line_width, empty_lines(facts, width))) <= width
