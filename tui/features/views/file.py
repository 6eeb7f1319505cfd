"""Keeps the user's own views in one file of the state directory, and lists them together with those of the config file.

Each change reads the file again under a lock, so that two programs do not lose each other's views. What cannot be
decoded is reported and left alone; the next change first moves the file aside.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui.kit.app import AppBase
from tui.kit.state_files import DISK_TIMEOUT_S, locked, problem_sentence, read_own, replace_file
from tui.store.addresses import ListedView, SavedView, TooManyViews, is_valid, listed_views

if TYPE_CHECKING:
    from tui.settings.schema import ViewEntry


VERSION: Final = 1
MAX_BYTES: Final = 2 * 1024 * 1024
"""All views with the longest addresses need less."""

MAX_ASIDE: Final = 100
"""Damaged files that are kept. With more of them, nothing is saved."""

ViewChange = Callable[[Sequence[SavedView]], tuple[SavedView, ...]]


class ReadViews(NamedTuple):
    """The own views of the file.

    * `problem`: why not all of it was read, or why nothing was changed, as a sentence; None if all is well
    * `remark`: what else has happened, as a sentence
    """

    views: tuple[SavedView, ...]
    problem: str | None = None
    remark: str = ""


class ViewFile:
    """The file with the own views of one user."""

    def __init__(self, state_dir: PurePath) -> None:
        self.path = Path(state_dir) / "views.json"

    async def read(self) -> ReadViews:
        """Return the views, as many as can be read."""
        return await self._in_thread(self._read, "The saved views cannot be read")

    async def change(self, change: ViewChange) -> ReadViews:
        """Change the views in the file, and return them. A `problem` says that they are as before."""
        return await self._in_thread(lambda: self._change(change), "The views cannot be saved")

    async def _in_thread(self, work: Callable[[], ReadViews], what: str) -> ReadViews:
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                return await asyncio.to_thread(work)
        except TimeoutError:
            return ReadViews((), f"{what} in {self.path}: the disk does not answer.")
        except TooManyViews:
            return ReadViews((), f"{what}: there are as many as fit. :views deletes some.")
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            return ReadViews((), problem_sentence(self.path, f"{what} in {self.path}", reason))

    def _read(self) -> ReadViews:
        content = read_own(self.path, MAX_BYTES)
        if content is None:
            return ReadViews(())
        views, is_whole = _decode(content)
        problem = f"The saved views in {self.path} are ignored in part: this version did not write all of it."
        if not views and not is_whole:
            problem = f"The saved views in {self.path} are ignored: this version did not write them."
        return ReadViews(views, None if is_whole else problem)

    def _change(self, change: ViewChange) -> ReadViews:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.path.with_suffix(".lock")):
            content = read_own(self.path, MAX_BYTES)
            views, is_whole = ((), True) if content is None else _decode(content)
            changed = change(views)
            aside = None if is_whole else self._move_aside()
            replace_file(self.path, _encode(changed))
        remark = "" if aside is None else f"What could not be read of the saved views is kept in {aside}."
        return ReadViews(changed, remark=remark)

    def _move_aside(self) -> Path:
        for number in range(1, MAX_ASIDE + 1):
            aside = self.path.with_name(f"views.damaged-{number}.json")
            if not aside.exists():
                self.path.rename(aside)
                return aside
        raise OSError(None, f"there are {MAX_ASIDE} damaged files beside it")


class KnownViews:
    """The own views and those of the config file, as they were read last. Another program may change the own ones."""

    def __init__(self, state_dir: PurePath, configured: "Callable[[], Sequence[ViewEntry]]") -> None:
        self.file = ViewFile(state_dir)
        self.on_remark: Callable[[str], None] = lambda _: None
        """Called with a sentence about the file."""
        self._configured = configured
        self.listed: tuple[ListedView, ...] = ()
        """All views by their names."""

    @property
    def views(self) -> tuple[SavedView, ...]:
        """All views."""
        return tuple(each.view for each in self.listed)

    async def load(self) -> str | None:
        """Read the views. Return a sentence if not all of them could be read."""
        read = await self.file.read()
        await self._list(read.views)
        return read.problem

    async def problems_of_file(self) -> list[str]:
        """Return what is wrong about the views of the config file, as sentences."""
        await self.load()
        wrong = [each for each in self.listed if each.view.is_configured and each.remark]
        return [f"The view “{each.view.name}” of the config file: {each.remark}." for each in wrong]

    async def change(self, change: ViewChange) -> str | None:
        """Change the own views. Return a sentence if that failed."""
        changed = await self.file.change(change)
        if changed.problem is None:
            await self._list(changed.views)
        if changed.remark:
            self.on_remark(changed.remark)
        return changed.problem

    async def _list(self, own: Sequence[SavedView]) -> None:
        entries = self._configured()
        configured = [SavedView(each.name, each.address, each.letter, is_configured=True) for each in entries]
        # In a thread: the addresses of 200 views take 20 ms to parse.
        self.listed = await asyncio.to_thread(listed_views, (*configured, *own))


def _encode(views: Sequence[SavedView]) -> bytes:
    saved = [{"name": view.name, "address": view.address, "letter": view.letter} for view in views]
    return (json.dumps({"version": VERSION, "views": saved}, indent=1) + "\n").encode("ascii")


def _decode(content: bytes) -> tuple[tuple[SavedView, ...], bool]:
    """Return the views that can be decoded, and whether that is the whole content."""
    try:
        saved = json.loads(content)
    except (ValueError, RecursionError):
        return (), False
    if not isinstance(saved, dict) or saved.get("version") != VERSION or not isinstance(saved.get("views"), list):
        return (), False
    views = tuple(view for each in saved["views"] if (view := _view(each)) is not None)
    return views, len(views) == len(saved["views"])


def _view(saved: Any) -> SavedView | None:
    """Decode one view; None if it is none."""
    if not isinstance(saved, dict) or set(saved) != {"name", "address", "letter"}:
        return None
    if not all(isinstance(value, str) for value in saved.values()):
        return None
    view = SavedView(**saved)
    return view if is_valid(view) else None


def known_views_of(app: AppBase) -> KnownViews:
    """Return the views that are saved under names."""

    def make() -> KnownViews:
        session = app.session
        views = KnownViews(session.settings.state_dir, lambda: session.settings.views)
        views.on_remark = lambda text: app.messages.add(session.now(), text)
        return views

    return app.part(KnownViews, make)
