"""Findings: what is wrong in an environment, and the facts that say so. README.md explains who computes what."""
