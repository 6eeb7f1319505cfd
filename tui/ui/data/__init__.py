"""What the screen follows, fetches, sends and remembers."""
