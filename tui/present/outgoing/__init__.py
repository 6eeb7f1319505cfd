"""Texts that lead from the monitor to other programs: shell commands, requests by curl, links to the dashboard."""
