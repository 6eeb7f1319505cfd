"""Cases that found a defect, each with its cause. They run one by one, independent of the seed."""

import pytest

from tests.hostile.cases import Case
from tests.hostile.test_cases import mode_of

FOUND = {
    "poison|show --fetch|GET /api/v3/runs/{}|payloadPresignedUrl|surrogates-swapped": "httpx.URL cannot encode it",
    "poison|ls text|GET /api/v1/runs|data[].taskIdentifier|null": "one line on stderr for each page",
    "poison|action log|GET /api/v1/whoami|slug|huge-wide": "a line of a megabyte on stderr",
    "poison|show text|GET /api/v3/runs/{}|error.message|newlines": "an unindented message without a name",
    "http|watch text|GET /api/v3/runs/{}|budget of nothing": "one line on stderr for each request that waits",
}
"""The cause of each defect, by the id of the case."""


@pytest.mark.parametrize("case_id", FOUND)
def test_defect_does_not_come_back(case_id: str) -> None:
    case = Case.parse(case_id)
    (result,) = mode_of(case.mode).run([case])
    assert result.trouble == ""
    assert result.is_reached
