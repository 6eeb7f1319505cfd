"""The data of the queues view: all queues as facts of the session, and more of the selected one."""
