"""The judgement: findings as a pure function of the facts, the runs of the store, and the time."""
