"""Findings and the last hour: the wall, to be read in passing, and the overview while no run is selected."""
