"""The requests for the facts of the wall, and the decoding of their responses."""
