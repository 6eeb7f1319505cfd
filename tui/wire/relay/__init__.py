"""The messages between a relay and its screens."""
