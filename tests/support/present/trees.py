"""Sample trees of runs, and the runs that the store would know."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.support.present.samples import CREATED, sample
from tui.domain.run import BatchId, Run, RunId, TaskId
from tui.domain.tree import RunTree, TreeRow, build_tree
from tui.features.tree.view import TreeView

WORDS = ("COMPLETED", "FAILED", "CRASHED", "EXECUTING", "WAITING", "QUEUED", "DELAYED", "CANCELED", "EXPIRED", "NEW")


@dataclass
class Grove:
    """Runs in the order of their creation; the first is the root."""

    runs: dict[RunId, Run] = field(default_factory=dict)
    rows: list[TreeRow] = field(default_factory=list)

    def add(
        self,
        name: str,
        under: str | None = None,
        word: str = "COMPLETED",
        *,
        task: str | None = None,
        batch: str | None = None,
        function: str | None = None,
        **changes: Any,
    ) -> RunId:
        run_id, parent_id = RunId(f"run_{name}"), None if under is None else RunId(f"run_{under}")
        waits = word in {"QUEUED", "DELAYED"}
        run = sample(word, run_id=run_id, task=task or name, tags=(), started=not waits, **changes)
        fixed = replace(
            run.fixed,
            parent_id=parent_id,
            batch_id=None if batch is None else BatchId(batch),
            trigger_function=function,
        )
        self.runs[run_id] = replace(run, fixed=fixed, created_at=CREATED + timedelta(milliseconds=len(self.rows)))
        self.rows.append(TreeRow(run_id, parent_id, TaskId(task or name)))
        return run_id

    def tree(self, current: str, *missing: str) -> RunTree:
        return build_tree(RunId(f"run_{current}"), self.rows, self.runs, missing)


def view_of(tree: RunTree, newest: Callable[[RunId], Run | None]) -> TreeView:
    """Return the view of a tree as it begins."""
    view = TreeView(newest)
    view.show(tree)
    return view


def chain(length: int) -> tuple[Grove, RunTree]:
    """Return a chain in which each run is the parent of the next."""
    grove = Grove()
    for depth in range(length):
        grove.add(f"task{depth}", f"task{depth - 1}" if depth else None)
    return grove, grove.tree(f"task{length - 1}")


def nightly() -> Grove:
    """Return a tree with every feature: a batch, failures, live and waiting runs, groups of similar siblings."""
    grove = Grove()
    grove.add("import", word="WAITING", function="trigger")
    grove.add("plan", "import", function="triggerAndWait")
    for number in range(2):
        grove.add(f"shop{number}", "plan", task="list-shops", function="triggerAndWait")
    for shard, word in enumerate(("FAILED", "EXECUTING", "COMPLETED", "COMPLETED", "COMPLETED")):
        name = f"shard{shard}"
        grove.add(name, "import", word, task="shard", batch="batch_1", function="batchTriggerAndWait")
        pages = {0: ("FAILED", *["COMPLETED"] * 9), 1: ("EXECUTING", *["QUEUED"] * 4, *["COMPLETED"] * 5)}
        for page, word_of_page in enumerate(pages.get(shard, ["COMPLETED"] * 6)):
            grove.add(f"page{shard}-{page}", name, word_of_page, task="page")
    grove.add("notify", "import", "FAILED", function="trigger")
    return grove


@st.composite
def groves(draw: st.DrawFn) -> tuple[Grove, RunTree]:
    """Return any tree of up to forty runs of few tasks, so that siblings are often similar."""
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40))
    grove = Grove()
    for number, word in enumerate(words):
        under = None if number == 0 else f"{draw(st.integers(0, (number - 1) // 3)):02}"
        batch = draw(st.sampled_from([None, None, "batch_1", "batch_2"]))
        grove.add(f"{number:02}", under, word, task=draw(st.sampled_from(["a", "b"])), batch=batch)
    return grove, grove.tree(f"{draw(st.integers(0, len(words) - 1)):02}")
