"""How the keyframes of a film hold together: each from the one before, or all from sheets of what they show. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import identifiers
from promptreel.domain.job import Continuity, DrawItem, Plan, SheetItem, Wave
from promptreel.domain.money import format_usd
from promptreel.domain.reference import Reference
from promptreel.domain.request import ContinuityChoice
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import Sheet, SheetKind

FEWEST_SCENES = 3  # a shorter film drifts too little for sheets to be worth their price
MOST_LIGHTS = 4  # of a place, side by side on one picture
_VIEWS = ("from the front", "from the side", "from behind")
_CHARACTER_VIEWS = ("whole figure from the front", "whole figure from the side", "face with a lively expression")
NOTHING_SHOWN = "no scene shows a character, place, prop or product of the storyboard"
_ONE_LIGHT = ("as the film shows it",)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a film needs either way, with everything that it has spent, and its limit."""

    chain_micros: int
    sheet_micros: int
    limit_micros: int


def decide(asked: ContinuityChoice, plan: Plan, scenes: Sequence[Scene], prices: Prices) -> Continuity:
    """The way that a request asks for; for ``auto`` sheets where something recurs and the budget holds them."""
    if asked != "auto":
        return Continuity(mode=asked, reason="the request asks for it")
    recurring = [name for name in _names(plan) if sum(scene.shows(name) for scene in scenes) > 1]
    if len(scenes) < FEWEST_SCENES:
        return _chain(f"a film of fewer than {FEWEST_SCENES} scenes drifts too little for sheets")
    if not recurring:
        return _chain("no character, place or prop is in two scenes")
    if prices.sheet_micros > prices.limit_micros:
        needed, limit = format_usd(prices.sheet_micros), format_usd(prices.limit_micros)
        return _chain(f"with sheets the film needs up to {needed} USD, and the limit is {limit} USD")
    more = format_usd(max(0, prices.sheet_micros - prices.chain_micros))
    reason = f"{len(recurring)} of its characters, places and props are in several of its {len(scenes)} scenes"
    return Continuity(mode="sheet", reason=f"{reason}; the sheets cost up to {more} USD more")


def plan_sheets(
    plan: Plan, scenes: Sequence[Scene], references: Sequence[Reference], known: Sequence[Sheet], now: datetime
) -> tuple[Sheet, ...]:
    """A sheet of everything that some scene shows; ``known`` ones are kept, also those that no scene shows now."""
    sheets = {one.name.casefold(): one for one in known}  # of two things of one name, the first has a sheet
    for kind, name, description in _subjects(plan, references):
        shown = [scene for scene in scenes if scene.shows(name)]
        if not shown or name.casefold() in sheets:
            continue
        number = len(sheets) + 1
        sheets[name.casefold()] = Sheet(
            id=identifiers.sheet_id(number),
            number=number,
            kind=kind,
            name=name,
            description=description,
            views=_list_views(kind, shown),
            created=now,
            updated=now,
        )
    return tuple(sorted(sheets.values(), key=lambda one: one.number))


def describe_subject(plan: Plan, sheet: Sheet) -> str:
    """What the plan says of whom or what a sheet shows; what the sheet says where the plan has no such part."""
    found = (
        text for kind, name, text in _subjects(plan, ()) if _family(kind) == _family(sheet.kind) and name == sheet.name
    )
    return next(found, sheet.description)


def make_waves(continuity: Continuity, scenes: Sequence[Scene], sheets: Sequence[Sheet]) -> tuple[Wave, ...]:
    """What may be drawn at the same time, for the take that each scene and sheet has; scenes in the film's order.

    Chain: every keyframe by itself, because it follows from the one before. Sheet: all sheets that some scene shows,
    then all keyframes. A scene starts where the last one ended in both.
    """
    first = DrawItem(scene=scenes[0].id, frame="start", take=scenes[0].take)
    keyframes = (first, *(DrawItem(scene=scene.id, frame="end", take=scene.take) for scene in scenes))
    if continuity.mode == "chain":
        return tuple(Wave(items=(item,)) for item in keyframes)
    drawn = tuple(SheetItem(sheet=sheet.id, take=sheet.take) for sheet in list_shown(sheets, scenes))
    return (*([Wave(items=(), sheets=drawn)] if drawn else []), Wave(items=keyframes))


def list_shown(sheets: Sequence[Sheet], scenes: Sequence[Scene]) -> list[Sheet]:
    """Those sheets that some scene shows."""
    return [sheet for sheet in sheets if any(scene.shows(sheet.name) for scene in scenes)]


def _chain(reason: str) -> Continuity:
    return Continuity(mode="chain", reason=reason)


def _names(plan: Plan) -> list[str]:
    people, things, places = plan.characters, plan.props, plan.settings
    return [*(one.name for one in people), *(one.name for one in things), *(one.name for one in places)]


def _subjects(plan: Plan, references: Sequence[Reference]) -> Iterator[tuple[SheetKind, str, str]]:
    """Whom and what sheets are of, with their description."""
    products = {one.name.casefold(): one for one in references if one.kind == "product"}
    for person in plan.characters:
        clothing = f" Wears: {person.clothing}" if person.clothing else ""
        yield "character", person.name, f"{person.description}{clothing}"
    for prop in plan.props:
        yield "product" if prop.name.casefold() in products else "prop", prop.name, prop.description
    listed = {prop.name.casefold() for prop in plan.props}
    for name, product in products.items():
        if name not in listed:
            yield "product", product.name, product.description or product.name
    for place in plan.settings:
        yield "place", place.name, place.description


def _family(kind: SheetKind) -> SheetKind:
    """A product is a prop of which its owner has a picture."""
    return "prop" if kind == "product" else kind


def _list_views(kind: SheetKind, shown: Sequence[Scene]) -> tuple[str, ...]:
    if kind == "character":
        return _CHARACTER_VIEWS
    if kind != "place":
        return _VIEWS
    lights = dict.fromkeys(scene.light.strip().rstrip(".") for scene in shown if scene.light)
    return tuple(lights)[:MOST_LIGHTS] or _ONE_LIGHT
