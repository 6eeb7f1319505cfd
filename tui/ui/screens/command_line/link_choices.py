"""What can be done with a pasted link: open its run, its error group or its tree, or copy its id."""

from collections.abc import Callable
from functools import partial
from typing import Final

from tui.domain.environment import Environment
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.command_line.box import BoxRow
from tui.present.formatting import NONE
from tui.present.frame.failure import without_request
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token
from tui.store.addresses.addressed_views import ERRORS, RUN, RUNS
from tui.store.addresses.view_address import ViewAddress
from tui.store.command_line.links import LinkKind, PastedLink, elsewhere
from tui.ui.data.command_line.linked_run import LinkedRun
from tui.ui.data.live_model import LiveModel
from tui.ui.model.command_line.arguments import Choice, Choices

_FINGERPRINT_CHARS: Final = 8
_KNOWN: Final[Line] = (Piece("Known too: run ids, trigger:// links, links to errors.", Token.FAINT),)
_MAX_TAGS: Final = 2

Apply = Callable[[ViewAddress], object]


def link_choices(
    link: PastedLink, live: LiveModel, linked_run: LinkedRun, apply: Apply, copy: Callable[[RunId], object]
) -> Choices:
    """Name what a link leads to, and offer what can be done. Nothing is offered for another environment."""
    environment = live.session.store.environment
    heading = (Piece(_heading(link), Token.FAINT),)
    if place := elsewhere(link, environment):
        return Choices(heading=heading, notes=_foreign(place, environment))
    if link.kind is LinkKind.ERROR:
        return Choices([_errors_choice(apply)], first=0, heading=heading, notes=[_KNOWN])
    if link.kind is LinkKind.OTHER or link.run_id is None:
        return Choices(heading=heading, notes=[(Piece("This page has no view here.", Token.MUTED),), (), _KNOWN])
    run_id = link.run_id
    run = linked_run.find(run_id)
    if run is None and (failure := linked_run.failures.get(run_id)) is not None:
        said: Line = (Piece("The server says: ", Token.MUTED), Piece(f"{without_request(failure)}.", Token.AMBER))
        return Choices([_copy_choice(run_id, copy)], heading=heading, notes=[said, (), _KNOWN])
    choices = [_view("open", ViewAddress(RUN, run=run_id), apply, _run_line(run, link, environment), _ENTER)]
    if run is not None:
        choices += _around(run, live, apply)
    return Choices([*choices, _copy_choice(run_id, copy)], first=0, heading=heading, notes=[_KNOWN])


_ENTER: Final[Line] = (Piece("Enter", Token.MUTED),)


def _heading(link: PastedLink) -> str:
    if not link.is_address:
        return "the id of a run"
    what = {LinkKind.RUN: "a run", LinkKind.ERROR: "an error group"}.get(link.kind, f"the page {link.what}")
    return f"a link to {what} of the dashboard" if link.host is not None else f"a link to {what}"


def _foreign(place: str, environment: Environment | None) -> list[Line]:
    ours = "" if environment is None else f"{environment.slug} of {environment.organisation}/{environment.project}"
    return [
        (Piece(f"It leads to {place}.", Token.AMBER),),
        (Piece(f"This monitor shows {ours}.", Token.MUTED),),
        (Piece("Its key reads nothing else, so that nothing opens.", Token.MUTED),),
        (),
        _KNOWN,
    ]


def _run_line(run: Run | None, link: PastedLink, environment: Environment | None) -> Line:
    if run is None:
        return (Piece("this run, read from the server…", Token.MUTED),)
    style = style_of(run)
    tags = "" if run.state is None else " ".join(run.state.tags[:_MAX_TAGS])
    is_known = environment is not None and link.environment is not None
    return (
        style.mark,
        Piece(" "),
        style.name,
        Piece(f"  {run.fixed.task or NONE}", Token.TEXT),
        Piece(f"  {tags}" if tags else "", Token.MUTED),
        Piece(", in this environment" if is_known else "", Token.MUTED),
    )


def _around(run: Run, live: LiveModel, apply: Apply) -> list[Choice]:
    """Return the choices about the error group of a run, and about the runs around it."""
    found: list[Choice] = []
    error = run.error_value
    if error is not None and run.status.is_failed:
        from tui.domain.errors.kinds import kind_of  # noqa: PLC0415  loaded when first used
        from tui.present.errors.groups.words import error_line  # noqa: PLC0415

        kind = kind_of(error)
        group = ViewAddress(RUNS, f"group:{kind.fingerprint[:_FINGERPRINT_CHARS]}")
        sentence: Line = (Piece("the runs of its group: ", Token.MUTED), *error_line(kind))
        found.append(_view("errors", group, apply, sentence))
    parent_id = run.fixed.parent_id
    if parent_id is not None or run.fixed.root_id not in {None, run.id}:
        parent = None if parent_id is None else live.get(parent_id)
        task = "" if parent is None else parent.fixed.task or ""
        tree = ViewAddress(RUN, run=run.id, pane="tree")
        line: Line = (
            Piece("under ", Token.MUTED),
            Piece(f"{task} ", Token.TEXT),
            Piece(parent_id or run.fixed.root_id or "", Token.MUTED),
        )
        found.append(_view("tree", tree, apply, line))
    return found


def _errors_choice(apply: Apply) -> Choice:
    sentence: Line = (Piece("the error groups of this environment; the link's own is not looked up", Token.MUTED),)
    return _view("errors", ViewAddress(ERRORS), apply, sentence, _ENTER)


def _view(name: str, address: ViewAddress, apply: Apply, sentence: Line, right: Line = ()) -> Choice:
    return Choice(address.words, BoxRow(name, sentence, right), run=partial(apply, address))


def _copy_choice(run_id: RunId, copy: Callable[[RunId], object]) -> Choice:
    return Choice("", BoxRow("copy", (Piece("the id alone", Token.MUTED),)), run=partial(copy, run_id))
