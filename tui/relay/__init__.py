"""The relay: one session with the API that serves any number of read-only screens over WebSockets."""
