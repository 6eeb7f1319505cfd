"""The file of tokens: its permissions, its lines, and errors that never show a token."""

import hmac
import os
from pathlib import Path

import pytest

from tui.relay.server import Tokens, TokensError, read_tokens

WALL = "0123456789abcdef-wall"
DESK = "0123456789abcdef-desk"


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "tokens"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def tokens(tmp_path: Path, text: str) -> Tokens:
    return read_tokens(written(tmp_path, text))


def test_line_has_a_token_or_a_name_and_a_token(tmp_path: Path) -> None:
    known = tokens(tmp_path, f"# the wall\n\nwall {WALL}  # by the door\n{DESK}\n")
    assert known.name_of(f"Bearer {WALL}") == "wall"
    assert known.name_of(f"bearer  {DESK} ") == "line 4"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", WALL, f"Basic {WALL}", f"Bearer {WALL}x", f"Bearer {WALL[:-1]}", "Bearer \ud800é"],
)
def test_other_header_has_no_name(tmp_path: Path, header: str | None) -> None:
    assert tokens(tmp_path, f"wall {WALL}\n").name_of(header) is None


def test_token_is_compared_with_all_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tokens(tmp_path, f"wall {WALL}\ndesk {DESK}\n")
    compared: list[tuple[object, object]] = []
    digest = hmac.compare_digest

    def recording(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return digest(first, second)

    monkeypatch.setattr(hmac, "compare_digest", recording)
    for given in (WALL, DESK, "x"):
        compared.clear()
        known.name_of(f"Bearer {given}")
        assert compared == [(WALL.encode(), given.encode()), (DESK.encode(), given.encode())]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610])
def test_token_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, f"{WALL}\n", mode)
    with pytest.raises(TokensError, match="chmod 600"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no token"),
        ("# nothing\n", "has no token"),
        ("short\n", "line 1: a token needs at least 16"),
        (f"wall {WALL}\nwall {DESK}\n", "line 2"),
        (f"wall {WALL}\ndesk {WALL}\n", "line 2"),
        (f"the wall {WALL}\n", "line 1: a line has a token, or a name and a token"),
        (f"wäll {WALL}\n", "other than ASCII"),
    ],
)
def test_bad_token_file_is_refused_without_quoting_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TokensError, match=words) as caught:
        tokens(tmp_path, text)
    assert not any(token in str(caught.value) for token in (WALL, DESK, "short"))


def test_token_may_contain_a_hash(tmp_path: Path) -> None:
    known = tokens(tmp_path, f"wall {WALL}#of-{DESK}  # by the door\n")
    assert known.name_of(f"Bearer {WALL}") is None
    assert known.name_of(f"Bearer {WALL}#of-{DESK}") == "wall"


def test_path_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)  # it has no writer
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "pipe"):
        with pytest.raises(TokensError):
            read_tokens(path)
    large = written(tmp_path, "#" * 2_000_000)
    with pytest.raises(TokensError, match="larger than"):
        read_tokens(large)


def test_tokens_are_not_in_their_repr(tmp_path: Path) -> None:
    known = tokens(tmp_path, f"wall {WALL}\n")
    assert WALL not in f"{known} {known!r}"
