"""How a finished film is made again by a better model: which scenes are filmed anew, by whom, from what. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import choosing, identifiers, planning, recovery
from promptreel.domain.choosing import ChosenModel
from promptreel.domain.job import Job, Plan, Upgrade
from promptreel.domain.models import VideoModel, VideoProtocol, registry
from promptreel.domain.money import format_usd
from promptreel.domain.picture_inputs import PictureSources, list_inputs
from promptreel.domain.request import FilmRequest, UpgradeRequest
from promptreel.domain.scene import Scene
from promptreel.domain.sheet_planning import plan_sheets
from promptreel.domain.states import SceneState
from promptreel.domain.tariffs import drawing_tariff
from promptreel.domain.timeline import TransitionKind
from promptreel.errors import BudgetExceeded, Invalid


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """A film that takes another one over: its request, what is filmed anew, and what its owner should know.

    ``needed_micros`` holds all of it; ``keyframes`` are those that are drawn anew.
    """

    request: FilmRequest
    upgrade: Upgrade
    warnings: tuple[str, ...]
    needed_micros: int
    keyframes: int


def plan_upgrade(
    film: Job, scenes: Sequence[Scene], asked: UpgradeRequest, at: datetime, protocols: Collection[VideoProtocol]
) -> UpgradePlan:
    """Decide what an upgrade films anew.

    A scene that the chosen model has filmed already, at the same resolution, keeps its clip.

    Args:
        film: The finished film, with its plan.
        scenes: All its scenes, in order.
        asked: What is to be better.
        at: When it was asked for: it decides prices and which models have ended.
        protocols: The video backends that are switched on.

    Raises: Invalid naming the field and the remedy; BudgetExceeded with the amount needed.
    """
    plan, request = film.require_plan(), _merge(film, asked)
    selected = _select(scenes, asked)
    chosen = _choose_model(plan, selected, request, at, protocols)
    model = chosen.model
    if len(selected) < len(scenes):
        _refuse_mixed_sizes(plan, request, model)
    refilmed = [scene for scene in selected if not _is_filmed_so(plan, scene, request, model)]
    if not refilmed:
        raise Invalid(
            f"{model.id} has filmed this at {request.resolution} already: there is nothing to upgrade.",
            code="nothing_to_upgrade",
            remedy="Set a higher `resolution`, or another model as `models.video`.",
        )
    needed_micros = _clips_micros(refilmed, model, request, at)
    if not keeps_keyframes(plan, model, request):
        needed_micros += _redraw_micros(film, scenes, model.size_px(request.resolution, plan.aspect), at)
    _refuse_small_budget(refilmed, request, needed_micros)
    upgrade = Upgrade(
        job=film.id,
        scenes=tuple(scene.id for scene in refilmed),
        video=ChosenModel(kind="video", id=model.id, reason=chosen.reason),
        seed=film.seed_base,
    )
    kept = [scene for scene in scenes if scene not in refilmed]
    warnings = (
        *_mixture_warnings(plan, refilmed, kept, model),
        *_jump_warnings(plan, scenes, refilmed, request, model),
        *_keyframe_warnings(request, redrawn=not keeps_keyframes(plan, model, request)),
        *choosing.ending_warnings([model], at),
        *planning.sound_warnings(request, model),
        *filter(None, map(recovery.remedy_warning, kept)),
    )
    return UpgradePlan(request, upgrade, warnings, needed_micros, _count_redrawn(plan, model, request))


def keeps_keyframes(plan: Plan, model: VideoModel, request: FilmRequest) -> bool:
    """Whether the keyframes of the film have the size that the model films from."""
    return model.size_px(request.resolution, plan.aspect) == plan.size_px


def make_plan(job: Job, film: Job, scenes: Sequence[Scene]) -> Plan:
    """The plan of an upgraded film: that of the finished one, filmed by another model.

    ``scenes`` are those of the finished film. The addresses of the storyboard are still the finished film's, and it
    has no waves.
    """
    plan, upgrade = film.require_plan(), job.upgrade
    if upgrade is None:
        raise ValueError(f"{job.id} is no upgrade.")
    kept = [scene for scene in scenes if scene.id not in upgrade.scenes and scene.clip is not None]
    others = dict.fromkeys(plan.video_of(scene).id for scene in kept)
    return plan.evolve(
        video_model=upgrade.video.id,
        models=(
            ChosenModel(kind="text", id=plan.text_model, reason=f"wrote the storyboard of {film.id}"),
            ChosenModel(kind="image", id=plan.image_model, reason=f"drew the keyframes of {film.id}"),
            upgrade.video,
            *(
                ChosenModel(kind="video", id=other, reason=f"filmed the clips kept from {film.id}")
                for other in others
                if other != upgrade.video.id
            ),
        ),
        resolution=job.request.resolution,
        is_checked=False,  # its keyframes are those of a checked film, or drawn from the same seeds
        waves=(),
    )


def _merge(film: Job, asked: UpgradeRequest) -> FilmRequest:
    """The finished film's request with what is to be better. Its plan needs no approval a second time."""
    models, video = film.request.models, asked.models.video
    if video is not None or asked.quality is not None:
        models = models.model_copy(update={"video": video})
    changes = {
        "title": film.require_plan().title,
        "aspect": film.require_plan().aspect,
        "models": models,
        "quality": asked.quality or film.request.quality,
        "resolution": asked.resolution or film.require_plan().resolution,
        "budget_usd": asked.budget_usd,
        "approval": "none",
        "stop_after": None,
    }
    return film.request.model_copy(update=changes)


def _select(scenes: Sequence[Scene], asked: UpgradeRequest) -> list[Scene]:
    if asked.scenes is None:
        return list(scenes)
    unknown = sorted(set(asked.scenes) - {scene.sequence for scene in scenes})
    if unknown:
        raise Invalid(
            f"scenes: the film has no scene {unknown[0]}.",
            remedy=f"Name scenes by their numbers, 1 to {len(scenes)}, or leave `scenes` out for all of them.",
        )
    return [scene for scene in scenes if scene.sequence in asked.scenes]


def _choose_model(
    plan: Plan, scenes: Sequence[Scene], request: FilmRequest, at: datetime, protocols: Collection[VideoProtocol]
) -> choosing.Choice[VideoModel]:
    """The cheapest model of the quality, or the named one, that films these scenes in the film's frame rate."""
    choices = choosing.list_video_models(request, plan.aspect, at, protocols)
    fitting = [choice for choice in choices if _films_all(plan, choice.model, scenes, request)]
    if fitting:
        return fitting[0]
    longest_s = max(scene.duration_s for scene in scenes)
    capable = [
        model.id
        for model in registry().video
        if _films_all(plan, model, scenes, request) and choosing.find_obstacle(model, protocols) is None
    ]
    others = f", or `models.video` to {' or '.join(capable)}" if capable else ""
    raise Invalid(
        f"scenes: {choices[0].model.id} films no clip of {longest_s} s at {request.resolution} "
        f"and {plan.fps} frames a second.",
        code="length_not_filmed",
        remedy=f"Set `scenes` to shorter ones, another `resolution`{others}.",
    )


def _films_all(plan: Plan, model: VideoModel, scenes: Sequence[Scene], request: FilmRequest) -> bool:
    lengths = {scene.duration_s for scene in scenes}
    return all(model.can_film(one, request.resolution, plan.aspect, plan.fps) for one in lengths)


def _refuse_mixed_sizes(plan: Plan, request: FilmRequest, model: VideoModel) -> None:
    """A film has one size: clips are neither enlarged nor reduced to stand beside others."""
    if not keeps_keyframes(plan, model, request):
        raise Invalid(
            f"resolution: the other scenes keep their clips at {plan.resolution}, and a film has one size.",
            code="mixed_resolutions",
            remedy="Leave `scenes` out to film all of them at the new resolution, or leave `resolution` out.",
        )


def _is_filmed_so(plan: Plan, scene: Scene, request: FilmRequest, model: VideoModel) -> bool:
    """Whether the scene's clip is what the model would film."""
    is_same = plan.video_of(scene).id == model.id and plan.resolution == request.resolution
    return is_same and scene.state is SceneState.DONE


def _clips_micros(refilmed: Sequence[Scene], model: VideoModel, request: FilmRequest, at: datetime) -> int:
    """The most that these clips may cost."""
    clips = (model.max_micros(scene.duration_s, request.resolution, at, audio=request.clip_audio) for scene in refilmed)
    return sum(clips)


def _redraw_micros(film: Job, scenes: Sequence[Scene], frame_px: tuple[int, int], at: datetime) -> int:
    """The most that all keyframes may cost. Sheets are taken over."""
    plan, by_id = film.require_plan(), {scene.id: scene for scene in scenes}
    image, is_chain = registry().image_model(plan.image_model), plan.continuity.mode == "chain"
    sheets = () if is_chain else plan_sheets(plan, scenes, film.references, (), at)
    sources = PictureSources.of(film, plan, sheets)
    drawn = [item for wave in plan.waves for item in wave.items]
    inputs = [len(list_inputs(sources, by_id[item.scene], item.frame, image).sent) for item in drawn]
    return sum(drawing_tariff(image, frame_px, count).reserved_micros(at) for count in inputs)


def _count_redrawn(plan: Plan, model: VideoModel, request: FilmRequest) -> int:
    """How many keyframes are drawn anew: all or none."""
    own = {one.place for one in request.frames}
    drawn = {(item.scene, item.frame) for wave in plan.waves for item in wave.items}
    drawn -= {(identifiers.scene_id(sequence), frame) for sequence, frame in own}
    return 0 if keeps_keyframes(plan, model, request) else len(drawn)


def _refuse_small_budget(refilmed: Sequence[Scene], request: FilmRequest, needed: int) -> None:
    if request.limit_micros < needed:
        raise BudgetExceeded(
            f"budget_usd: this upgrade of {len(refilmed)} scene{'s' * (len(refilmed) > 1)} needs up to "
            f"{format_usd(needed)} USD; the limit is {format_usd(request.limit_micros)} USD. Nothing was paid.",
            remedy=f"Set `budget_usd` to at least {format_usd(needed)}, or upgrade fewer scenes.",
        )


def _mixture_warnings(plan: Plan, refilmed: Sequence[Scene], kept: Sequence[Scene], model: VideoModel) -> list[str]:
    others = dict.fromkeys(plan.video_of(scene).id for scene in kept if scene.clip is not None)
    if not set(others) - {model.id}:
        return []
    names = ", ".join(scene.id for scene in refilmed)
    return [f"{names}: filmed by {model.id}; the other scenes keep their clips by {', '.join(others)}."]


def _jump_warnings(
    plan: Plan, scenes: Sequence[Scene], refilmed: Sequence[Scene], request: FilmRequest, model: VideoModel
) -> list[str]:
    """A clip that loses its last frames does not lead into the next one: seen at a cut, hidden by a transition.

    The first clip of a film loses its first frames instead, and nothing follows the last one.
    """
    cut = [
        scene.id
        for scene in scenes[1:-1]
        if scene in refilmed
        and model.clip_seconds(scene.duration_s, request.resolution) != scene.film_frames(plan.fps) / plan.fps
    ]
    if not cut or plan.transition_kind is not TransitionKind.CUT:
        return []
    return [f"{', '.join(cut)}: cut from longer clips by {model.id}, so the picture jumps where the next scene begins."]


def _keyframe_warnings(request: FilmRequest, *, redrawn: bool) -> list[str]:
    if not redrawn:
        return []
    return [f"The keyframes are drawn anew for {request.resolution}, from the same words and seeds."]
