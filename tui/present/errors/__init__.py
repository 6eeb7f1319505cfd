"""An error and its stack, on a page and in print."""
