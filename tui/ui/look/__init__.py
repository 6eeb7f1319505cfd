"""Colours, painting, and updates once a second."""
