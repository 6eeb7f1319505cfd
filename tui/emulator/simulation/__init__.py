"""The simulation: runs, queues, workers, schedules and their events.

`world` puts the parts together. They are pure: no HTTP and no clock of the machine.
"""
