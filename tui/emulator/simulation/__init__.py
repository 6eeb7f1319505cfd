"""The simulation under the world: runs, what happens to them and when, in what words.

What lives here: pure parts, which `world` puts together. Nothing here knows HTTP or the machine's clock.
"""
