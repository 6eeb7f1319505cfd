"""Sends a terminal only the changes of its screen: a layer between any full-screen program and its terminal."""
