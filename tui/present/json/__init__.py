"""JSON values: on one line, as text, and as rows that fold."""
