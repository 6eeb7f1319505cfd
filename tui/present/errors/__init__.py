"""An error and its stack, wherever they are shown."""
