"""The terminal: reading and decoding input, writing output, and checking Textual's environment variables."""
