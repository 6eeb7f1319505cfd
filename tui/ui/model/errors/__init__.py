"""State of the errors view that needs no Textual: spans, orders, the list of groups and its cursor."""
