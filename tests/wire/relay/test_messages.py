"""What a relay and its screens say: every patch survives the way, and what cannot be read is said to be so."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import at, gone, patch_of, patches, stamp
from tui.domain.environment import Capability, Environment
from tui.domain.error import RunError
from tui.domain.ids import RunId, SpanId
from tui.domain.run import Fixed
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.domain.update import (
    CaughtUp,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    Reconciled,
    RunGone,
    RunPatch,
    RunsRead,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    WindowRead,
)
from tui.store.store import Store
from tui.wire.errors import ServerFault
from tui.wire.read_requests import EventsRequest, QueryRequest, ReadRequest, RunRequest, SpanRequest, TraceRequest
from tui.wire.relay.facts import RelayFacts
from tui.wire.relay.messages import (
    Answered,
    Beat,
    Call,
    Chunk,
    Hello,
    Message,
    Runs,
    Welcome,
    decode_asked,
    decode_told,
    encode_answer,
    encode_answered,
    encode_beat,
    encode_call,
    encode_facts,
    encode_hello,
    encode_runs,
    encode_welcome,
)
from tui.wire.relay.runs import LARGEST_ROW, encode_patch
from tui.wire.responses import Response
from tui.wire.times import LATEST

BOTTOMLESS = b"[" * 200_000
FACTS = RelayFacts(
    at(9),
    EnvironmentRead(Environment(Raw("dev"), "DEVELOPMENT", Raw("shop"), Raw("acme \ud800")), at(1)),
    CountsRead({RunStatus.EXECUTING: 3, RunStatus.CRASHED: 0}, at(2), 24),
    (
        SourceConnected("realtime", at(3), 20.0),
        SourceRetrying("rest", at(4), at(5), 3, "503 \x1b[31m", is_answered=True, status=503),
        SourceStopped("run", at(6), "401"),
    ),
    {Capability.QUERY: "401: no"},
    CaughtUp("relay", at(7)),
    Reconciled(at(8), 100, 1),
    HistoryRead(at(-9), 500, is_complete=True, is_cut=True),
    WindowRead(at(-1), timedelta(days=1), is_live_complete=True, is_older_cut=True, is_filtered=True),
)
CHUNK = Runs(at(0), (), (RunGone(RunId("a"), at(1)),), Chunk(3, is_last=True))


def travels(patch: RunPatch) -> RunPatch:
    """The part of a patch that a relay tells."""
    return replace(patch, metadata=None, body=None, attempts=None, lists_all_children=False)


def told(patches: list[RunPatch], gone: tuple[RunGone, ...] = (), chunk: Chunk | None = None) -> Runs:
    message = decode_told(encode_runs(at(0), map(encode_patch, patches), gone, chunk))
    assert isinstance(message, Runs)
    return message


@given(patches)
def test_a_patch_is_the_same_after_the_way(patch: RunPatch) -> None:
    (read,) = told([patch]).patches
    assert read == travels(patch)
    assert repr(read) == repr(travels(patch))  # -0.0, 1.0 and 1 are equal


@settings(max_examples=40)
@given(st.lists(patches, max_size=6), st.lists(gone, max_size=3), st.data())
def test_however_runs_are_split_into_messages_the_store_is_the_same(
    all_patches: list[RunPatch], all_gone: list[RunGone], data: st.DataObject
) -> None:
    whole = Store()
    whole.apply(RunsRead(tuple(map(travels, all_patches))))
    for each in all_gone:
        whole.apply(each)
    split = Store()
    parts: list[RunPatch | RunGone] = [*all_patches, *all_gone]
    for part in data.draw(st.permutations(parts)):
        message = told([part]) if isinstance(part, RunPatch) else told([], (part,))
        for _ in range(data.draw(st.integers(1, 2))):
            split.apply(RunsRead(message.patches))
            for gone_run in message.gone:
                split.apply(gone_run)
    assert split.snapshot() == whole.snapshot()


@pytest.mark.parametrize(
    ("fixed", "error"),
    [
        (Fixed(), RunError(Raw("x" * LARGEST_ROW))),
        (Fixed(schedule={"cron": "x" * LARGEST_ROW}), None),
        (Fixed(schedule=10**5000), None),
    ],
    ids=["an error", "a schedule", "a number that cannot be written"],
)
def test_what_is_too_large_for_a_list_is_left_to_the_detail(fixed: Fixed, error: RunError | None) -> None:
    patch = patch_of("run_a", fixed=fixed, error=(stamp(), error))
    (read,) = told([patch]).patches
    assert read == travels(replace(patch, fixed=Fixed(), error=None))
    assert len(encode_patch(patch)) < LARGEST_ROW


def test_a_schedule_without_a_bottom_is_left_out() -> None:
    schedule: Any = []
    for _ in range(100_000):
        schedule = [schedule]
    (read,) = told([patch_of("run_a", fixed=Fixed(schedule=schedule))]).patches
    assert read.fixed == Fixed()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Welcome(1, "trigger-tui/1", at(0), 5.0), encode_welcome(Welcome(1, "trigger-tui/1", at(0), 5.0))),
        (Beat(at(0) + timedelta(microseconds=1)), encode_beat(Beat(at(0) + timedelta(microseconds=1)))),
        (FACTS, encode_facts(FACTS)),
        (RelayFacts(at(0)), encode_facts(RelayFacts(at(0)))),
        (CHUNK, encode_runs(CHUNK.at, (), CHUNK.gone, CHUNK.chunk)),
    ],
    ids=["welcome", "beat", "facts", "no facts", "a chunk"],
)
def test_a_word_of_the_relay_is_the_same_after_the_way(message: Message, text: bytes) -> None:
    assert decode_told(text) == message


def test_words_of_a_newer_relay_are_left_out_of_what_it_tells() -> None:
    row = json.loads(encode_facts(FACTS))
    row["lost"]["telepathy"] = "403: no"
    row["counts"]["counts"]["DREAMING"] = 5
    row["weather"] = "fine"
    assert decode_told(json.dumps(row).encode()) == FACTS


def test_facts_of_an_older_relay_say_nothing_of_the_window() -> None:
    row = json.loads(encode_facts(FACTS))
    del row["window"], row["history"]["is_cut"]
    assert FACTS.history is not None
    history = replace(FACTS.history, is_cut=False)
    assert decode_told(json.dumps(row).encode()) == replace(FACTS, window=None, history=history)


def test_an_answer_brings_what_decoders_look_at() -> None:
    answer = Response("GET /x", 404, {"content-type": "application/json", "x-secret": "1"}, '{"ü": 1}'.encode(), at(3))
    read = decode_told(b"".join(encode_answered(7, encode_answer(answer))))
    assert isinstance(read, Answered)
    assert (read.number, read.answer.status, read.answer.body, read.answer.read_at) == (7, 404, answer.body, at(3))
    assert read.answer.headers == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "question",
    [
        RunRequest(RunId("run_1\ud800")),
        TraceRequest(RunId("run_1")),
        EventsRequest(RunId("run_1")),
        SpanRequest(RunId("run_1"), SpanId("span")),
        QueryRequest("SELECT 1", None),
        QueryRequest("SELECT 1", "1d"),
    ],
)
def test_a_question_is_the_same_after_the_way(question: ReadRequest) -> None:
    assert decode_asked(encode_call(Call(3, question))) == Call(3, question)
    assert decode_asked(encode_hello(Hello(2, "x"))) == Hello(2, "x")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        BOTTOMLESS,
        b'{"kind":"surprise"}',
        b'{"kind":"beat"}',
        b'{"kind":"beat","at":"yesterday"}',
        b'{"kind":"beat","at":"2026-11-24T12:00:00"}',
        b'{"kind":"beat","at":"0001-01-01T00:00:00+23:00"}',
        b'{"kind":"beat","at":"9999-12-31T23:59:59Z"}',
        encode_facts(replace(FACTS, at=at(0).replace(year=1))),
        encode_facts(replace(FACTS, sources=(SourceConnected("rest", at(0).replace(year=1), 2.0),))),
        encode_welcome(Welcome(1, "x", at(0), 3600.0)),
        b'{"kind":"changes","at":"2026-11-24T12:00:00Z","gone":[],"runs":[{"id":"a"}]}',
        b'{"kind":"changes","at":"2026-11-24T12:00:00Z","gone":[],"runs":[{"id":"","read_at":"2026-11-24T12:00:00Z"}]}',
        b'{"kind":"snapshot","at":"2026-11-24T12:00:00Z","number":-1,"is_last":true,"gone":[],"runs":[]}',
        b'{"kind":"welcome","v":1,"program":"x","at":"2026-11-24T12:00:00Z","beat_s":0}',
        b'{"kind":"answer","id":1,"status":999,"read_at":"2026-11-24T12:00:00Z","content_type":"","body":""}',
        encode_facts(FACTS).replace(b'"interval_s":20.0', b'"interval_s":1e400'),
        encode_facts(FACTS).replace(b'"slug"', b'"slag"'),
        encode_runs(at(0), [encode_patch(patch_of("a", state={"compute": timedelta(1)}))]).replace(
            b'"compute_us":86400000000', b'"compute_us":1' + b"0" * 5_000
        ),
        encode_runs(at(0), [encode_patch(patch_of("a"))]).replace(b'"precision":1', b'"precision":9'),
    ],
)
def test_a_hostile_relay_is_one_that_cannot_be_read(text: bytes) -> None:
    with pytest.raises(ServerFault) as caught:
        decode_told(text)
    assert "a message of the relay could not be read" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        BOTTOMLESS,
        b"7",
        b'{"kind":"hello"}',
        b'{"kind":"hello","v":-1,"program":""}',
        b'{"kind":"call","id":1,"what":"run"}',
        b'{"kind":"call","id":1,"what":"cancel","run":"run_1"}',
        b'{"kind":"call","id":1,"what":"run","run":""}',
        b'{"kind":"call","id":1,"what":"span","run":"run_1"}',
        b'{"kind":"call","id":1,"what":"query"}',
        b'{"kind":"call","id":1.5,"what":"trace","run":"run_1"}',
    ],
)
def test_a_hostile_screen_is_one_that_cannot_be_read(text: bytes) -> None:
    with pytest.raises(ServerFault):
        decode_asked(text)


def test_a_field_too_much_is_no_reason_to_stop() -> None:
    assert decode_told(encode_beat(Beat(at(0)))[:-1] + b',"mood":"good"}') == Beat(at(0))
    assert decode_asked(encode_hello(Hello(1, "x"))[:-1] + b',"mood":"good"}') == Hello(1, "x")
    (read,) = told([patch_of("a", state={"tags": (Raw("x"),)})]).patches
    text = encode_runs(at(0), [encode_patch(read)[:-1] + b',"mood":"good"}'])
    assert decode_told(text) == Runs(at(0), (read,), ())


def test_a_run_of_the_end_of_time_can_be_reckoned_with() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    read = decode_told(encode_runs(at(0), [encode_patch(replace(patch_of("a"), read_at=end))]))
    assert isinstance(read, Runs)
    assert read.patches[0].read_at == LATEST
