"""Measures decoding: a page of 100 runs from its bytes to the store, a detail from its bytes to a patch."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from tests.perf.figure import Figure
from tests.support.recordings import body_of, recording
from tui.api.runs import decode_page, decode_run
from tui.domain.update import RunsRead
from tui.store.store import Store

READ_AT = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
REPETITIONS = 30


def page_of_100() -> bytes:
    """Return recording 014 with its rows repeated under other ids, 100 in all."""
    body = recording("014")["response"]["body"]
    rows = body["data"]
    body["data"] = [rows[index % len(rows)] | {"id": f"run_{index:025}"} for index in range(100)]
    return json.dumps(body).encode()


def best_ms(work: Callable[[], object]) -> float:
    """Return the milliseconds of the fastest round. Slower rounds include the machine's other work."""
    times: list[float] = []
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times) * 1_000


def measure() -> Iterator[Figure]:
    """Yield the figures of decoding."""
    page = page_of_100()
    yield Figure("a page of 100 runs decoded and converted", best_ms(lambda: decode_page(page, READ_AT)), "ms")
    yield Figure(
        "a page of 100 runs decoded, converted and applied",
        best_ms(lambda: Store().apply(RunsRead(decode_page(page, READ_AT).patches))),
        "ms",
        5.0,
    )
    surrogates = page.replace(b'"tags": []', b'"tags": ["\\ud800"]')
    yield Figure(
        "the same with a text that only the slow reader takes",
        best_ms(lambda: decode_page(surrogates, READ_AT)),
        "ms",
    )
    detail = body_of("142")
    yield Figure("a detail with four relatives decoded", best_ms(lambda: decode_run(detail, READ_AT)), "ms")


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.name}: {figure.value:.2f} {figure.unit} (limit {figure.limit})")
