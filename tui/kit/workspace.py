"""The space between header and footer: the panes, their places, and the keys that move the focus between them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingsMap
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.widget import AwaitMount, Widget

from tui.kit.app import app_of
from tui.kit.bars import Summary
from tui.kit.keys import Help, bind
from tui.kit.layout import (
    MEDIUM,
    MIN_HEIGHT,
    MIN_WIDTH,
    SUMMARY_HEIGHT,
    WORKSPACE,
    PaneEntry,
    PanePlan,
    PaneRect,
    Placement,
    Proportions,
    Slot,
    plan,
)
from tui.kit.lines import Backdrop, Cover, Hairline, Rule
from tui.kit.pane import Pane
from tui.kit.words import Tab

# The places of panes while something else stands over their lower part.


MIN_COVER_ROWS: Final = 8
"""The rows that the cover gets if it needs them, where half of the space is less."""

MIN_PANE_ROWS: Final = 4
"""A pane with less room is hidden. The cover then begins where it does, and leaves no hole."""


def covered(plan: PanePlan, width: int, height: int, rows: int) -> PanePlan:
    """Return a plan in which the lower part is for a cover that needs `rows` rows. Panes above keep their places."""
    top = height - min(rows, max(MIN_COVER_ROWS, height // 2))
    top = min((rect.y for rect in plan.rects.values() if max(0, top - MIN_PANE_ROWS) < rect.y <= top), default=top)
    rects = {
        name: replace(rect, height=min(rect.height, top - rect.y))
        for name, rect in plan.rects.items()
        if top - rect.y >= MIN_PANE_ROWS
    }
    hairline = plan.hairline
    if hairline is not None:
        height_left = min(hairline.height, top - hairline.y)
        hairline = replace(hairline, height=height_left) if height_left > 0 else None
    joints = tuple((y, joint) for y, joint in plan.joints if y < top)
    return PanePlan(rects, None, hairline, joints, PaneRect(0, top, width, height - top))


COVER_ID: Final = "cover"
"""The widget that stands over the lower part of a workspace."""

LOAD_CHECK_INTERVAL_S: Final = 5.0
"""How often to check whether the other panes can be imported: once the rows are shown and no key comes."""


class PlanLayout(Layout):
    """Places panes by their titles, and the other children by their ids, as a `PanePlan` says."""

    name = "plan"

    def __init__(self) -> None:
        self.plan = PanePlan({})

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:  # noqa: ARG002, FBT001, FBT002  Textual's signature
        plan = self.plan
        places = {**plan.rects, "hairline": plan.hairline, COVER_ID: plan.cover, Summary.ID: plan.summary}
        return [
            WidgetPlacement(Region(place.x, place.y, place.width, place.height), NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if (place := places.get(child.title if isinstance(child, Pane) else child.id or ""))
        ]


def keys_for(numbers: Mapping[str, int]) -> list[Binding]:
    """Return the keys of a workspace whose panes have these numbers. Two panes have one number if one stands there
    while a run is selected, and the other while none is.
    """
    panes = Help("look", 20, "go to a pane", tuple(f"pane-{number}" for number in dict.fromkeys(numbers.values())))
    return [
        bind("tab", "focus_step(1)", "next pane", "Go to the next pane.", id="next-pane", rank=64, need=68,
             help=Help("look", 10, "next, previous pane", ("next-pane", "previous-pane"))),
        bind("shift+tab", "focus_step(-1)", "previous pane", "Go to the previous pane.", id="previous-pane"),
        *(
            bind(str(number), f"pane('{name}')", name, f"Go to the pane {name}.", id=f"pane-{number}", help=panes)
            for name, number in numbers.items()
        ),
        bind("z", "zoom", "zoom", "Show this pane on the whole screen, or all panes again.", rank=70, need=34,
             help=Help("look", 30, "this pane alone")),
    ]  # fmt: skip


def numbers_of(panes: Iterable[PaneEntry]) -> dict[str, int]:
    """Return the numbers of panes by their titles. Other forms of a pane have none."""
    numbers: dict[str, int] = {}
    counts = {False: 0, True: 0}
    for pane in (each for each in panes if not each.form_of):
        for overview in (False, True):
            if pane.placement.is_in(overview=overview):
                counts[overview] += 1
                numbers[pane.title] = counts[overview]
    return numbers


class Workspace(Backdrop):
    """Holds the panes of a view, the hairline and the summary.

    The number of a pane is its position among the panes that are shown together: some only while a run is selected,
    others, the overview, only while none is. `recent` are the titles of the panes as if each had had the focus, the
    last one first: of the panes that share a place, the first of these is visible. A pane is made and mounted when it
    is first visible.
    """

    class PanesChanged(Message):
        """The visible panes or the focused pane have changed."""

    def __init__(
        self,
        panes: Iterable[Pane | PaneEntry],
        make: Callable[[PaneEntry], Pane],
        summary: Summary,
        *,
        proportions: Proportions | None = None,
        recent: Sequence[str] = (),
    ) -> None:
        super().__init__(id=WORKSPACE)
        self._proportions = proportions or Proportions()
        self._make = make
        self._entries: dict[str, PaneEntry] = {}
        self.panes: dict[str, Pane] = {}
        """The panes that were made. The others were never visible."""
        for each in panes:
            if isinstance(each, Pane):
                self._add(each)
                self._entries[each.title] = PaneEntry(each.title, each.placement, partial(type, each))
            else:
                self._entries[each.title] = each
        self._numbers = numbers_of(self._entries.values())
        self._open_forms = {name: name for name in self._numbers}
        """The pane that is shown for each number: the numbered one, or another form of it."""
        self.before_change: Callable[[], None] = lambda: None
        """Called before another pane becomes the current one."""
        self._has_overview = any(entry.placement.is_overview for entry in self._entries.values())
        self.is_overview = self._has_overview
        """Whether the overview is shown in place of the panes about the selected run."""
        self.is_nothing_selected: Callable[[], bool] = lambda: self.is_overview
        """Returns whether the main pane has nothing selected, also before `show_selection` is called."""
        self._recent = [*recent, *(name for name in self._entries if name not in recent)]
        """The panes by the time of their last focus, the newest first."""
        self._summary = summary
        self._hairline = Hairline()
        self._plan_layout = PlanLayout()
        self._terminal_size = Size(*MEDIUM)
        self._summary_height = SUMMARY_HEIGHT
        self._wants_zoom = False
        self._covering: Cover | None = None
        self._cover_rows = 0
        self._covered_pane: str | None = None
        """The pane that had the focus, and is covered."""
        self._mounting: AwaitMount | None = None
        self._had_rows = False
        # Textual has no public way to bind keys that differ between two widgets of one class.
        self._bindings = BindingsMap(keys_for(self._numbers))

    def made(self, name: str) -> Pane:
        """Return a pane, which is made now if it was not yet."""
        if name not in self.panes:
            self._add(self._make(self._entries[name]))
        return self.panes[name]

    def _add(self, pane: Pane) -> None:
        pane.show_form = self.show_form
        self.panes[pane.title] = pane

    @property
    def unmade(self) -> list[PaneEntry]:
        """The panes that were never visible."""
        return [entry for name, entry in self._entries.items() if name not in self.panes]

    def on_mount(self) -> None:
        self.set_timer(LOAD_CHECK_INTERVAL_S, self._load_if_quiet)

    def _load_if_quiet(self) -> None:
        """Import the other panes once the rows are shown and no key comes: the first key to one would wait for it."""
        session = app_of(self).session
        if self._had_rows and app_of(self).is_quiet:
            session.spawn(self._load_unmade(), "import the other panes")
            return
        self._had_rows = len(session.store) > 0
        self.set_timer(LOAD_CHECK_INTERVAL_S, self._load_if_quiet)

    async def _load_unmade(self) -> None:
        for entry in self.unmade:
            await asyncio.to_thread(entry.load)

    def compose(self) -> ComposeResult:
        yield from self.panes.values()
        yield self._hairline
        yield self._summary

    @property
    def layout(self) -> Layout:
        """The layout of the panes. A stylesheet could only name one of Textual's."""
        return self._plan_layout

    @property
    def plan(self) -> PanePlan:
        """The visible panes and their places."""
        return self._plan_layout.plan

    @property
    def can_zoom(self) -> bool:
        """Whether a zoom would change the places."""
        return self._plan_for(is_zoomed=True) != self._plan_for(is_zoomed=False)

    @property
    def is_zoomed(self) -> bool:
        """Whether the pane has more room than without the zoom."""
        return self._wants_zoom and self.can_zoom

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self.panes[self._pane_name]

    @property
    def _pane_name(self) -> str:
        shown = self._open_forms.values()
        return next(name for name in self._recent if name in shown)

    @property
    def is_main_current(self) -> bool:
        """Whether the main pane has the focus, or had it last, in a view with an overview."""
        return self._has_overview and self._entries[self._pane_name].placement.slot is Slot.MAIN

    @property
    def _wants_overview(self) -> bool:
        """Whether the overview belongs beside the pane that has the focus."""
        placement = self._entries[self._pane_name].placement
        is_main = placement.slot is Slot.MAIN
        return self._has_overview and (self.is_nothing_selected() if is_main else placement.is_overview)

    def show_selection(self) -> None:
        """Show the overview, or the panes about the selected run, whichever belongs there now."""
        if self._wants_overview is not self.is_overview:
            self._arrange()

    @property
    def _shown(self) -> dict[str, Placement]:
        """The panes that may be shown now, in the order of their numbers."""
        entries = {name: self._entries[name].placement for name in self._open_forms.values()}
        return {name: place for name, place in entries.items() if place.is_in(overview=self.is_overview)}

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = next((each for each in event.widget.ancestors_with_self if isinstance(each, Pane)), None)
        if pane is not None and pane is not self.pane:
            self._set_current_pane(pane.title)

    async def on_rule_clicked(self, event: Rule.Clicked) -> None:
        """Go to the pane of the tab, or to the pane that the rule belongs to."""
        pane, tab = event.rule.parent, event.tab
        if isinstance(pane, Pane):
            await self.action_pane(pane.title if tab is None or tab.is_open else tab.name)

    async def action_pane(self, name: str) -> None:
        name = self._open_forms.get(name, name)
        self._set_current_pane(name)
        if self._mounting is not None:
            # The next key belongs to the new pane, which has no focus before it is mounted.
            await self._mounting
            self._mounting = None
        self.screen.set_focus(self.panes[name].body)

    def go_to(self, name: str) -> None:
        """Focus a pane that has been mounted from the start."""
        self._set_current_pane(name)
        self.screen.set_focus(self.panes[name].body)

    async def show_form(self, name: str) -> None:
        """Show a form of a pane in place of the other, and focus it."""
        self._open_forms[self._base_of(name)] = name
        await self.action_pane(name)

    def _base_of(self, name: str) -> str:
        """Return the pane whose number and place a pane has."""
        return self._entries[name].form_of or name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "pane" or not self._has_overview:
            return True
        # Of two panes with one number, the key leads to the one that belongs there, also if it is not painted yet.
        return self._entries[str(parameters[0])].placement.is_in(overview=self._wants_overview)

    async def action_focus_step(self, step: int) -> None:
        self.before_change()
        self.is_overview = self._wants_overview
        names = list(self._shown)
        await self.action_pane(names[(names.index(self.pane.title) + step) % len(names)])

    def action_zoom(self) -> None:
        if self.can_zoom:
            self._wants_zoom = not self._wants_zoom
            self._arrange()

    def _arrange(self) -> None:
        self.arrange_for(self.screen.size, self._summary_height)

    def arrange_for(self, size: Size, summary_height: int) -> None:
        """Place everything on a terminal of that size. On one that is too small, as on the smallest one."""
        size = Size(max(size.width, MIN_WIDTH), max(size.height, MIN_HEIGHT))
        self._terminal_size, self._summary_height = size, summary_height
        self.is_overview = self._wants_overview
        planned = self._plan_for(is_zoomed=self._wants_zoom)
        if self._cover_rows:
            planned = covered(planned, size.width, size.height - 2, self._cover_rows)
        for name in planned.rects:
            self.made(name)
        for name, pane in self.panes.items():
            rect = planned.rects.get(name)
            bases = {each: self._base_of(each) for each in (rect and rect.tabs) or (name,)}
            pane.tabs = tuple(
                Tab(self._numbers[base], base, each == name, is_visible=each != name and planned.shows(each))
                for each, base in bases.items()
            )
            pane.set_class(rect is not None and len(planned.rects) == 1, "alone")
        if planned != self.plan:
            self._apply(planned)
        if self._covering is not None:
            self._covering.join(planned.cover_joint)
        self.post_message(self.PanesChanged())

    def cover(self, widget: Cover, rows: int) -> None:
        """Show a widget with the id COVER_ID over the lower part, where it needs `rows`, and focus what stays."""
        self._covering, self._cover_rows = widget, rows
        if widget.parent is None:
            self.mount(widget)
        before = self.pane.title
        self._arrange()
        if not self.plan.shows(before):
            self._covered_pane = before
            self.go_to(next(iter(self._entries)))

    def uncover(self) -> None:
        """Show the panes again, with the focus where it was."""
        self._covering, self._cover_rows = None, 0
        name, self._covered_pane = self._covered_pane, None
        if name is not None and name in self._open_forms.values():
            self.go_to(name)
        else:
            self._arrange()

    def _plan_for(self, *, is_zoomed: bool) -> PanePlan:
        return plan(
            self._terminal_size.width,
            self._terminal_size.height - 2,
            shown := self._shown,
            recent=[name for name in self._recent if name in shown],
            is_zoomed=is_zoomed,
            summary_height=self._summary_height,
            proportions=self._proportions,
        )

    def _set_current_pane(self, name: str) -> None:
        self.before_change()
        self._recent.remove(name)
        self._recent.insert(0, name)
        self._arrange()

    def _apply(self, planned: PanePlan) -> None:
        self._plan_layout.plan = planned
        if self.is_attached:
            app_of(self).record_layout()
        for name, pane in self.panes.items():
            pane.set_class(not planned.shows(name), "away")
        if self._hairline.is_attached and (new := [pane for pane in self.panes.values() if pane.parent is None]):
            self._mounting = self.mount(*new, before=self._hairline)
        self._summary.set_class(not planned.has_summary, "away")
        self._hairline.set_class(planned.hairline is None, "away")
        top = planned.hairline.y if planned.hairline is not None else 0
        self._hairline.join({y - top: joint for y, joint in planned.joints})
        # On a child: `refresh(layout=True)` clears the cached arrangement of the ancestors, not of the widget itself.
        self._hairline.refresh(layout=True)
