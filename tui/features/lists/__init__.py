"""Lists of one file each. A new one is a module with a `VIEW`, and its name in `LISTED` of `features/__init__.py`."""
