"""Sends a terminal only what changes its screen: a layer between any full-screen program and its terminal."""
