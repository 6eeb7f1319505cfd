"""Colours, painting, and the beat of the screen."""
