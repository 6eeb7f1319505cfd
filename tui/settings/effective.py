"""The settings in effect, each with its value and where it comes from. Secrets are only said to be set."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tui.settings.reading import KEY_OF_FIELD, ROLES, VIEWS
from tui.settings.settings import Settings

_SLOW: Final = {None: "auto", True: "always", False: "never"}
DEFAULT: Final = "default"

Value = str | float | bool | list[str] | None
"""A value as JSON has it."""


class EffectiveSetting(NamedTuple):
    """A setting. `name` is its key in the file, if it has one; `origin` is a flag, a variable, `file` or `default`."""

    name: str
    value: Value
    origin: str


def effective_settings(settings: Settings, *, has_key: bool) -> Iterator[EffectiveSetting]:
    """Yield the settings of a session on the API. `has_key`: the variable with the key is set."""
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
    yield EffectiveSetting("timezone", settings.timezone, origin_of("timezone", DEFAULT))
    yield from _of_read_only(settings)
    yield EffectiveSetting("link.slow", _SLOW[settings.slow_link], origin_of("slow_link", DEFAULT))
    yield from _of_file(settings)


def _of_read_only(settings: Settings) -> Iterator[EffectiveSetting]:
    everywhere = settings.read_only or not settings.key.may_write
    yield EffectiveSetting("read_only.everywhere", everywhere, settings.origins.get("read_only", DEFAULT))
    where, keys = settings.read_only_in, settings.file.keys
    for name, value in (("production", where.production), ("environments", list(where.environments))):
        origin = "file" if f"read_only.{name}" in keys else DEFAULT
        yield EffectiveSetting(f"read_only.{name}", value, origin)


def _of_file(settings: Settings) -> Iterator[EffectiveSetting]:
    """Yield what only the file can set. Colours, columns and keys are listed where it sets them."""

    def origin(field: str) -> str:
        return settings.origins.get(field, DEFAULT)

    for role in ROLES:
        if role in settings.colors:
            yield EffectiveSetting(f"colors.{role}", settings.colors[role], origin("colors"))
    for view in VIEWS:
        if (own := settings.columns.get(view)) is not None:
            names = [each if isinstance(each, str) else each.column for each in own]
            yield EffectiveSetting(f"columns.{view}", names, origin("columns"))
    for binding, keys in settings.keys.items():
        yield EffectiveSetting(f"keys.{binding}", list(keys), origin("keys"))
    yield EffectiveSetting("views", [each.name for each in settings.views], origin("views"))
    yield EffectiveSetting("commands", [each.name for each in settings.commands], origin("commands"))
    yield EffectiveSetting(KEY_OF_FIELD["editor"], list(settings.editor), origin("editor"))
    yield EffectiveSetting(KEY_OF_FIELD["pager"], list(settings.pager), origin("pager"))
    yield EffectiveSetting(KEY_OF_FIELD["dashboard_url"], settings.dashboard_url, origin("dashboard_url"))
    bell = settings.bell
    yield EffectiveSetting("bell.ring", "off" if bell is None else bell.ring, origin("bell"))
    quiet = [] if bell is None else list(bell.quiet_hours)
    yield EffectiveSetting("bell.quiet_hours", quiet, origin("bell"))
