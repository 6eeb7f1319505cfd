"""The faults that tests ask for: a specification that is not valid is explained, and changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.emulator.server import EmulatorServer, run_emulator

LIST = "/api/v1/runs"


@pytest.fixture
def api() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (5, "an object with one of these kinds: latency, error, "),
        ({"kind": "explode"}, "one of these kinds"),
        ({"kind": "latency"}, "latency needs 'ms'"),
        ({"kind": "latency", "ms": True}, "ms must be a number between 0 and 3600000"),
        ({"kind": "error", "status": 399}, "status must be a whole number between 400 and 599"),
        ({"kind": "error", "times": 1.5}, "times must be a whole number"),
        ({"kind": "hang", "route": "nowhere"}, "unknown route 'nowhere'; the routes: "),
        ({"kind": "hang", "environment": "staging"}, "unknown environment 'staging'; the environments: dev, prod"),
        ({"kind": "stale", "times": 1}, "stale has no field 'times'; its fields: none"),
    ],
)
def test_invalid_spec_is_explained_and_changes_nothing(api: EmulatorServer, spec: Any, error: str) -> None:
    before = {"kind": "error", "status": 503}
    api.faults(before)
    control = f"{api.url}/emulator/faults"
    answer = api.client.post(control, json={"faults": [{"kind": "hang"}, spec]})
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    for body in (b"{", b"\xff", b"[" * 100_000, b"{}", b"5"):
        assert api.client.post(control, content=body).status_code == 400
    assert api.client.get(control).json()["faults"] == [before]
    assert api.get(LIST).status_code == 503
    assert api.client.delete(control).json()["faults"] == []
    assert api.get(LIST).status_code == 200
