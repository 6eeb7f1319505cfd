"""The HTTP client of the Trigger.dev API, and the decoding of its responses into domain values.

When to send a request, and what to do with the result, is decided in `sources` and `session`.
"""

import sys
from typing import Any

_MODULES: dict[str, Any] = sys.modules
# httpx imports its own command line, with rich and pygments, wherever click is installed. That takes a tenth of our
# start-up time. An import that finds None here fails, and httpx then does without its command line.
_MODULES.setdefault("httpx._main", None)
