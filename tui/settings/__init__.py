"""The settings of a session, and where they come from: flags, variables, the config file, defaults.

This package imports no library: msgspec is loaded only where there is a file.
"""

from tui.settings.reading import (
    PREVIEW_BRANCH,
    is_loopback,
    read_relay_settings,
    read_settings,
    with_file,
)
from tui.settings.secret import SECRET_VARIABLES, Secret, SettingsError, without_secrets
from tui.settings.settings import (
    DEFAULT_API_URL,
    DEFAULT_INTERVAL_S,
    MIN_INTERVAL_S,
    MIN_PUBLIC_INTERVAL_S,
    NO_FILE,
    Complaint,
    ConfigFile,
    FileState,
    ReadOnlyIn,
    Settings,
)

__all__ = [
    "DEFAULT_API_URL",
    "DEFAULT_INTERVAL_S",
    "MIN_INTERVAL_S",
    "MIN_PUBLIC_INTERVAL_S",
    "NO_FILE",
    "PREVIEW_BRANCH",
    "SECRET_VARIABLES",
    "Complaint",
    "ConfigFile",
    "FileState",
    "ReadOnlyIn",
    "Secret",
    "Settings",
    "SettingsError",
    "is_loopback",
    "read_relay_settings",
    "read_settings",
    "with_file",
    "without_secrets",
]
