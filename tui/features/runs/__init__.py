"""The list of runs, and the screen that has it."""
