"""How wall and overview look: series, rows of error groups and tasks, and the page of the wall. See README.md."""
