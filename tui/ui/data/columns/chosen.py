"""The columns of each view: those that the user chose, else those of the config file, else the program's own.

The modules that read and save them are imported only where there are any.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tui.session import Session
from tui.settings.config_file import shown_path
from tui.ui.state_files import DISK_TIMEOUT_S

if TYPE_CHECKING:
    from tui.present.own_columns.choice import ColumnChoice, ColumnSet
    from tui.ui.data.columns.column_file import ColumnFile

FILE_NAME = "columns.json"


class ChosenColumns:
    """Knows the columns of all views.

    * `say`: is called with a sentence about columns that cannot be read, saved or shown
    * `listeners`: are called when columns of any view have changed
    """

    def __init__(self, session: Session, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._session = session
        self._environ = environ
        self._say = say
        self._file: ColumnFile | None = None
        self._saved: dict[str, ColumnSet] = {}
        self._of_file: dict[str, ColumnSet] = {}
        self.listeners: list[Callable[[], None]] = []
        if session.settings.columns:
            self.use_settings()

    async def start(self) -> None:
        """Load the columns that the user chose in an earlier session."""
        path = Path(self._session.settings.state_dir) / FILE_NAME
        try:
            async with asyncio.timeout(DISK_TIMEOUT_S):
                exists = await asyncio.to_thread(os.path.lexists, path)
        except TimeoutError:
            exists = False  # the file of the filters, which is read before, says so
        if exists:
            file = self._opened()
            self._saved = await file.load()
            self._report(file, None)
            self._publish()

    def use_settings(self) -> None:
        """Show the columns of the config file, which may have changed, in views without chosen ones."""
        settings, self._of_file = self._session.settings, {}
        if settings.columns:
            from tui.present.own_columns.of_settings import columns_of_file  # noqa: PLC0415  not needed before

            path = settings.file.path
            shown = "" if path is None else shown_path(path, self._environ)
            self._of_file, complaints = columns_of_file(settings.columns, shown, settings.file)
            for complaint in complaints:
                self._say(f"{complaint}.")
        self._publish()

    def shown(self, view: str) -> "tuple[ColumnChoice, ...] | None":
        """Return the columns of a view, None for the program's own."""
        columns = self._saved.get(view) or self._of_file.get(view)
        return None if columns is None or not columns.shown else columns.shown

    def saved(self, view: str) -> "ColumnSet | None":
        """Return the columns that the user chose, None if there are none. Without shown ones: the program's own."""
        return self._saved.get(view)

    def of_file(self, view: str) -> "ColumnSet | None":
        """Return the columns of the config file, None if it has none."""
        return self._of_file.get(view)

    def choose(self, view: str, columns: "ColumnSet | None") -> None:
        """Show and save other columns of a view; None: those of the config file, or the program's own."""
        if columns == self._saved.get(view):
            return
        if columns is None:
            self._saved.pop(view, None)
        else:
            self._saved[view] = columns
        self._publish()
        self._session.spawn(self._save(view, columns), "save the columns")

    async def _save(self, view: str, columns: "ColumnSet | None") -> None:
        file = self._opened()
        before = file.failure
        await file.save(view, columns)
        self._report(file, before)

    def _opened(self) -> "ColumnFile":
        from tui.ui.data.columns.column_file import ColumnFile  # noqa: PLC0415  not needed before

        if self._file is None:
            path = Path(self._session.settings.state_dir) / FILE_NAME
            self._file = ColumnFile(path, self._session.secrets.finds)
        return self._file

    def _report(self, file: "ColumnFile", before: str | None) -> None:
        if file.failure is not None and file.failure != before:
            self._say(file.failure)

    def _publish(self) -> None:
        for listener in self.listeners:
            listener()
