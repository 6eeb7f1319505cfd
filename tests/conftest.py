"""What every test finds: no settings of the machine that runs it, and an API made of recordings if it asks."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.recording_server import RecordingsApi

# No deadline: on a busy machine a pure function can take longer than hypothesis allows by default.
# "repeatable" draws the same examples for the same code, so that one commit has one verdict; "explore" draws new
# ones and more of them: HYPOTHESIS_PROFILE=explore tests/run.
settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

_NAMES = (
    "TRIGGER_SECRET_KEY",
    "TRIGGER_API_URL",
    "TRIGGER_PREVIEW_BRANCH",
    "TRIGGER_DEV_BRANCH",
    "TRIGGER_TUI_RELAY_TOKEN",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, address, branch, proxy or certificate authority of the machine reaches a test."""
    for name in (*_NAMES, "VERCEL_GIT_COMMIT_REF", "NO_COLOR", *_PROXIES, *_CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True, scope="module")
def what_was_there_before() -> None:
    """What is loaded when a module begins stays: `told_by_itself` need not look through it after each of its tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def told_by_itself(request: pytest.FixtureRequest) -> Iterator[None]:
    """A socket or task that a test of sessions or sources leaves behind is told by that test, not by a later one."""
    yield
    if {"sources", "session"} & set(request.path.parts):
        gc.collect()


@pytest.fixture
def recordings_api() -> Iterator[RecordingsApi]:
    """A server on a loopback port that answers as the recorded one did; see `tests.support.recording_server`."""
    with RecordingsApi() as api:
        yield api
