"""Recognises a run id, or a link to a run or an error, in a pasted text.

A link names its environment, so that it can be compared with that of the session before anything opens.
Source: tests/wire/recordings/README.md §1.
"""

import itertools
import re
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

from tui.domain.environment import Environment
from tui.domain.ids import RunId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

MAX_CHARS: Final = 1_000
"""A longer text is no link."""

_RUN_ID: Final = re.compile(r"run_[A-Za-z0-9]{1,200}")
_WHOLE_ID: Final = re.compile(r"run_[A-Za-z0-9]{20,200}")
"""A shorter text without a link around it is a part of an id: it is looked for among the loaded runs."""

_WITHOUT_PREFIX: Final = re.compile(r"[a-z0-9]{20,64}")
_ERROR_ID: Final = re.compile(r"error_[A-Za-z0-9]{1,200}")
_LINK: Final = re.compile(r"(https?|trigger)://", re.IGNORECASE)
_AROUND: Final = " \t\r\n\"'`<>()[]{},;."
"""Characters that stand around a link in other texts."""

_SPELLINGS: Final = {"stg": "staging", "production": "prod", "development": "dev"}
"""Other slugs of an environment, in folded case. Source: tests/wire/recordings/README.md §1."""


class LinkKind(StrEnum):
    """What a link leads to."""

    RUN = "run"
    ERROR = "error"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PastedLink:
    """A recognised text.

    `run_id` belongs to a run; `what` names anything else (`queues`). The rest is None where the
    text does not say it. `project_ref` is the project's id, `project` its slug. `host` is that of a web address.
    """

    kind: LinkKind
    run_id: RunId | None = None
    what: Raw = Raw("")
    host: Raw | None = None
    organisation: Raw | None = None
    project: Raw | None = None
    project_ref: Raw | None = None
    environment: Raw | None = None

    @property
    def is_address(self) -> bool:
        """Whether the text was more than the id of a run."""
        return self != PastedLink(LinkKind.RUN, self.run_id)


def parse_link(text: str) -> PastedLink | None:
    """Return the link that a text is, None if it is none. Never raises."""
    text = text.strip(_AROUND)
    if len(text) > MAX_CHARS:
        return None
    if _WHOLE_ID.fullmatch(text):
        return PastedLink(LinkKind.RUN, RunId(text))
    if _LINK.match(text) is None:
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    segments = [unquote(each) for each in parts.path.split("/") if each]
    if parts.scheme.casefold() == "trigger":
        segments, host = [each for each in (parts.netloc, *segments) if each], None
    return _link(segments, None if host is None else Raw(host))


def parse_run(text: str) -> PastedLink | None:
    """Return the link behind the word `run`, where an id may lack its `run_`. Never raises."""
    text = text.strip(_AROUND)
    return parse_link(f"run_{text}" if _WITHOUT_PREFIX.fullmatch(text) else text)


def _link(segments: list[str], host: Raw | None) -> PastedLink | None:
    named = dict(itertools.pairwise(segments))
    run = next((each for each in reversed(segments) if _RUN_ID.fullmatch(each)), None)
    error = next((each for each in reversed(segments) if _ERROR_ID.fullmatch(each)), None)
    is_numbered = "projects" in named and re.fullmatch(r"v\d+", named["projects"]) is not None
    project = None if is_numbered else named.get("projects")
    ref = segments[segments.index("projects") + 2 :][:1] if is_numbered else []
    what = _named_thing(segments)
    if run is None and error is None and not (what and (project or ref)):
        return None
    return PastedLink(
        LinkKind.RUN if run is not None else LinkKind.ERROR if error is not None else LinkKind.OTHER,
        None if run is None else RunId(run),
        Raw(what),
        host,
        _raw(named.get("orgs")),
        _raw(project),
        Raw(ref[0]) if ref else None,
        _raw(named.get("env")),
    )


def _named_thing(segments: list[str]) -> str:
    """Return the page behind the environment, such as `queues`."""
    return "".join(segments[segments.index("env") + 2 :][:1]) if "env" in segments else ""


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text)


def elsewhere(link: PastedLink, environment: Environment | None) -> str:
    """Return where a link leads if that is certainly not the environment of the session, else "". The text is raw."""
    if environment is None:
        return ""
    if link.project_ref and environment.project_ref and link.project_ref != environment.project_ref:
        return f"the project {link.project_ref}"
    names = ((link.organisation, environment.organisation), (link.project, environment.project))
    if any(theirs and ours and theirs.casefold() != ours.casefold() for theirs, ours in names):
        return f"the project {link.organisation or environment.organisation}/{link.project or environment.project}"
    if link.environment and _spelled(link.environment) != _spelled(environment.slug):
        return f"the environment {link.environment}"
    if link.host and environment.dashboard_url:
        ours = urlsplit(environment.dashboard_url).hostname
        if ours and ours != link.host:
            return f"the server {link.host}"
    return ""


def _spelled(slug: str) -> str:
    folded = slug.casefold()
    return _SPELLINGS.get(folded, folded)
