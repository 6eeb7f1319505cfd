"""Parses each stylesheet once per process and palette.

An app parses all of its stylesheets at its start. Rules depend on the text and the variables only, and nothing changes
them: Textual itself applies one list of rules to many widgets.
"""

from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_parse = Stylesheet._parse_rules
_parsed: dict[tuple[object, ...], list[RuleSet]] = {}


def _parse_once(sheet: Stylesheet, *source: Any, **options: Any) -> list[RuleSet]:
    key = (frozenset(sheet._variables.items()), *source, *options.items())
    if key not in _parsed:
        _parsed[key] = _parse(sheet, *source, **options)
    return _parsed[key]


def share_parsed_stylesheets() -> None:
    """Let all apps of this process share what is parsed."""
    Stylesheet._parse_rules = _parse_once  # type: ignore[method-assign, assignment]
