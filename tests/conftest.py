"""Fixtures of all tests: a clean environment, leak checks, and an API that serves the recordings."""

import asyncio
import gc
import inspect
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from tests.support.recording_server import RecordingsApi

# No deadline: on a busy machine, a pure function may exceed hypothesis's default. "repeatable" draws the same examples
# for the same code, so that more of them find nothing new; "explore" draws many more examples, new ones each time:
# HYPOTHESIS_PROFILE=explore tests/run.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=25, suppress_health_check=_SLOW)
settings.register_profile("explore", deadline=None, max_examples=400, suppress_health_check=_SLOW)
_profile = os.environ.get("HYPOTHESIS_PROFILE", "repeatable")
settings.load_profile(_profile)

# Hypothesis also draws texts and numbers that stand in the modules that are loaded, which it parses: the examples would
# depend on the tests that the same process ran before. There is no public way to leave them out.
if _profile == "repeatable":
    providers._get_local_constants = lambda: providers._local_constants

# Tests paint when they look. More frames, drawn at moments of real time, would only cost.
os.environ["TEXTUAL_FPS"] = "1"

# Collecting thousands of tests creates many objects that stay: the garbage collector would visit each many times.
gc.disable()
gc.set_threshold(50_000, 20, 50)

# A config file that others may write is not trusted: files of tests are their owner's, whatever the shell says.
os.umask(0o022)

# A shell ignores Ctrl-C in what it starts in the background, and every program under test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_NAMES = (
    *("TRIGGER_SECRET_KEY", "TRIGGER_API_URL", "TRIGGER_PREVIEW_BRANCH", "TRIGGER_DEV_BRANCH"),
    *("TRIGGER_TUI_RELAY_TOKEN", "VERCEL_GIT_COMMIT_REF", "NO_COLOR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)


def pytest_sessionstart() -> None:
    """Hide the machine's keys, addresses, branches, proxies and certificate authorities from the tests."""
    for name in (*_NAMES, *map(str.lower, _NAMES)):
        os.environ.pop(name, None)


def pytest_collection_finish() -> None:
    """Start the garbage collector, which never visits the collected tests."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine, in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


LEAKING = {"sources", "session"}
"""The folders of the tests that open connections of their own."""


@pytest.fixture(autouse=True, scope="module")
def frozen_imports(request: pytest.FixtureRequest) -> None:
    """Exclude all loaded modules from garbage collection, so that `leaks_are_reported` stays fast."""
    if LEAKING & set(request.path.parts):
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def leaks_are_reported(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect garbage after tests of sessions and sources, so that each test reports its own leaked socket or task."""
    yield
    if LEAKING & set(request.path.parts):
        gc.collect()
        gc.freeze()  # what is alive now is no garbage: the next collection need not look at it


@pytest.fixture
def recordings_api() -> Iterator[RecordingsApi]:
    """A server on a loopback port that answers with recordings; see `tests.support.recording_server`."""
    with RecordingsApi() as api:
        yield api
