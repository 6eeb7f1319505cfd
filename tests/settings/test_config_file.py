"""Where the config file is, what is read of it, and whether it may name programs."""

# ruff: noqa: E501  the lines are those that the program prints

import os
from pathlib import Path

import pytest

from tui.settings.file import MAX_BYTES, config_path, load_config, read_config
from tui.settings.schema import ReadOnly
from tui.settings.settings import ConfigFile, read_settings, with_file

KEY = {"TRIGGER_SECRET_KEY": "tr_dev_abcdefghijkl"}
COMMAND = '[[commands]]\nname = "a"\nkey = "Z"\ncommand = ["true"]\n[programs]\neditor = ["vi"]\n[bell]\nring = "bell"\non_alert = ["a"]\n'


def write(folder: Path, content: bytes | str, mode: int = 0o600) -> Path:
    folder.chmod(0o700)
    path = folder / "config.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def lines(path: Path) -> list[str]:
    return [str(each) for each in read_config(path, shown="FILE").complaints]


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"HOME": "/home/me"}, "/home/me/.config/trigger-tui/config.toml"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": "/c"}, "/c/trigger-tui/config.toml"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": "c"}, "/home/me/.config/trigger-tui/config.toml"),
        ({"HOME": "/home/me", "TRIGGER_TUI_CONFIG": "/own.toml"}, "/own.toml"),
        ({}, None),
    ],
)
def test_file_is_in_the_config_folder(environ: dict[str, str], path: str | None) -> None:
    assert config_path(environ) == (None if path is None else Path(path))


def test_absent_file_is_no_file(tmp_path: Path) -> None:
    assert load_config({"HOME": str(tmp_path)}).complaints == ()
    (tmp_path / ".config").write_text("a file")
    assert load_config({"HOME": str(tmp_path)}).complaints == ()
    named = load_config({"HOME": str(tmp_path), "TRIGGER_TUI_CONFIG": str(tmp_path / "none.toml")})
    assert [str(each) for each in named.complaints] == ["~/none.toml: no such file or directory; the file is ignored"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"theme = \n", "FILE: line 1: expected TOML: invalid value; the file is ignored"),
        (b'theme = "dark"\n[a\n', "FILE: line 2: expected TOML: expected ']' at the end of a table declaration; the file is ignored"),
        (b"a = 1\na = 2", "FILE: line 2: expected TOML: cannot overwrite a value; the file is ignored"),
        (b"a = 1\nb = '\xe9'", "FILE: line 2: expected UTF-8 text; the file is ignored"),
        ("theme = 'dark'".encode("utf-16"), "FILE: line 1: expected UTF-8 text; the file is ignored"),
        (b"a = " + b"[" * 9_000, "FILE: nested too deeply; the file is ignored"),
        (b"a" + b".a" * 30_000 + b" = 1", "FILE: line 1: expected at most 100 dots in a line; the file is ignored"),
        (b'"#"' + b".a" * 30_000 + b" = 1", "FILE: line 1: expected at most 100 dots in a line; the file is ignored"),
        (b"'" + b"(" * 20_000 + b"'=1\n'" + b"(" * 20_000 + b"'=1\n", "FILE: line 2: expected TOML: "),
        (b"# a\na = " + b"1" * 9_000, "FILE: line 2: expected a shorter number; the file is ignored"),
        (b"[a.b]\n[a.b]\n", "FILE: line 2: expected TOML: cannot declare a.b twice; the file is ignored"),
        (b"#" * (MAX_BYTES + 1), "FILE: larger than 64 KiB; the file is ignored"),
    ],
)  # fmt: skip
def test_file_that_is_no_toml_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    (told,) = lines(write(tmp_path, content))
    assert told.startswith(line)
    assert told.isprintable()


def test_mark_of_utf_8_is_ignored(tmp_path: Path) -> None:
    file = read_config(write(tmp_path, b'\xef\xbb\xbftheme = "dark"'), shown="FILE")
    assert (file.values.theme, file.complaints) == ("dark", ())


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    pipe, loop, folder, dangling = (tmp_path / name for name in ("pipe", "loop", "folder", "dangling"))
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    folder.mkdir()
    dangling.symlink_to("nowhere")
    assert lines(pipe) == ["FILE: not a regular file; the file is ignored"]
    assert lines(loop) == ["FILE: too many levels of symbolic links; the file is ignored"]
    assert lines(folder) == ["FILE: a folder, not a file; the file is ignored"]
    assert lines(dangling) == ["FILE: no such file or directory; the file is ignored"]
    assert lines(Path("/dev/zero")) == ["FILE: not a regular file; the file is ignored"]
    assert lines(Path("/dev/null")) == []


def test_syntax_error_near_read_only_forbids_writing(tmp_path: Path) -> None:
    file = read_config(write(tmp_path, "[read_only]\nproduction = true\n[oops\n"), shown="FILE")
    assert file.is_locked
    assert not read_settings(KEY, file=file).may_write
    assert read_settings(KEY, file=read_config(write(tmp_path, "[oops\n"), shown="FILE")).may_write


@pytest.mark.parametrize("content", [b"[read_only]\n" + b"\n" * MAX_BYTES, "read_only = 1".encode("utf-16")], ids=len)
def test_unread_file_with_read_only_forbids_writing(tmp_path: Path, content: bytes) -> None:
    assert read_config(write(tmp_path, content), shown="FILE").is_locked


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "is_trusted"),
    [(0o600, 0o700, True), (0o644, 0o755, True), (0o664, 0o700, False), (0o602, 0o700, False), (0o600, 0o777, False),
     (0o600, 0o770, False)],
)  # fmt: skip
def test_file_that_others_may_write_runs_nothing(
    tmp_path: Path, file_mode: int, folder_mode: int, is_trusted: bool
) -> None:
    path = write(tmp_path, 'theme = "light"\n' + COMMAND, file_mode)
    tmp_path.chmod(folder_mode)
    file = read_config(path, shown="FILE")
    settings = read_settings(KEY, file=file)
    assert [bool(each) for each in (settings.commands, settings.programs.editor, settings.bell.on_alert)] == [
        is_trusted
    ] * 3
    assert (settings.theme, settings.bell.ring) == ("light", "bell")
    assert len(file.complaints) == (0 if is_trusted else 1)
    assert all("commands, editor, pager and on_alert are not used" in str(each) for each in file.complaints)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_another_user_runs_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, COMMAND)
    os.chown(path, 65_534, -1)
    file = read_config(path, shown="FILE")
    assert file.distrust == "the file belongs to another user"
    assert read_settings(KEY, file=file).commands == ()


def test_link_that_others_may_turn_runs_nothing(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("own", "shared", "files")]
    for folder in folders:
        folder.mkdir(0o700)
    file = write(folders[2], COMMAND)
    second, first = folders[1] / "second.toml", folders[0] / "first.toml"
    second.symlink_to(file)
    first.symlink_to("../shared/second.toml")
    assert read_config(first, shown="FILE").distrust is None
    folders[1].chmod(0o777)
    assert read_config(first, shown="FILE").distrust == "others may write its folder (chmod go-w)"


def config(folder: Path, text: str) -> ConfigFile:
    return read_config(write(folder, text), shown="FILE")


@pytest.mark.parametrize(
    "lock", ["\ufeffread_only = 1", "\n\n \t[ 'read_only' ]", "\r\n[[read_only]]", "x = 1\n\x0cread-only"]
)
def test_lock_is_found_in_every_form(tmp_path: Path, lock: str) -> None:
    assert config(tmp_path, f"{lock}\n[oops\n").is_locked
    assert not config(tmp_path, f"# {lock.strip()}".replace("\n", " ") + "\n[oops\n").is_locked


def test_flag_wins_over_variable_and_variable_over_file(tmp_path: Path) -> None:
    file = config(tmp_path, 'theme = "light"\ninterval = 7\n[link]\nslow = "always"\n')
    of_file = read_settings(KEY, file=file)
    assert (of_file.theme, of_file.interval_s, of_file.link.slow) == ("light", 7.0, "always")
    origins = ["file", "file", "file", "default"]
    assert [of_file.origin(name) for name in ("theme", "interval", "link", "timezone")] == origins
    given = read_settings(KEY | {"TRIGGER_TUI_SLOW": "0"}, file=file, theme="dark", interval=3.0)
    assert (given.theme, given.interval_s, given.link.slow) == ("dark", 3.0, "never")
    origins = ["--theme", "--interval", "TRIGGER_TUI_SLOW"]
    assert [given.origin(name) for name in ("theme", "interval", "link")] == origins


def test_file_never_makes_a_read_only_session_writable(tmp_path: Path) -> None:
    file = config(tmp_path, "[read_only]\neverywhere = false\n")
    settings = read_settings(KEY, file=file, read_only=True)
    assert not settings.may_write
    assert not with_file(settings, file).may_write
    assert with_file(settings, file).origin("read_only") == "--read-only"


def test_changed_file_changes_what_no_flag_decides(tmp_path: Path) -> None:
    before = read_settings(KEY, file=config(tmp_path, 'theme = "light"\ninterval = 7\n'), interval=3.0)
    after = with_file(before, config(tmp_path, 'timezone = "local"\ninterval = 9\n[read_only]\neverywhere = true\n'))
    assert (after.theme, after.interval_s, after.timezone, after.may_write) == ("auto", 3.0, "local", False)
    assert (after.origin("theme"), after.origin("read_only")) == ("default", "file")
    assert with_file(after, config(tmp_path, "")).may_write


@pytest.mark.parametrize(
    ("where", "name", "is_production", "is_forbidden"),
    [
        (ReadOnly(production=True), None, True, True),
        (ReadOnly(production=True), "staging", False, False),
        (ReadOnly(environments=("Prod",)), "prod", True, True),
        (ReadOnly(environments=("prod",)), "dev", False, False),
        (ReadOnly(environments=("prod",)), None, True, True),
        (ReadOnly(environments=("staging",)), "stg", False, True),
        (ReadOnly(environments=("production",)), "prod", True, True),
    ],
)
def test_environments_of_the_file_are_read_only(
    where: ReadOnly, name: str | None, is_production: bool, is_forbidden: bool
) -> None:
    assert where.forbids(name, is_production=is_production) is is_forbidden
