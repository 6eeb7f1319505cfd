"""The responses about the trace of a run: `/trace`, `/events` and `/spans`."""
