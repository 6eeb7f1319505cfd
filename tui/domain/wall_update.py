"""`WallUpdate`: the base of the updates about findings and their facts.

The store imports their classes when the first of them arrives, since the start needs none.
"""


class WallUpdate:
    """An update that the store keeps beside the runs: a `FactRead` or a `FindingsRead` of `domain.findings`."""

    __slots__ = ()
