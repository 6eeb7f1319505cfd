"""The settings in effect, each with its value and where it comes from. Secrets are only said to be set."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tui.settings.bell import FINDING_FIELDS
from tui.settings.reading import FILE, KEY_OF_FIELD, ROLES, VIEWS, is_set
from tui.settings.settings import UNBIND, Settings

_SLOW: Final = {None: "auto", True: "always", False: "never"}
DEFAULT: Final = "default"


Value = str | float | bool | list[str] | None
"""A value as JSON has it."""


class EffectiveSetting(NamedTuple):
    """A setting. `name` is its key in the file, if it has one; `origin` is a flag, a variable, `file` or `default`."""

    name: str
    value: Value
    origin: str


def effective_settings(
    settings: Settings, environ: Mapping[str, str], palette: Mapping[str, str], *, has_key: bool
) -> Iterator[EffectiveSetting]:
    """Yield the settings of a session on the API. `palette` has the colours that are not set, by role.

    `has_key`: the variable with the key is set.
    """
    origin_of = settings.origins.get
    yield EffectiveSetting("api", settings.api_url, origin_of("api_url", DEFAULT))
    key = "set, not shown" if has_key else "not set"
    yield EffectiveSetting("key", key, "TRIGGER_SECRET_KEY" if has_key else DEFAULT)
    yield EffectiveSetting("branch", settings.branch, origin_of("branch", DEFAULT))
    yield EffectiveSetting("environment", settings.expect_env, origin_of("expect_env", DEFAULT))
    yield EffectiveSetting("realtime", settings.realtime, origin_of("realtime", DEFAULT))
    yield EffectiveSetting("title", settings.has_title, origin_of("has_title", DEFAULT))
    yield EffectiveSetting("theme", settings.theme, origin_of("theme", DEFAULT))
    yield EffectiveSetting("interval", settings.interval_s, origin_of("interval_s", DEFAULT))
    yield EffectiveSetting("max_runs", settings.max_runs, origin_of("max_runs", DEFAULT))
    yield EffectiveSetting("timezone", settings.timezone, origin_of("timezone", DEFAULT))
    yield from _of_read_only(settings)
    yield EffectiveSetting("link.slow", _SLOW[settings.slow_link], origin_of("slow_link", DEFAULT))
    yield from _of_file(settings, environ, palette)


def _of_read_only(settings: Settings) -> Iterator[EffectiveSetting]:
    everywhere = settings.read_only or not settings.key.may_write
    yield EffectiveSetting("read_only.everywhere", everywhere, settings.origins.get("read_only", DEFAULT))
    where = settings.read_only_in
    yield _from_file(settings, "read_only.production", where.production)
    yield _from_file(settings, "read_only.environments", list(where.environments))


def _of_file(settings: Settings, environ: Mapping[str, str], palette: Mapping[str, str]) -> Iterator[EffectiveSetting]:
    """Yield what only the file can set. Of keys, those that it sets."""
    for role in ROLES:
        yield _from_file(settings, f"colors.{role}", settings.colors.get(role, palette[role]))
    for view in VIEWS:
        own = settings.columns.get(view, ())
        names = [each if isinstance(each, str) else each.column for each in own]
        yield _from_file(settings, f"columns.{view}", names)
    for binding, keys in settings.keys.items():
        yield _from_file(settings, f"keys.{binding}", list(keys) or [UNBIND])
    if not settings.keys:
        yield EffectiveSetting("keys", [], DEFAULT)
    yield _from_file(settings, "views", [each.name for each in settings.views])
    yield _from_file(settings, "commands", [each.name for each in settings.commands])
    yield _program(settings, KEY_OF_FIELD["editor"], settings.editor, ("VISUAL", "EDITOR"), environ)
    yield _program(settings, KEY_OF_FIELD["pager"], settings.pager, ("PAGER",), environ)
    yield _from_file(settings, KEY_OF_FIELD["dashboard_url"], settings.dashboard_url)
    yield from _of_bell(settings)


def _of_bell(settings: Settings) -> Iterator[EffectiveSetting]:
    bell = settings.bell
    yield _from_file(settings, "bell.ring", "off" if bell is None else bell.ring)
    for word in FINDING_FIELDS:
        own = "default" if bell is None else getattr(bell, word)
        yield _from_file(settings, f"bell.{word}", own)
    yield _from_file(settings, "bell.not_known", "off" if bell is None else bell.not_known)
    yield _from_file(settings, "bell.quiet_hours", [] if bell is None else list(bell.quiet_hours))
    yield _from_file(settings, "bell.on_alert", [] if bell is None else list(bell.on_alert))


def _from_file(settings: Settings, key: str, value: Value) -> EffectiveSetting:
    return EffectiveSetting(key, value, FILE if is_set(settings.file, key) else DEFAULT)


def _program(
    settings: Settings, key: str, own: tuple[str, ...], variables: tuple[str, ...], environ: Mapping[str, str]
) -> EffectiveSetting:
    """Return a program: that of the file, else of the first variable that names one."""
    found = next((name for name in variables if environ.get(name, "").strip()), None)
    if own or found is None:
        return _from_file(settings, key, list(own))
    return EffectiveSetting(key, [environ[found].strip()], found)
