"""Which browser opens an address, and what becomes of one that fails."""

import asyncio
from pathlib import Path

import pytest

from tui.kit import programs
from tui.kit.programs import Browser, browsers_for, is_web_address, start_browser

LINK = "https://d.example.com/runs/run_1"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in ("open", "xdg-open", "wslview"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("variables", "platform", "commands"),
    [
        ({"BROWSER": "firefox"}, "linux", [("firefox", LINK)]),
        (
            {"BROWSER": "my 'tab %s':  :chrome --app=%s --new", "SSH_TTY": "x"},
            "linux",
            [("my", f"tab {LINK}"), ("chrome", f"--app={LINK}", "--new")],
        ),
        ({"BROWSER": "firefox %s &"}, "linux", [("firefox", LINK)]),
        ({"BROWSER": "'unended"}, "linux", []),
        ({"BROWSER": "%s"}, "linux", [("%s", LINK)]),
        ({"DISPLAY": ":0"}, "linux", [("xdg-open", LINK), ("wslview", LINK)]),
        ({"WAYLAND_DISPLAY": "w"}, "linux", [("xdg-open", LINK), ("wslview", LINK)]),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", [("wslview", LINK)]),
        ({}, "darwin", [("open", LINK)]),
        ({}, "linux", []),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"}, "linux", []),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", []),
    ],
)
def test_browser_is_the_users_or_the_platforms(
    variables: dict[str, str], platform: str, commands: list[tuple[str, ...]], folder: str
) -> None:
    found = browsers_for(LINK, {"PATH": folder, **variables}, platform)
    assert [each.arguments for each in found] == commands


def test_address_is_of_the_web() -> None:
    assert is_web_address(LINK)
    for text in ("javascript:x", "file:///etc/passwd", "https://a b", "https://a\n", "https://ä", "-x", "https://"):
        assert not is_web_address(text)
    assert Browser(("/usr/bin/w3m", LINK)).needs_terminal
    assert not Browser(("firefox", LINK)).needs_terminal


def test_browser_that_fails_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outcome(script: str, within_s: float) -> str | None:
        monkeypatch.setattr(programs, "FAILS_WITHIN_S", within_s)
        return await start_browser(Browser(("sh", "-c", script)), {"PATH": "/usr/bin:/bin"})

    async def outcomes() -> list[str | None]:
        scripts = ("echo on the screen; echo >&2; read x && exit 9", "exit 3", "kill -9 $$")
        found = [await outcome(script, 100.0) for script in scripts]
        return [*found, await outcome("exec sleep 1", 0.05), await start_browser(Browser(("/no/such/browser",)), {})]

    assert asyncio.run(outcomes()) == [
        "sh: exit 1",
        "sh: exit 3",
        "sh: ended by signal 9",
        None,
        "browser: No such file or directory",
    ]
