"""The health report of an environment: what is measured, what is made of it, and how it is written."""
