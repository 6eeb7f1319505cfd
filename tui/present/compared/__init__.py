"""The attempts of a run beside each other: what differs between them, and what is the same."""
