"""Builds rows and details, and decodes them."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tui.api.runs import RunResponse, decode_page, decode_run
from tui.domain.error import RunError
from tui.domain.run import Body, State
from tui.domain.update import RunPatch

READ_AT = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
ROW: dict[str, Any] = {"id": "run_1", "status": "QUEUED", "taskIdentifier": "hello"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def page_body(*rows: Any, **keys: Any) -> bytes:
    return json.dumps({"data": list(rows), **keys}).encode()


def patch_of(**keys: Any) -> RunPatch:
    (patch,) = decode_page(page_body(ROW | keys), READ_AT).patches
    return patch


def state_of(**keys: Any) -> State:
    state = patch_of(**keys).state
    assert state is not None
    return state


def detail_of(**keys: Any) -> RunResponse:
    return decode_run(json.dumps(ROW | keys).encode(), READ_AT)


def error_of(error: Any) -> RunError | None:
    facet = detail_of(error=error).patch.error
    assert facet is not None
    return facet[1]


def body_facet(answer: RunResponse) -> Body:
    assert answer.patch.body is not None
    return answer.patch.body[1]
