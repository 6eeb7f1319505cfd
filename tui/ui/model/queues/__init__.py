"""State of the queues view that needs no Textual: orders, the list of queues and its cursor."""
