"""The authorities that a connection to a relay trusts. The command line reads them before the first frame."""

import ssl
from pathlib import PurePath

from tui.sync.base import Fatal


def tls_context(ca: PurePath | None) -> ssl.SSLContext:
    """Return TLS settings that trust the machine's authorities, or those of a file. Raises `Fatal` for a bad file."""
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:  # ssl.SSLError is one too
        reason = (getattr(error, "reason", None) or error.strerror or "").replace("_", " ").lower()
        raise Fatal(f"--tls-ca {ca}: no certificate could be read: {reason}") from None
