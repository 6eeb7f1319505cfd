"""The client of the Trigger.dev API: requests, connections, and the decoding of every answer."""
