"""Commands of one's own: their keys, the question before they run, and how they run."""
