"""The marked runs of the list, on which an action is performed together, and which of them the filter hides."""

from collections.abc import Collection, Iterable, Iterator

from tui.domain.ids import RunId
from tui.store.changes import ViewDelta
from tui.store.view import View


class Marks(Collection[RunId]):
    """The marked runs, in the order in which they were marked."""

    def __init__(self) -> None:
        self._marked: dict[RunId, None] = {}
        self._hidden: set[RunId] = set()
        self._has_just_toggled_all = False

    def __len__(self) -> int:
        return len(self._marked)

    def __iter__(self) -> Iterator[RunId]:
        return iter(self._marked)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._marked

    @property
    def hidden_count(self) -> int:
        """The number of marked runs that the filter hides."""
        return len(self._hidden)

    def shown(self) -> Iterator[RunId]:
        """Iterate over the marked runs that the filter does not hide."""
        return (run_id for run_id in self._marked if run_id not in self._hidden)

    @property
    def last(self) -> RunId | None:
        """The run that was marked last."""
        return next(reversed(self._marked), None)

    def toggle(self, run_id: RunId) -> None:
        """Mark a run, or remove its mark."""
        self.end_series()
        if run_id in self._marked:
            self._forget(run_id)
        else:
            self._marked[run_id] = None

    def add(self, run_ids: Iterable[RunId]) -> None:
        """Mark runs of the view. Runs that are marked already keep their position."""
        self.end_series()
        self._marked |= dict.fromkeys(run_ids)

    def toggle_all(self, run_ids: Iterable[RunId]) -> None:
        """Mark all runs of the view. If all are marked already, clear all marks, hidden ones too.

        The second call in a row always clears, even if a new run arrived in between that is not marked.
        """
        is_second, unmarked = self._has_just_toggled_all, [run_id for run_id in run_ids if run_id not in self._marked]
        if is_second or not unmarked:
            self.clear()
        else:
            self.add(unmarked)
        self._has_just_toggled_all = not is_second

    def end_series(self) -> None:
        """End a series of `toggle_all` calls, because the user did something else in the list."""
        self._has_just_toggled_all = False

    def clear(self) -> None:
        """Clear all marks, hidden ones too."""
        self.end_series()
        self._marked.clear()
        self._hidden.clear()

    def clear_shown(self) -> None:
        """Clear the marks of the runs that the filter does not hide."""
        self.end_series()
        self._marked = {run_id: None for run_id in self._marked if run_id in self._hidden}

    def set_view(self, view: View) -> None:
        """Replace the view: the marked runs that are not in it are hidden."""
        self.end_series()
        self._hidden = {run_id for run_id in self._marked if run_id not in view}

    def on_view_change(self, delta: ViewDelta, removed: Iterable[RunId] = ()) -> None:
        """Update which marked runs are hidden. Runs that were removed from the store lose their marks."""
        self._hidden.update(run_id for run_id in delta.left if run_id in self._marked)
        self._hidden -= delta.entered
        for run_id in removed:
            self._forget(run_id)

    def _forget(self, run_id: RunId) -> None:
        self._marked.pop(run_id, None)
        self._hidden.discard(run_id)
