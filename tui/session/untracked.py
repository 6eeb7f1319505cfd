"""Takes single objects out of the sight of the garbage collector."""

from collections.abc import Callable


def load_untrack() -> Callable[[object], object]:
    """Return a function that untracks an object: no collection visits it, and it is freed with its last reference.

    It is for values that cannot be part of a cycle. Python untracks tuples and dicts of such values by itself, but not
    instances of classes. The function is CPython's own, and does nothing in other interpreters.
    """
    try:
        import ctypes

        untrack = ctypes.pythonapi.PyObject_GC_UnTrack
    except (ImportError, AttributeError):
        return lambda _: None
    untrack.argtypes, untrack.restype = [ctypes.py_object], None
    return untrack
