"""Compares what this checkout decodes with what another decodes: `python -m tests.compare_decoding FOLDER`.

FOLDER is a checkout of the commit before, for example by `git worktree add FOLDER COMMIT`. Each side is a process of
its own checkout. It sends the requests of every public method of the client to a server in the same process, which
answers with the recordings of that route, as they are and damaged: every key of every route is missing, of another
type, huge, nested too deep and so on. What a method returns, raises and reports must be equal on both sides, field for
field, and so must its request. Lines of the relay's protocol are decoded and encoded again likewise.
"""

import argparse
import asyncio
import dataclasses
import difflib
import inspect
import json
import os
import pickle
import re
import resource
import subprocess
import sys
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, aclosing, closing, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import islice
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

HERE: Final = Path(__file__).parents[1]
KEY: Final = "tr_dev_aVerySecretKey0123456789"
NOW: Final = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)

PAGES: Final = {
    "list_error_groups": ("groups", "next", "unreadable", "is_cut"),
    "read_queues": ("queues", "page_count", "unreadable"),
    "read_schedules": ("schedules", "page_count", "unreadable"),
    "read_tokens": ("tokens", "next", "unreadable"),
    "read_deployments": ("deployments", "unreadable"),
}
"""The fields of the pages that were classes of their own. A `RowsPage` has more, which nothing reads."""

TEXTS_OF_ERRORS: Final = "not JSON|no id|no list of events|a run without an id|type is not known"
BY_QUERY: Final = "count_runs|read_minutes|read_waits|read_holders|read_hour|read_tree_rows"
LISTED: Final = {
    rf".*\n  -raised ServerFault '.*({TEXTS_OF_ERRORS}).*\n  \+raised ServerFault '.*\Z": "an answer that cannot be"
    " read has another text",
    r"read_span .*\n  -raised ServerFault (.|\n)*\+ SpanDetail": "a span is read without its values that nest too deep",
    r"read_trace .*attemptNumber = (true|false)\n": "an attempt has no number true",
    r"read_events .*attemptNumber = .*": "a number of an attempt that is none is absent",
    r"(read_run|read_schedules|read_tokens|read_deployments) .*\n  \+reported .*": "what was cut silently is reported",
    rf"({BY_QUERY}) .*\n  -reported .*": "an answer that cannot be read reports no truncation besides",
    r"(read_hour|read_tree_rows) .*/(n|task|failed|p95_ms|\w+_duration) = .*": "true is no number, 1 is no task",
    r"read_feed(_on)? .*/isTest = .*": "a flag of the feed may be a JSON boolean",
    r"list_runs .*/next = .*": "a cursor that cannot be sent is none",
    r"read_span .*/roles has 10001 items": "a list in a span has 10,000 items at most",
    r"relay .*environment/environment/(project|organisation) is missing": "an environment may have no names",
    r"read_tokens .*\n  -.unreadable 0\n  \+.unreadable 1": "a token without a readable time is counted as unreadable",
    r"relay .*\n  -crashed TypeError (.|\n)*\+raised ServerFault": "a source that is no object is refused",
}
"""Differences that are meant, as the name of an answer and its difference, with their reason."""

ROUTES: Final = {
    r"GET /api/v1/runs": ("list_runs", "read_schedule_runs"),
    r"GET /api/v3/runs/([^/]+)": ("read_run",),
    r"GET /api/v1/runs/([^/]+)/trace": ("read_trace", "read_trace_nodes"),
    r"GET /api/v1/runs/([^/]+)/events": ("read_events", "read_log"),
    r"GET /api/v1/runs/([^/]+)/spans/([^/]+)": ("read_span",),
    r"POST /api/v1/query": ("count_runs",),
    r"GET /api/v1/errors": ("list_error_groups",),
    r"GET /api/v1/errors/([^/]+)": ("read_error_group",),
    r"GET /api/v1/queues": ("read_queues",),
    r"GET /api/v1/queues/([^/]+)": ("read_queue",),
    r"GET /api/v1/queues/([^/]+)/metrics": ("read_queue_metrics",),
    r"GET /api/v1/concurrency-limits": ("read_limits",),
    r"GET /api/v1/schedules": ("read_schedules",),
    r"GET /api/v1/waitpoints/tokens": ("read_tokens",),
    r"GET /api/v1/deployments": ("read_deployments",),
    r"GET /api/v[12]/whoami": ("whoami",),
    r"POST /api/v2/runs/([^/]+)/cancel": ("cancel",),
    r"POST /api/v1/runs/([^/]+)/replay": ("replay",),
    r"GET /realtime/v1/runs(?:/([^/]+))?": ("read_feed", "read_feed_on"),
}
"""The methods that can read the recordings of a route."""

AT: Final = "2026-11-24 14:01:00"
COUNTS_OF: Final = {"n": 3, "done": 1, "failed": 1, "unstarted": 0}
MADE: Final[dict[str, Any]] = {
    "read_limits": {
        "data": [{"name": "tenant", "running": 1, "queued": 2, "total": {"current": 3}, "paused": False}],
        "pagination": {"currentPage": 1, "totalPages": 1, "count": 1},
    },
    "read_minutes": [
        {"part": "ended", "task_identifier": "a", "cell": AT, "p95_ms": 0, **COUNTS_OF},
        {"part": "speed", "task_identifier": "a", "cell": AT, "p95_ms": 12.5, **COUNTS_OF},
    ],
    "read_waits": [
        {
            "queue": "task/a",
            "task": "a",
            "queued": 3,
            "oldest_at": AT,
            "oldest_run": "run_a",
            "started": 1,
            "arrived": 2,
            "newest_start": AT,
            "newest_arrival": AT,
            "holding": 2,
            "longest_at": AT,
        }
    ],
    "read_holders": [{"task": "a", "holding": 2, "longest_at": AT}],
    "read_tree_rows": [
        {
            "run_id": "run_b",
            "parent_run_id": "run_a",
            "root_run_id": "run_a",
            "depth": 1,
            "status": "Completed",
            "task_identifier": "a",
            "triggered_at": AT,
            "dequeued_at": AT,
            "completed_at": AT,
            "execution_duration": 5,
            "usage_duration": "7",
        }
    ],
    "read_hour": [
        {
            "queued_min": AT,
            "started_min": AT,
            "ended_min": "2026-11-24 14:05:00",
            "task": "a",
            "n": 3,
            "failed": 1,
            "minute": AT,
            "p95_ms": 80,
        }
    ],
}
"""Answers that no recording has, by the methods that read them: limits of a newer server, and our own queries."""

TIMES: Final = ("2026-11-24", "2026-11-24T13:49:00+02:00", "2026-11-24 13:49:00", "2026-11-24T13:49:60.1234567Z")
MORE_TIMES: Final = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999-11:00", "1764000000", "soon")
TEXTS: Final = (
    "",
    " ",
    "\ud800x",
    "\x1b[31m\x00\u202e",
    "1",
    "1.5",
    "1e400",
    "t",
    "true",
    "FAILED",
    "[1]",
    '{"a":[1]}',
)
LONG: Final = tuple("é" * length for length in (201, 1_001, 4_001, 10_001))
DEEP: Final = tuple(f"{'[' * depth}{']' * depth}" for depth in (100, 150, 201, 2_000, 20_000))
NUMBERS: Final = (
    "0",
    "-1",
    "1",
    "1.0",
    "1.5",
    "-0.0",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "1" + "0" * 30,
    "9" * 5_000,
)
RAW: Final = (
    *(
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "[null]",
        "[[]]",
        '[1,"a"]',
        '{"a":1}',
        '{"":{"b":[null]}}',
        *NUMBERS,
        *DEEP,
    ),
    *map(json.dumps, (*TEXTS, *LONG, *TIMES, *MORE_TIMES)),
)
"""What takes the place of each value, as JSON or what is none."""

BODIES: Final = (
    *(b"", b" ", b"null", b"[]", b"{}", b"1", b'"text"', b"<html>", b"{", b"\xff\xfe{\x00", b"[" * 1_000_000, b"NaN"),
    *(b'{"data":null}', b'{"data":[]}', b'{"data":{}}', b'{"data":[null]}', b'{"a":' * 100_000, b"\xef\xbb\xbf[]"),
)
"""Whole bodies that every method reads."""

MARK: Final = "@@HERE@@"
"""Stands in a body where a damaged value goes."""

COUNTS: Final = (2, 101, 501, 1_001, 2_001, 5_001, 10_001)
"""Arrays have each of these numbers of items, as often as half a megabyte holds them."""

MAX_BYTES: Final = 500_000
MAX_MEMORY_BYTES: Final = 4 * 1024**3


class Case(NamedTuple):
    """One answer, and the method that reads it. `ids` stand in the path of the recorded request."""

    name: str
    method: str
    ids: tuple[str, ...]
    status: int
    headers: dict[str, str]
    body: bytes


def main(words: Sequence[str] | None = None) -> int:
    """Compare all cases. Return 1 if any differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.compare_decoding", description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkout of the commit before")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has that commit's dependencies")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with this text in their name")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="compare one of N cases")
    parser.add_argument("--seed", type=int, default=1, help="chooses the recording that is damaged")
    options = parser.parse_args(words)
    sides = ((options.python, options.folder.resolve()), (sys.executable, HERE))
    compared, differing = 0, dict[tuple[str, str], list[str]]()
    with ExitStack() as stack:
        children = [stack.enter_context(decoder(python, folder)) for python, folder in sides]
        chosen = (case for case in all_cases(Random(options.seed)) if options.only in case.name)
        for case in islice(chosen, 0, None, options.every):
            for child in children:
                pickle.dump(case, child.stdin)
                child.stdin.flush()
            before, after = (child.stdout.readline() for child in children)
            if not (before and after):
                sys.exit(f"the {'later' if before else 'earlier'} commit ended at {case.name}")
            compared += 1
            if before != after:
                found = difference(json.loads(before), json.loads(after))
                differing.setdefault((case.method, found), []).append(case.name)
    meant = Counter[str]()
    for (_, found), names in differing.items():
        texts = [f"{name}\n{found}" for name in names]
        reason = next((why for what, why in LISTED.items() if all(re.match(what, text) for text in texts)), "")
        meant[reason] += len(names)
        if not reason:
            print(f"DIFFERS {names[0]}" + f", and {len(names) - 1:,} more answers" * (len(names) > 1), found, sep="\n")
    unmeant = meant.pop("", 0)
    print(*(f"{count:,} differ as meant: {reason}" for reason, count in meant.items()), sep="\n")
    print(f"{compared:,} answers compared, {unmeant:,} differ")
    return int(unmeant > 0 or not compared)


@contextmanager
def decoder(python: str, folder: Path) -> Iterator[Any]:
    """A process of a checkout that reads cases and writes a line for each."""
    command = [python, "-P", __file__, "--decode"]
    env = os.environ | {"PYTHONPATH": str(folder)}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def difference(before: list[str], after: list[str]) -> str:
    """Return the first lines in which two results differ."""
    lines = islice(difflib.unified_diff(before[:5_000], after[:5_000], lineterm="", n=0), 3, 13)
    return "\n".join(f"  {line[:300]}" for line in lines if not line.startswith("@@"))


def all_cases(random: Random) -> Iterator[Case]:
    """Yield each recording as it is, and damaged answers of each route."""
    from tests.support.recordings import names, recording  # the other checkout's process has no need of it

    by_method: dict[str, list[tuple[Case, Any]]] = {}
    for name in names():
        parsed = recording(name)
        for number, poll in enumerate(parsed.get("polls") or [parsed]):
            if (request := poll.get("request")) is not None and (response := poll.get("response")) is not None:
                for method, ids in readers(f"{request['method']} {request['path']}"):
                    text = f"{method} {name}" + f".{number}" * ("polls" in parsed)
                    case = Case(text, method, ids, response["status"], response["headers"], b"")
                    by_method.setdefault(method, []).append((case, response["body"]))
    for method, body in MADE.items():
        whole = {"format": "json", "results": body} if isinstance(body, list) else body
        case = Case(f"{method} made", method, (), 200, {"content-type": "application/json"}, b"")
        by_method[method] = [(case, whole)]
    for answers in by_method.values():
        for case, body in answers:
            yield case._replace(body=text_of(body))
        successes = [(case, body) for case, body in answers if case.status == 200]
        yield from damaged_wholly(*successes[0])
        yield from damaged(successes, random)
    lines = (HERE / "tests/wire/relay/messages-v8.jsonl").read_bytes().splitlines()
    messages = [
        (Case(f"relay {number}", "relay", (), 200, {}, b""), json.loads(line)) for number, line in enumerate(lines)
    ]
    yield from (case._replace(body=line) for (case, _), line in zip(messages, lines, strict=True))
    yield from damaged(messages, random)


def readers(request: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the methods that read the answer to a request, and the ids in its path."""
    found = [(re.fullmatch(pattern, request), methods) for pattern, methods in ROUTES.items()]
    return [(method, match.groups("")) for match, methods in found if match is not None for method in methods]


def text_of(body: Any) -> bytes:
    """Return a recorded body as it is sent. A text is no JSON."""
    if body is None or isinstance(body, str):
        return (body or "").encode()
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def damaged_wholly(case: Case, body: Any) -> Iterator[Case]:
    """Yield answers whose body, status or headers are not those of the route."""
    for number, other in enumerate((*BODIES, text_of(body)[:-1], text_of(body) + b"]", text_of(body) + b"\n ")):
        yield case._replace(name=f"{case.name} body {number}", body=other)
    limited = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "0", "retry-after": "7"}
    for status in (201, 202, 204, 302, 400, 401, 403, 404, 408, 409, 422, 429, 500, 503):
        refused = case._replace(status=status, name=f"{case.name} status {status}")
        yield refused._replace(body=text_of(body))
        for kind in ("application/json", "text/html"):
            yield refused._replace(headers=limited | {"content-type": kind}, body=b'{"error":"No\\ud800"}')
    for value in ("", "soon", "Tue, 99 Nov 2026 99:05:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "é"):
        headers = case.headers | {"date": value, "x-ratelimit-reset": value, "electric-offset": value}
        yield case._replace(name=f"{case.name} headers {value!r}", headers=headers, body=text_of(body))


def damaged(answers: Sequence[tuple[Case, Any]], random: Random) -> Iterator[Case]:
    """Yield, for each key and array in any answer, one of the answers that have it, damaged in every way there."""
    having: dict[tuple[Any, ...], list[tuple[Case, Any, tuple[Any, ...]]]] = {}
    for case, body in answers:
        for place in places(body):
            general = tuple("*" if isinstance(part, int) else part for part in place)
            having.setdefault(general, []).append((case, body, place))
    for all_having in having.values():
        case, body, (*parents, last) = random.choice(all_having)
        copied = parent = json.loads(json.dumps(body))
        for part in parents:
            parent = parent[part]
        value, parent[last] = parent[last], MARK
        head, tail = json.dumps(copied).split(json.dumps(MARK))
        name = f"{case.name} {'/'.join(map(str, (*parents, last)))}"
        if isinstance(last, str):
            without = head.removesuffix(f"{json.dumps(last)}: ") + f'"gone": {json.dumps(value)}'
            yield case._replace(name=f"{name} is missing", body=(without + tail).encode())
        for what, raw in damages(last, value):
            yield case._replace(name=f"{name} {what}", body=f"{head}{raw}{tail}".encode())


def damages(key: str | int, value: Any) -> Iterator[tuple[str, str]]:
    """Yield what is damaged at a key or an index, and the text that takes the place of the value."""
    yield from ((f"= {raw[:40]}", raw) for raw in RAW)
    own, name = json.dumps(value), json.dumps(key)
    if isinstance(key, str):
        for raw in (f"{own}, {name}: null", f"null, {name}: {own}", f"{own}, {name}: {own}", f'{own}, "\\ud800": 1'):
            yield f"is there twice: {raw[-40:]}", raw
    if isinstance(value, list) and value:
        for count in COUNTS:
            items = ", ".join(json.dumps(value[index % len(value)]) for index in range(count))
            if len(items) <= MAX_BYTES:
                yield f"has {count} items", f"[{items}]"


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value inside a JSON value. Of long arrays, the first and the last items count."""
    if isinstance(value, dict | list) and len(place) < 12:
        for key in value if isinstance(value, dict) else sorted({*range(len(value))[:3], *range(len(value))[-1:]}):
            yield (*place, key)
            yield from places(value[key], (*place, key))


# What follows runs in the processes of both checkouts, with the modules of each.


async def result_of(case: Case, url: str) -> AsyncIterator[str]:
    """Yield the lines that describe what the method of a case returns, raises and reports."""
    from tui.api.client import Client
    from tui.api.errors import ApiError

    notes: list[str] = []
    async with aclosing(
        Client(url, KEY, clock=lambda: NOW, on_rate_limit=lambda rate: notes.append(repr(rate)))
    ) as client:
        client.on_truncated = notes.append
        try:
            value = await METHODS[case.method](client, case)
        except ApiError as error:
            yield f"raised {type(error).__name__} {str(error)!r} {vars(error)}"
        except Exception as error:  # noqa: BLE001  both sides must fail likewise
            yield f"crashed {type(error).__name__} {str(error)[:200]!r}"
        else:
            for line in described(value, case.method):
                yield line
    for note in notes:
        yield f"reported {note!r}"


def described(value: Any, method: str) -> Iterator[str]:
    """Yield a line for each value inside a value: its place, its class and what it is."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        place, value = pending.pop()
        kind, parts = type(value).__name__, list[tuple[Any, Any]]()
        if isinstance(value, int) and not isinstance(value, bool | Enum):
            yield f"{place} {value:#x}" if abs(value) >= 2**64 else f"{place} {value!r}"
        elif value is None or isinstance(value, str | bytes | bool | float | date | timedelta | Enum):
            yield f"{place} {value!r}" + f" {kind}" * (kind not in {"str", "bytes"} and not isinstance(value, Enum))
        else:
            if isinstance(value, Mapping):
                parts = [(repr(key)[:80], each) for key, each in value.items()]
            elif isinstance(value, Sequence | array) or hasattr(value, "has_same_lines"):
                parts = [(index, value[index]) for index in range(len(value))]  # not every one ends its iteration
            elif isinstance(value, AbstractSet):
                parts = list(enumerate(sorted(value, key=repr)))
            if not place and method in PAGES:
                kind, parts = "RowsPage", [(name, getattr(value, name, None)) for name in PAGES[method]]
                parts[0] = ("rows", getattr(value, "rows", parts[0][1]))
            elif dataclasses.is_dataclass(value):
                parts += [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
            elif not parts and not isinstance(value, Sequence | Mapping | AbstractSet | array):
                raise TypeError(f"{kind} has no description")
            yield f"{place} {kind} of {len(parts)}"
            pending += [(f"{place}.{name}"[-160:], each) for name, each in reversed(parts)]


async def _list_runs(client: Any, _: Case) -> Any:
    from tui.api import relay
    from tui.domain.filters import RunFilters

    page = await client.list_runs(RunFilters())
    rows = [relay.encode_patch(patch) for patch in page.patches]
    return page, rows, relay.decode_relay_message(relay.encode_runs(page.read_at, rows))


async def _read_run(client: Any, case: Case) -> Any:
    from tui.api import relay
    from tui.domain.run import RunId

    read = await client.read_run(RunId(case.ids[0]))
    rows = [relay.encode_patch(patch) for patch in (read.patch, *read.related)]
    return read, rows, relay.decode_relay_message(relay.encode_runs(NOW, rows))


async def _read_trace_nodes(client: Any, case: Case) -> Any:
    scanner = await client.read_trace_nodes(case.ids[0])
    return (
        [node if isinstance(node, tuple) else (node.depth, node.fields) for node in scanner.nodes],
        scanner.is_truncated,
    )


async def _read_log(client: Any, case: Case) -> Any:
    log, _ = await client.read_log(case.ids[0], None)
    again, _ = await client.read_log(case.ids[0], log)
    return log, again is log


async def _read_feed(client: Any, case: Case) -> Any:
    from tui.api.feed import FeedPosition, FeedTarget, read_change
    from tui.domain.run import Precision, RunId, State, parse_status
    from tui.domain.text import Raw

    after = FeedPosition("handle", "0_0", None, is_up_to_date=True) if case.method == "read_feed_on" else None
    read = await client.read_feed(FeedTarget(RunId(case.ids[0]) if case.ids[0] else None), after)
    known = State(NOW, Precision.FEED, parse_status("EXECUTING"), tags=(Raw("a"), Raw("b")), cost_cents=1.5)
    return read, [read_change(run_id, row, known, NOW) for run_id, row in read.partial]


class _Fetcher:
    """As much of a `RunFetcher` as those need that read the rows of queries."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.now = lambda: NOW
        self.is_allowed = lambda _: True

    async def query(self, query: Any, *_: Any, **__: Any) -> Any:
        from tui.api.errors import ApiError

        try:
            return await self._client.query(query)
        except ApiError:
            return None


CLOCK: Final = SimpleNamespace(monotonic_s=lambda: 0.0)


async def _count_runs(client: Any, _: Case) -> Any:
    from tui.domain.filters import RunFilters
    from tui.sync.polling import CountPoller

    class History(timedelta):
        """The age of the history, which was a part of it once."""

        age = property(lambda self: self)

    parts: Any = SimpleNamespace(fetcher=_Fetcher(client), history=History(days=1), clock=CLOCK, filters=RunFilters())

    async def emit(_: object) -> None:
        """Drop it: `poll` returns it too."""

    poll: Any = CountPoller(parts).poll
    return await poll(*((emit,) if "emit" in inspect.signature(poll).parameters else ()))  # once a parameter


async def _read_tree_rows(client: Any, _: Case) -> Any:
    from tui.domain.run import RunId
    from tui.sync.budget import Priority
    from tui.sync.tree import TreeFetcher

    fetcher: Any = TreeFetcher(_Fetcher(client), CLOCK)  # type: ignore[arg-type]
    of_old = () if hasattr(fetcher, "_priority") else (Priority.VISIBLE,)  # once a parameter
    return await fetcher._rows_by_query((RunId("run_a"),), None, *of_old)


async def _read_rows(client: Any, case: Case) -> Any:
    from tui.api import queries
    from tui.sync import fact_readers, facts

    if case.method == "read_minutes":
        return await fact_readers.MinuteReader().read(client.query, NOW)
    if case.method == "read_waits":
        return fact_readers.read_waits(await client.query(queries.QueueWaitCounts(NOW)))
    if case.method == "read_holders":
        return fact_readers.read_holders(await client.query(queries.QueueHolders("a")))
    times = await client.query(queries.QueueStayMinutes("a"))
    return facts.hour_of(NOW, times, await client.query(queries.QueueSpeeds("a")), 3)


async def _relay(_: Any, case: Case) -> Any:
    from tui.api import relay

    if json.loads(case.body)["kind"] in {"hello", "call", "watch"}:
        sent = relay.decode_screen_message(case.body)
        return sent, relay.encode_screen_message(sent)
    message = relay.decode_relay_message(case.body)
    updates = list(message.updates()) if isinstance(message, relay.RelayFindings) else None
    return message, updates, relay.encode_relay_message(message)


def _fact(name: str, *args: Any) -> Any:
    """Return how facts are read: as a declared list, or by a method of its own, as once."""

    def read(client: Any, _: Case) -> Any:
        from tui.api import facts

        declared: Any = getattr(facts, name, None)
        if declared is None:
            return getattr(client, f"read_{name.lower()}")(*args)
        return client.read_row(declared, *args) if hasattr(declared, "shape") else client.read_rows(declared)

    return read


METHODS: Final[Mapping[str, Callable[[Any, Case], Awaitable[Any]]]] = {
    "list_runs": _list_runs,
    "read_run": _read_run,
    "read_trace": lambda client, case: client.read_trace(case.ids[0]),
    "read_trace_nodes": _read_trace_nodes,
    "read_events": lambda client, case: client.read_events(case.ids[0]),
    "read_log": _read_log,
    "read_span": lambda client, case: client.read_span(*case.ids),
    "count_runs": _count_runs,
    "read_tree_rows": _read_tree_rows,
    **dict.fromkeys(("read_minutes", "read_waits", "read_holders", "read_hour"), _read_rows),
    "list_error_groups": lambda client, _: client.list_error_groups("1h"),
    "read_error_group": lambda client, case: client.read_error_group(case.ids[0]),
    "read_queue": lambda client, case: client.read_queue(case.ids[0], is_task=True),
    "read_queue_metrics": lambda client, case: client.read_queue_metrics(case.ids[0], is_task=True, period="1h"),
    "read_queues": _fact("QUEUES", 1),
    "read_limits": _fact("LIMITS"),
    "read_schedules": _fact("SCHEDULES", 1, "PRODUCTION"),
    "read_schedule_runs": _fact("SCHEDULE_RUNS", "sched_1"),
    "read_tokens": _fact("TOKENS"),
    "read_deployments": _fact("DEPLOYMENTS"),
    "whoami": lambda client, _: client.whoami(),
    "cancel": lambda client, case: client.cancel(case.ids[0]),
    "replay": lambda client, case: client.replay(case.ids[0]),
    "read_feed": _read_feed,
    "read_feed_on": _read_feed,
    "relay": _relay,
}
"""Each method of the client, and what its result is kept in besides."""


def answer_of(case: Case) -> bytes:
    """Return the answer of a case as HTTP sends it."""
    headers = {name.lower(): value for name, value in case.headers.items()} | {"content-length": str(len(case.body))}
    unsent = {"transfer-encoding", "content-encoding", "connection", "location"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name not in unsent)
    return f"HTTP/1.1 {case.status} Answer\r\n{lines}\r\n".encode() + case.body * (case.status != 204)


async def decode_all() -> None:
    """Read the cases of the standard input with their methods, and write each result as one line of JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    current: list[Case] = []
    requests: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError), closing(writer):
            while True:
                line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().splitlines()
                length = next((int(each.split(":")[1]) for each in fields if each.startswith("content-length:")), 0)
                url = urlsplit(line.split(" ")[1])
                sent = json.loads(await reader.readexactly(length) or b"null")
                requests.append(f"request {line.split(' ')[0]} {url.path} {sorted(parse_qsl(url.query, True))} {sent}")
                writer.write(answer_of(current[-1]))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with suppress(EOFError):
        while True:
            current[:] = [pickle.load(sys.stdin.buffer)]
            requests.clear()
            lines = [line async for line in result_of(current[0], f"http://127.0.0.1:{port}")]
            print(json.dumps([*requests, *lines]), flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(decode_all()) if sys.argv[1:] == ["--decode"] else main())
