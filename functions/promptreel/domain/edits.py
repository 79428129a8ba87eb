"""What a person changes at a gate, and exactly what it touches. Pure.

A keyframe is drawn from its prompt, and from the keyframe before it or from the sheets of what it shows. It is redrawn
if its prompt becomes another one or if one of these is redrawn, and for no other reason: a clip is made after the gate,
so its texts and length cost nothing. A sheet is redrawn if what it shows is described in other words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Self

from pydantic import Field, model_validator

from promptreel.domain import prompts, timeline
from promptreel.domain.document import Frozen
from promptreel.domain.job import DrawItem, Plan, Wave
from promptreel.domain.lengths import TRIM_S
from promptreel.domain.models import registry
from promptreel.domain.picture_inputs import PictureSources, list_inputs
from promptreel.domain.request import DURATION_S, MAX_SCENES, BudgetLimit, validate_fields
from promptreel.domain.scene import Keyframe, KeyframeName, Scene
from promptreel.domain.sheet import Sheet
from promptreel.domain.sheet_planning import describe_subject, list_shown, make_waves, plan_sheets
from promptreel.domain.states import SceneState
from promptreel.domain.storyboard import Text, VisibleText
from promptreel.errors import Invalid

MAX_CAST = 12


class SceneEdit(Frozen):
    """New texts and length of one scene; what is left out stays."""

    scene: str
    description: VisibleText | None = None
    start_prompt: VisibleText | None = None
    end_prompt: VisibleText | None = None
    motion_prompt: VisibleText | None = None
    transition_note: Text | None = None
    duration_s: float | None = Field(default=None, gt=0, le=DURATION_S[1])


class NamedEdit(Frozen):
    """The new description of a setting or a prop."""

    name: str
    description: VisibleText


class CharacterEdit(Frozen):
    """New looks or clothing of a character; what is left out stays."""

    name: str
    description: VisibleText | None = None
    clothing: VisibleText | None = None


class PlanEdit(Frozen):
    """One edit of a plan. ``revision`` is that of the plan that its author looked at.

    ``order`` names every scene once, in the order of the film. ``budget_usd`` is the job's new limit.
    """

    revision: int = Field(ge=1)
    scenes: tuple[SceneEdit, ...] = Field(default=(), max_length=MAX_SCENES)
    characters: tuple[CharacterEdit, ...] = Field(default=(), max_length=MAX_CAST)
    settings: tuple[NamedEdit, ...] = Field(default=(), max_length=MAX_CAST)
    props: tuple[NamedEdit, ...] = Field(default=(), max_length=MAX_CAST)
    order: tuple[str, ...] | None = None
    budget_usd: BudgetLimit | None = None

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for what, names in (
            ("scenes", [one.scene for one in self.scenes]),
            ("characters", [one.name for one in self.characters]),
            ("settings", [one.name for one in self.settings]),
            ("props", [one.name for one in self.props]),
        ):
            if len(names) > len(set(names)):
                raise ValueError(f"{what} names one twice")
        return self


def parse_edit(payload: Any) -> PlanEdit:
    """The edit in decoded JSON. Raises: Invalid naming each wrong field."""
    return validate_fields(PlanEdit, payload)


@dataclass(frozen=True, slots=True)
class EditedPlan:
    """A plan, its scenes in the order of the film, and its sheets after an edit.

    ``changed`` names the fields that have other values; ``redrawn`` the keyframes that exist and are drawn again, and
    ``redrawn_sheets`` such sheets.
    """

    plan: Plan
    scenes: tuple[Scene, ...]
    sheets: tuple[Sheet, ...]
    changed: tuple[str, ...]
    redrawn: tuple[DrawItem, ...]
    redrawn_sheets: tuple[Sheet, ...]


def apply_edit(sources: PictureSources, scenes: Sequence[Scene], edit: PlanEdit, now: datetime) -> EditedPlan:
    """The plan of ``sources`` after an edit; ``scenes`` are in the order of the film.

    Raises: Invalid naming the field, the limit and the remedy, for what a submission would refuse as well;
    PromptTooLong for a text that does not fit into its model's prompt.
    """
    plan, changed = sources.plan, list[str]()
    by_id = {scene.id: scene for scene in scenes}
    order = _order(edit, list(by_id), changed)
    if "order" in changed:
        _refuse_order_of_own(scenes)
    texts = {one.scene: one for one in edit.scenes}
    _refuse_unknown("scenes", texts, by_id)
    cast = plan.evolve(
        characters=_describe("characters", plan.characters, edit.characters, changed),
        settings=_describe("settings", plan.settings, edit.settings, changed),
        props=_describe("props", plan.props, edit.props, changed),
    )
    edited = [
        _edit_scene(plan, by_id[scene_id], place, texts.get(scene_id), changed)
        for place, scene_id in enumerate(order, start=1)
    ]
    _refuse_unused_start(edited, texts)
    frames = _film_frames(plan, edited)
    described = tuple(_describe_anew(cast, sheet, now) for sheet in sources.sheets)
    if plan.continuity.mode == "sheet":
        described = plan_sheets(cast, edited, sources.references, described, now)
    after = replace(sources, plan=cast, sheets=described)
    prompts.check_shot_prompts(after, edited, registry().image_model(plan.image_model))
    links = _Links(sources, after, by_id)
    linked = tuple(links.link(scene, now) for scene in edited)
    waves = make_waves(plan.continuity, linked, described)
    takes = {sheet.id: sheet.take for sheet in sources.sheets}
    revised = cast.evolve(planned_frames=frames, waves=waves).revise(tuple(changed), now)
    return EditedPlan(
        plan=revised if changed else plan,
        scenes=linked,
        sheets=described,
        changed=tuple(changed),
        redrawn=tuple(item for item in items(waves) if item in links.redrawn),
        redrawn_sheets=tuple(one for one in list_shown(described, linked) if takes.get(one.id, one.take) != one.take),
    )


def items(waves: Iterable[Wave]) -> Iterable[DrawItem]:
    """Every keyframe of these waves."""
    return (item for wave in waves for item in wave.items)


def _order(edit: PlanEdit, current: list[str], changed: list[str]) -> Sequence[str]:
    if edit.order is None or list(edit.order) == current:
        return current
    if sorted(edit.order) != sorted(current):
        raise Invalid("order: must name every scene exactly once.", remedy=f"Order these: {', '.join(current)}.")
    changed.append("order")
    return edit.order


def _refuse_order_of_own(scenes: Sequence[Scene]) -> None:
    """A picture of the user's own belongs to the cut between two scenes, which another order would part."""
    own = next((scene.id for scene in scenes if len(scene.drawn_names()) < len(("start", "end"))), None)
    if own is not None:
        raise Invalid(
            f"order: {own} has a picture of your own, which its neighbour shares.",
            remedy="Leave `order` out, or submit the film anew with its `frames` in the new order.",
        )


def _refuse_unknown(field_name: str, named: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise Invalid(
            f"{field_name}: the plan has no {unknown[0][:80]!r}.",
            remedy=f"It has {', '.join(known) or 'none'}.",
        )


def _describe(
    field_name: str, current: Sequence[Any], named: Sequence[NamedEdit | CharacterEdit], changed: list[str]
) -> tuple[Any, ...]:
    _refuse_unknown(field_name, [one.name for one in named], [one.name for one in current])
    new = {one.name: one.model_dump(exclude={"name"}, exclude_none=True) for one in named}
    described = []
    for one in current:
        after = one.model_copy(update=new.get(one.name, {}))
        if after != one:
            changed.append(f"{field_name}.{one.name}")
        described.append(after)
    return tuple(described)


def _describe_anew(plan: Plan, sheet: Sheet, now: datetime) -> Sheet:
    """The sheet as the plan describes it now; of another take if it was drawn, or given up, from other words."""
    description = describe_subject(plan, sheet)
    if description == sheet.description:
        return sheet
    is_new = sheet.drawn is not None or sheet.problem is not None
    return sheet.evolve(
        description=description,
        take=sheet.take + is_new,
        redraw=sheet.image is not None,
        problem=None,
        updated=now,
    )


def _edit_scene(plan: Plan, scene: Scene, place: int, edit: SceneEdit | None, changed: list[str]) -> Scene:
    values: dict[str, object] = {"display_order": place}
    if edit is not None:
        given = edit.model_dump(exclude={"scene", "duration_s"}, exclude_none=True)
        values |= {name: text for name, text in given.items() if text != getattr(scene, name)}
        if edit.duration_s is not None:
            frames = _scene_frames(plan, scene, edit.duration_s)
            if frames != scene.film_frames(plan.fps):
                values |= {"duration_s": -(-frames // plan.fps), "frames": frames}
    changed += [f"{scene.id}.{name}" for name in values if name not in {"display_order", "frames"}]
    return scene.with_edit(values)


def _scene_frames(plan: Plan, scene: Scene, duration_s: float) -> int:
    """Frames of a scene of this length. Raises: Invalid when no clip can be cut to it."""
    model, fps = plan.video_of(scene), plan.fps
    frames = timeline.to_frames(duration_s, fps)
    legal_s = sorted(model.durations_s[plan.resolution])
    most_trimmed = min(TRIM_S * fps, legal_s[0] * fps // 2)
    if not any(0 <= seconds * fps - frames <= most_trimmed for seconds in legal_s):
        raise Invalid(
            f"{scene.id}.duration_s: no clip of {model.id} can be cut to {duration_s:g} s.",
            remedy=f"Ask for {' or '.join(map(str, legal_s))} s, or for up to {most_trimmed / fps:g} s less.",
        )
    return frames


def _refuse_unused_start(edited: Sequence[Scene], texts: Mapping[str, SceneEdit]) -> None:
    """A scene begins with the last keyframe of the scene before it: only the film's first one has its own prompt."""
    for before, scene in pairwise(edited):
        edit = texts.get(scene.id)
        if edit is not None and edit.start_prompt is not None:
            raise Invalid(
                f"{scene.id}.start_prompt: its first picture is the last one of {before.id}.",
                remedy=f"Change {before.id}.end_prompt.",
            )


def _film_frames(plan: Plan, scenes: Sequence[Scene]) -> int:
    overlap = timeline.overlap_frames(plan.transition_kind, plan.transition_frames)
    lengths = [scene.film_frames(plan.fps) for scene in scenes]
    too_short = next((scene for scene, frames in zip(scenes, lengths, strict=True) if frames < 2 * overlap), None)
    if too_short is not None:
        raise Invalid(
            f"{too_short.id}.duration_s: two transitions of {overlap / plan.fps:g} s do not fit into it.",
            remedy=f"Ask for at least {2 * overlap / plan.fps:g} s.",
        )
    frames = timeline.film_frames(lengths, [overlap] * (len(scenes) - 1))
    shortest, longest = (seconds * plan.fps for seconds in DURATION_S)
    if not shortest <= frames <= longest:
        raise Invalid(
            f"scenes: the film would last {frames / plan.fps:g} s.",
            remedy=f"A film lasts {DURATION_S[0]} to {DURATION_S[1]} s.",
        )
    return frames


@dataclass(slots=True)
class _Links:
    """Walks the scenes in the order of the film; finds the stored keyframes that no longer follow from the others."""

    before: PictureSources
    after: PictureSources
    by_id: Mapping[str, Scene]
    redrawn: set[DrawItem] = field(default_factory=set)
    _last: Scene | None = None

    def link(self, scene: Scene, now: datetime) -> Scene:
        """The scene with its keyframes linked to the scene before it; another take if one of them is redrawn."""
        last, self._last = self._last, scene
        if scene.start is None and scene.end is None:  # nothing is drawn yet
            return scene
        start = self._inherited(scene, last)
        redraw: list[KeyframeName] = []
        if self._starts_anew(scene, last):
            redraw.append("start")
        moved = start is not None and scene.start is not None and start.uri != scene.start.uri
        is_chain = self.after.plan.continuity.mode == "chain"
        follows = is_chain and (bool(redraw) or moved)
        if follows or "end" in scene.redraw or self._has_another_prompt(scene, "end"):
            redraw.append("end")
        redraw = [name for name in redraw if name in scene.drawn_names()]
        joined = scene.with_edit({"start": start, "updated": now}) if moved else scene
        linked = self._retake(joined, start, redraw, now)
        self._last = linked
        return linked

    def _inherited(self, scene: Scene, last: Scene | None) -> Keyframe | None:
        return scene.start if last is None or last.end is None else last.end

    def _starts_anew(self, scene: Scene, last: Scene | None) -> bool:
        if last is not None:
            return "end" in last.redraw
        was_first = self.by_id[scene.id].display_order == 1
        has_own_prompt = was_first or scene.start_prompt != self.by_id[scene.id].start_prompt
        return ("start" in scene.redraw and was_first) or (has_own_prompt and self._has_another_prompt(scene, "start"))

    def _has_another_prompt(self, scene: Scene, frame: KeyframeName) -> bool:
        """Whether the keyframe is drawn from other words. What moves between keyframes does not change them."""
        old = self.by_id[scene.id]
        still = scene.with_edit({"motion_prompt": old.motion_prompt})
        return _words(self.before, old, frame) != _words(self.after, still, frame)

    def _retake(self, scene: Scene, start: Keyframe | None, redraw: list[KeyframeName], now: datetime) -> Scene:
        """With these keyframes to be redrawn. A sent call keeps its inputs, so new keyframes are of another take."""
        if not redraw:
            return scene
        is_new = not scene.redraw
        take = scene.take + is_new
        self.redrawn |= {DrawItem(scene=scene.id, frame=name, take=take) for name in redraw}
        attempt = 1 if is_new else scene.attempt
        values = {
            "start": start,
            "redraw": tuple(redraw),
            "take": take,
            "attempt": attempt,
            "state": SceneState.PENDING,
        }
        return scene.with_edit({**values, "updated": now})


def _words(sources: PictureSources, scene: Scene, frame: KeyframeName) -> str:
    model = registry().image_model(sources.plan.image_model)
    pictures = list_inputs(sources, scene, frame, model).sent
    return prompts.keyframe_prompt(sources.plan, scene, frame, model, pictures).text
