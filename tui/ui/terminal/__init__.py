"""The terminal itself: bytes that come, bytes that go, and what Textual reads of the environment."""
