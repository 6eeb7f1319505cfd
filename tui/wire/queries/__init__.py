"""Every TRQL query that the program sends: a name, and values that are checked and bounded. Nothing else makes TRQL.

A relay's screen sends such a value, and the relay makes the text. So a screen cannot send a query of its own.
No query has OR: the server reads `A AND (B OR C)` as `A AND B AND C`. It calls `or(B, C)` instead.
Source: tests/wire/recordings/README.md §7 (recordings 834, 839, 841, 1111-1119, 2630, 2645, 2663-2673, 2900-2915).
"""

from tui.wire.queries.queues import (
    QueueHolders,
    QueueOfRun,
    QueueSpeeds,
    QueueStayMinutes,
    QueueWaitCounts,
    RunsOfQueue,
)
from tui.wire.queries.runs import (
    EndedRuns,
    FailureCount,
    OlderLiveCounts,
    RunCounts,
    RunErrors,
    RunsWithErrorTexts,
    TreeRuns,
)
from tui.wire.queries.tasks import DayTotals, TaskMinutes, TaskNormals

NamedQuery = (
    RunCounts
    | OlderLiveCounts
    | FailureCount
    | EndedRuns
    | RunErrors
    | RunsWithErrorTexts
    | TreeRuns
    | QueueOfRun
    | RunsOfQueue
    | QueueStayMinutes
    | QueueSpeeds
    | TaskMinutes
    | QueueWaitCounts
    | QueueHolders
    | TaskNormals
    | DayTotals
)
