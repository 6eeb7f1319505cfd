"""The terminal below the app: input, output, modes, and the speed of its link."""
