"""The sources of updates. Each reads the API in its own way and emits updates; it never writes to the store."""
