"""Shell commands and requests by curl that show the same as a view."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fleet import SECRET
from tui.domain.run import RunId
from tui.features.copying.words import command_for, curl_for, is_pastable, shell_text
from tui.settings.secret import Secret
from tui.settings.settings import Settings
from tui.store.addresses import parse_address

CLOUD = Settings("https://api.trigger.dev", Secret(SECRET))
OWN = replace(CLOUD, api_url="https://trigger.example.com:8443/x/", branch="it's $HOME")
RELAYED = replace(CLOUD, relay_url="wss://relay.example.com", relay_ca=PurePath("/my ca.pem"))

HOSTILE = st.text(st.sampled_from("'\"\\$`!*?[]{}()<>|&;#~ =%^-\n\t\x1b\x00é€😀a1"), max_size=20)


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
    done = subprocess.run(["sh", "-c", text], env=environ, cwd=echoing, capture_output=True, check=True, timeout=30)
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@given(st.lists(HOSTILE, max_size=4), HOSTILE)
def test_shell_hands_every_value_over_unchanged(echoing: Path, values: Sequence[str], url: str) -> None:
    text = shell_text(["trigger-tui", *values], {"TRIGGER_API_URL": url})
    if text is None:
        assert not all(is_pastable(value) for value in (*values, url))
    else:
        assert "\n" not in text
        assert arguments_of(text, echoing) == [url, *values]


@given(HOSTILE, HOSTILE)
def test_curl_hands_url_and_headers_over_unchanged(echoing: Path, value: str, branch: str) -> None:
    text = curl_for("/api/v1/runs", {"filter[task]": value}, replace(OWN, branch=branch), headers={"x-v": "1"})
    if text is None:
        assert not is_pastable(branch)
        return
    assert SECRET not in text
    _, _, _, bearer, *headers, url = arguments_of(text, echoing)
    assert bearer == f"Authorization: Bearer {SECRET}"
    assert headers[:2] == ["-H", "x-v: 1"]
    assert headers[2:] == (["-H", f"x-trigger-branch: {branch}"] if branch else [])
    assert url.startswith("https://trigger.example.com:8443/x/api/v1/runs?filter%5Btask%5D=")
    assert not set(url) & set(" '\"[]{}\\")


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("run?id=run_1", "trigger-tui show run_1"),
        ("run?id=run_1&pane=logs", "trigger-tui logs run_1"),
        ("run?id=run_1&pane=waterfall", "trigger-tui trace run_1"),
        ("runs?", "trigger-tui ls"),
        (
            "runs?server-task=a-task&server-status=failed,timed-out&since=7d",
            "trigger-tui ls --task a-task --status failed --status timed-out --period 7d",
        ),
        ("runs?task=charge-*&status=failed", "trigger-tui 'runs?task=charge-*&status=failed'"),
        ("runs?sort=took", "trigger-tui 'runs?sort=took'"),
        ("runs?server-machine=micro", "trigger-tui 'runs?server-machine=micro'"),
        ("runs?since=2:50-3:20", "trigger-tui ls --period 2:50-3:20"),
        ("errors?since=6h", "trigger-tui errors --since 6h"),
        ("errors?", "trigger-tui errors --since 24h"),
        ("errors?q=customer", "trigger-tui 'errors?q=customer'"),
        ("errors?server-tag=x", "trigger-tui 'errors?server-tag=x'"),
    ],
)
def test_command_prints_the_same_or_opens_the_address(address: str, command: str) -> None:
    assert command_for(parse_address(address), CLOUD, shown=12) == command


def test_command_names_what_is_not_the_default() -> None:
    assert command_for(parse_address("runs?"), CLOUD, shown=812) == "trigger-tui ls --limit 1000"
    shown = command_for(parse_address("run?id=run_1"), OWN)
    assert shown == (
        "TRIGGER_API_URL=https://trigger.example.com:8443/x/ TRIGGER_PREVIEW_BRANCH='it'\"'\"'s $HOME' "
        "trigger-tui show run_1"
    )


def test_relay_has_a_command_and_no_request() -> None:
    command = command_for(parse_address("run?id=run_1"), RELAYED)
    assert command == "trigger-tui --relay wss://relay.example.com --tls-ca '/my ca.pem' 'run?id=run_1'"
    assert curl_for("/api/v1/runs", {}, RELAYED, headers={}) is None


def test_odd_run_id_has_no_command() -> None:
    address = replace(parse_address("run?id=run_1"), run=RunId("run_\x1b[201~\n"))
    assert command_for(address, CLOUD) is None
