"""Files of log lines: private, new, and never in place of another file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.domain.run import RunId
from tui.features.logs import model as log_file
from tui.features.logs.model import save_text, saved_words

NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


def test_file_is_private_and_its_name_is_safe(tmp_path: Path) -> None:
    path = save_text(tmp_path, RunId("../run/é" + "x" * 300), ["a\n", "b\n"], NOW)
    assert path.parent == tmp_path / "logs"
    assert path.name == "___run__" + "x" * 72 + "-20261124T130000Z.log"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("a\nb\n", 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_file_that_exists_is_never_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_NAMES", 3)
    secret = tmp_path / "secret"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "run_1-20261124T130000Z.log").symlink_to(secret)
    names = [save_text(tmp_path, RunId("run_1"), ["x"], NOW).name for _ in range(2)]
    assert names == ["run_1-20261124T130000Z-2.log", "run_1-20261124T130000Z-3.log"]
    assert not secret.exists()
    with pytest.raises(FileExistsError):
        save_text(tmp_path, RunId("run_1"), ["x"], NOW)


def test_notice_names_the_file() -> None:
    path = Path("/home/ann/state/x.log")
    assert saved_words(1, path, "/home/ann") == "1 line saved to ~/state/x.log"
    assert saved_words(1, path) == "1 line saved to /home/ann/state/x.log"
