"""JSON in, domain out: the one place that speaks HTTP to Trigger.dev.

What lives here: the client, the models of what the API sends, their conversion into domain values, and the
errors that a caller can meet. Nothing here decides when to ask, or what to do about an answer.
"""

import sys
from typing import Any

_MODULES: dict[str, Any] = sys.modules
# httpx has a command line of its own, which it loads wherever it finds click, with rich and pygments behind it: a tenth
# of this program's start for something that nobody here can call. It does without where the module cannot be loaded.
_MODULES.setdefault("httpx._main", None)
