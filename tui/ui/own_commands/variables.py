"""The environment variables that a command of one's own gets, and the folder in which it runs.

It gets all of ours but the secret ones: the key and tokens of Trigger.dev, and any variable that holds one of them.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

from tui.domain.own_commands.expansion import CannotRun
from tui.present.redaction import Redactor
from tui.settings import SECRET_VARIABLES, Settings, without_secrets
from tui.settings.secret import MIN_SECRET_CHARS

KEY: Final = "TRIGGER_SECRET_KEY"
_API_URL: Final = "TRIGGER_API_URL"
_SECRET_NAME: Final = re.compile(r"TRIGGER_\w*(KEY|TOKEN|SECRET|PASSWORD)\w*")


def variables_for(names: Iterable[str], environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return the variables of a command that asks for the secret ones in `names`. Raises `CannotRun` if one is missing.

    With the key comes the address of the API that it belongs to.
    """
    secrets = _secrets(environ, settings)
    given = {
        name: value
        for name, value in without_secrets(environ).items()
        if not _SECRET_NAME.fullmatch(name) and not any(secret in value for secret in secrets)
    }
    for name in names:
        value = settings.key.reveal() if name == KEY else environ.get(name)
        if not value:
            raise CannotRun("this session has no key of its own" if name == KEY else f"{name} is not set")
        given[name] = value
        if name == KEY:
            given[_API_URL] = settings.api_url
    return given


def holds_secret(arguments: Iterable[str], environ: Mapping[str, str], settings: Settings) -> bool:
    """Return whether arguments, which every user of the machine can read, hold a secret of ours or any other key."""
    finds = redactor_for((), environ, settings).finds
    return any(finds(argument) for argument in arguments)


def redactor_for(names: Iterable[str], environ: Mapping[str, str], settings: Settings) -> Redactor:
    """Return what removes our secrets, and the variables that were handed over, from the output of a command."""
    redactor = Redactor()
    for secret in (*_secrets(environ, settings), *(environ.get(name, "") for name in names)):
        redactor.hide(secret)
    return redactor


def folder_for(environ: Mapping[str, str]) -> str:
    """Return the folder in which a command runs: that of the monitor, or the home folder if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109  raises if the folder is gone
    except OSError:
        return environ.get("HOME") or "/"


def _secrets(environ: Mapping[str, str], settings: Settings) -> list[str]:
    found = (
        settings.key.reveal(),
        settings.relay_token.reveal(),
        *(environ.get(each, "") for each in SECRET_VARIABLES),
    )
    return [each for each in dict.fromkeys(found) if len(each) >= MIN_SECRET_CHARS]
