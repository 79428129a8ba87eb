"""From request and storyboard to a plan: models, lengths, waves and prices. Pure."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from promptreel.domain import choosing, identifiers, lengths, prompts, timeline
from promptreel.domain.chapters import Chapter, split_film
from promptreel.domain.choosing import Choice, ChosenModel
from promptreel.domain.estimate import SheetCounts, assumptions
from promptreel.domain.models import Aspect, ImageModel, TextModel, VideoModel, VideoProtocol
from promptreel.domain.money import format_usd
from promptreel.domain.own_frames import describe_frames
from promptreel.domain.picture_inputs import most_inputs
from promptreel.domain.prompt_hints import Inferred, PromptHints
from promptreel.domain.request import FilmRequest, parse_request
from promptreel.domain.requested_references import describe_references, refuse_too_many_styles
from promptreel.domain.scene import Scene
from promptreel.domain.screenplay import MAX_HEADING_CHARS
from promptreel.domain.sheet import SHEET_PX
from promptreel.domain.sheet_planning import FEWEST_SCENES
from promptreel.domain.storyboard import Storyboard, StoryboardChapter, StoryScene, schema_text
from promptreel.domain.styles import Direction, Template, direct
from promptreel.domain.tariffs import Tariff, count_tokens_at_most, drawing_tariff, text_tariff
from promptreel.domain.timing import Timing, plan_timing
from promptreel.domain.treatment import Treatment, claimed_length, merge_hints
from promptreel.domain.verdict import check_limits
from promptreel.errors import BudgetExceeded, Invalid

MAX_CROPPED_SHARE = 0.1  # of an image's area; 1376x768, as models round 16:9, loses less than a hundredth
DEFAULT_SCENE_RANGE = (3, 6)  # the text model's choice when neither field nor prompt gives a number
TREATMENT_TOKENS = 2048
"""Room for what a treatment says in its own words, and for thinking."""
FILM_TOKENS, SCENE_TOKENS = 4096, 500
"""Room for style, characters, settings and thinking; room for the texts of one scene."""
REWRITE_TOKENS = 4096  # one scene's words, with room to think
_CENT_MICROS = 10_000


@dataclass(frozen=True, slots=True)
class FilmSpec:
    """A request with every open choice made, before the storyboard is written.

    ``durations_s`` are the paid seconds of each scene's clip, ``scene_frames`` what the film shows of it; both are
    empty while the text model may choose the number of scenes. ``inferred`` are the values read from the prompt;
    ``warnings`` name what of the prompt or the request is not met.
    """

    text: TextModel
    image: ImageModel
    video: VideoModel
    reasons: tuple[ChosenModel, ...]
    aspect: Aspect
    scene_range: tuple[int, int]
    legal_durations_s: tuple[int, ...]
    durations_s: tuple[int, ...]
    scene_frames: tuple[int, ...]
    transition_frames: int
    inferred: tuple[Inferred, ...]
    warnings: tuple[str, ...]
    direction: Direction
    pictures: str = ""  # what the storyboard is told of the request's own pictures
    treatment: Treatment | None = None  # None before the text model has read the prompt, or where it could not

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        """The answers in which the storyboard is written; one where the text model chooses the number of scenes."""
        fewest, most = self.scene_range
        return split_film(most) if fewest == most else (Chapter(1, 0, most, most),)

    def writing(self, idea: str, chapter: Chapter, so_far: Storyboard | None) -> str:
        """The prompt for a chapter; ``so_far`` is the storyboard until then."""
        if chapter.is_whole_film:
            return prompts.storyboard_prompt(idea, self.scene_range, self.durations_s, self._told, self.treatment)
        seconds, treatment = self.durations_s[chapter.first : chapter.end], chapter.take_part(self.treatment)
        task = prompts.ChapterTask(idea, chapter, seconds, self._told, treatment)
        return prompts.chapter_prompt(task, so_far)

    @property
    def _told(self) -> str:
        """What the storyboard must follow beside idea and treatment."""
        return "\n".join(filter(None, (self.direction.text, self.pictures)))

    def durations_for(self, count: int) -> Sequence[int]:
        """Paid seconds of each scene's clip once their number is known."""
        return self.durations_s or lengths.untrimmed(self.legal_durations_s, self.video.fps, count).clips_s

    def frames_for(self, count: int) -> Sequence[int]:
        """Frames of each scene in the film once their number is known."""
        return self.scene_frames or lengths.untrimmed(self.legal_durations_s, self.video.fps, count).frames


def accept(payload: Any, at: datetime, protocols: Collection[VideoProtocol]) -> tuple[FilmRequest, FilmSpec]:
    """The request in decoded JSON, checked the same at every entry; ``at`` decides prices.

    Raises: Invalid for wrong fields, and for fields that contradict one another, with the nearest legal values;
    BudgetExceeded with the amount needed when the limit cannot hold the plan.
    """
    request = parse_request(payload)
    _refuse_unused_transition(request)
    spec = specify_film(request, at, protocols)
    refuse_too_many_styles(request.references, spec.image, in_chain=request.continuity == "chain")
    _refuse_small_budget(request, spec, at)
    return request, spec


def specify_film(
    request: FilmRequest, at: datetime, protocols: Collection[VideoProtocol], treatment: Treatment | None = None
) -> FilmSpec:
    """Choose models, format and timing; ``at`` decides prices, so that the same job is always planned alike.

    Args:
        request: The request, already validated.
        at: When the job was requested.
        protocols: The video backends that are switched on.
        treatment: What the text model read from the prompt; None at submission, when only rules have.

    Raises: Invalid when fields contradict one another or the chosen model's limits.
    """
    hints = merge_hints(request.prompt, treatment)
    length = claimed_length(request.prompt, treatment) if request.duration_s is None else None
    timed = request if length is None else request.model_copy(update={"duration_s": length})
    direction = direct(request.style, request.template, request.prompt)
    hinted, shape = hints.find("aspect"), direction.template.aspect if direction.template else "16:9"
    aspect: Aspect = request.aspect or (hinted.value if hinted else shape)  # type: ignore[assignment]
    text, image = choosing.choose_text_model(request, at), choosing.choose_image_model(request, at)
    video_models = choosing.list_video_models(request, aspect, at, protocols)
    video, timing = _fit_video_model(timed, hints, video_models, direction.template)
    models = (text.model, image.model, video.model)
    count = len(timing.cut.clips_s)
    spec = FilmSpec(
        text=text.model,
        image=image.model,
        video=video.model,
        reasons=tuple(
            ChosenModel(kind=kind, id=one.model.id, reason=one.reason)
            for kind, one in (("text", text), ("image", image), ("video", video))
        ),
        aspect=aspect,
        scene_range=(count, count) if count else DEFAULT_SCENE_RANGE,
        legal_durations_s=video.model.durations_s[request.resolution],
        durations_s=timing.cut.clips_s,
        scene_frames=timing.cut.frames,
        transition_frames=timing.transition_frames,
        pictures="\n".join(filter(None, (describe_references(request.references), describe_frames(request.frames)))),
        treatment=treatment,
        inferred=tuple(one for one in hints.read if one not in timing.unused and not _is_given(request, one.field)),
        warnings=(
            *_hint_warnings(request, hints, timing.unused),
            *timing.warnings,
            *direction.warnings,
            *choosing.ending_warnings(models, at),
            *sound_warnings(request, video.model),
            *picture_warnings(image.model, video.model.size_px(request.resolution, aspect)),
        ),
        direction=direction,
    )
    return spec if count else _within_budget(spec, request, at)


def _fit_video_model(
    request: FilmRequest, hints: PromptHints, choices: Sequence[Choice[VideoModel]], template: Template | None
) -> tuple[Choice[VideoModel], Timing]:
    """The cheapest model that films the lengths. Raises: Invalid, as the cheapest one says it, when none does.

    A template's lengths are taken when neither request nor prompt names any, and some model films them.
    """
    refused: Invalid | None = None
    says_length = any(_is_given(request, one) or hints.find(one) for one in ("scenes", "duration_s"))
    if template is not None and not says_length:
        for usual in ({"scenes": template.scenes, "duration_s": template.duration_s}, {"scenes": template.scenes}):
            with suppress(Invalid):
                return _fit_video_model(request.model_copy(update=usual), hints, choices, None)
    for choice in choices:
        try:
            return choice, plan_timing(request, hints, choice.model)
        except Invalid as error:
            refused = refused or error
    raise refused or ValueError("no model to choose from")


def sound_warnings(request: FilmRequest, video: VideoModel) -> list[str]:
    """What the model cannot meet of the sound that the film wants."""
    if video.films_sound(wanted=request.clip_audio) == request.clip_audio:
        return []
    if request.clip_audio:
        return [f"clip_audio: {video.id} films without sound."]
    return [f"clip_audio: {video.id} always films with sound, which the cut leaves out."]


def picture_warnings(image: ImageModel, frame_px: tuple[int, int]) -> list[str]:
    """What the model cannot meet of the size that the film's keyframes have."""
    size = image.size_for(frame_px)
    if image.covers(size, frame_px):
        return []
    drawn, frame = ("x".join(map(str, sorted(px, reverse=True))) for px in (image.picture_px[size], frame_px))
    return [f"models.image: {image.id} draws no more than {drawn}, so that keyframes are enlarged to {frame}."]


def _is_given(request: FilmRequest, field: str) -> bool:
    return getattr(request, field) is not None


def _hint_warnings(request: FilmRequest, hints: PromptHints, unused: Sequence[Inferred]) -> list[str]:
    """Warnings about what the prompt says of the film and the film does not follow."""
    overridden = [
        one for one in hints.read if _is_given(request, one.field) and getattr(request, one.field) != one.value
    ]
    return [
        *(f"prompt: “{one.words}” gives way to the request's fields." for one in (*overridden, *unused)),
        *(sentence for field, sentence in hints.unusable if not _is_given(request, field)),
    ]


def _refuse_unused_transition(request: FilmRequest) -> None:
    """For a request just parsed; a stored one holds its defaults as if they had been given."""
    if request.transition.kind is timeline.TransitionKind.CUT and "duration_s" in request.transition.model_fields_set:
        raise Invalid(
            "transition.duration_s: a cut takes no time.",
            remedy="Set `transition.kind` to crossfade or fade_black, or leave out `transition.duration_s`.",
        )
    if request.transition.kind is not timeline.TransitionKind.CUT and request.scenes == 1:
        raise Invalid(
            f"transition.kind: a film of one scene has no place for a {request.transition.kind}.",
            remedy="Set `scenes` to 2, or `transition.kind` to cut.",
        )


def treatment_tokens(prompt: str, model: TextModel) -> int:
    """Output limit of the treatment in tokens: it copies what the prompt has of scenes and lines."""
    return min(TREATMENT_TOKENS + len(prompt.encode()) // 2, model.max_output_tokens)


def treatment_tariff(request: FilmRequest, model: TextModel) -> Tariff:
    """The most that reading the prompt may use."""
    prompt = prompts.treatment_prompt(request.prompt)
    sent = count_tokens_at_most(prompts.READER_INSTRUCTION, prompt, schema_text(Treatment))
    return text_tariff(model, sent, treatment_tokens(request.prompt, model))


def text_tariffs(request: FilmRequest, spec: FilmSpec, count: int) -> tuple[Tariff, ...]:
    """The text calls before the first keyframe of a film of up to so many scenes, each with the most it may use."""
    writing = replace(spec, scene_range=(spec.scene_range[0], count))
    chapters = (_chapter_tariff(request, writing, chapter) for chapter in writing.chapters)
    return treatment_tariff(request, spec.text), *chapters


def _chapter_tariff(request: FilmRequest, spec: FilmSpec, chapter: Chapter) -> Tariff:
    """The most that writing this chapter may use."""
    is_first = chapter.number == 1
    prompt = replace(spec, treatment=None).writing(request.prompt, chapter, None)
    schema = schema_text(Storyboard if is_first else StoryboardChapter)
    sent = count_tokens_at_most(prompts.WRITER_INSTRUCTION, prompt, schema)
    sent += prompts.max_treatment_bytes(request.prompt) + (0 if is_first else prompts.STORY_SO_FAR_BYTES)
    return text_tariff(spec.text, sent, storyboard_tokens(chapter))


@dataclass(frozen=True, slots=True)
class Judging:
    """One question of the continuity check: how many pictures it shows, and the most that it may use."""

    pictures: int
    tariff: Tariff


def list_judging(model: TextModel, keyframes: int, looks: int) -> tuple[Judging, ...]:
    """The questions of one check of so many keyframes, beside pictures of how somebody or something looks.

    The film's texts are not known yet, so that their share in the price is what they usually come to at most.
    """
    limits, tokens = check_limits(), assumptions().tokens
    most = min(limits.pictures_a_request, model.max_pictures)
    looks = min(looks, most - 1)
    count = -(-keyframes // (most - looks))
    judged = -(-keyframes // count)
    answer = min(limits.answer_tokens + limits.verdict_tokens * judged, model.max_output_tokens)
    sent = round(tokens.check_prompt * tokens.many) * tokens.bytes_per_token
    pictures = judged + looks
    return (Judging(pictures, text_tariff(model, sent, answer, pictures=pictures)),) * count


def storyboard_tokens(chapter: Chapter) -> int:
    """Output limit of one answer of the storyboard in tokens."""
    return FILM_TOKENS + SCENE_TOKENS * chapter.count


def price_micros(request: FilmRequest, spec: FilmSpec, count: int, at: datetime) -> tuple[int, int]:
    """The most that the text calls may cost, and what is reserved for the pictures and clips of so many scenes.

    Texts include one check of the keyframes. Pictures include the usual number of sheets where the request asks for
    sheets: the plan leaves out those that the limit does not hold.
    """
    writing = sum(tariff.reserved_micros(at) for tariff in text_tariffs(request, spec, count))
    checking = sum(asked.tariff.reserved_micros(at) for asked in list_judging(spec.text, count + 1, 0))
    clips = sum(
        spec.video.max_micros(duration_s, request.resolution, at, audio=request.clip_audio)
        for duration_s in spec.durations_for(count)
    )
    pictures = _pictures_micros(request, spec, count, at, has_sheets=request.continuity == "sheet")
    return writing + (checking if request.checks else 0), pictures + clips


def _pictures_micros(request: FilmRequest, spec: FilmSpec, count: int, at: datetime, *, has_sheets: bool) -> int:
    """What is reserved for sheets and keyframes."""
    frame_px, references = spec.video.size_px(request.resolution, spec.aspect), len(request.references)
    sheets = guess_sheets(request).usual if has_sheets else 0
    first, later = (
        drawing_tariff(spec.image, frame_px, most_inputs(references + sheets, spec.image, continues=continues))
        for continues in (False, not has_sheets)
    )
    own = {one.place for one in request.frames}
    drawn = [later] * (count - sum(frame == "end" for _, frame in own)) + [first] * ((1, "start") not in own)
    drawn += [drawing_tariff(spec.image, SHEET_PX, most_inputs(references, spec.image, continues=False))] * sheets
    return sum(tariff.reserved_micros(at) for tariff in drawn)


def guess_sheets(request: FilmRequest) -> SheetCounts:
    """How many sheets a film may have whose cast is not known: at least those of which its owner has pictures."""
    named, usual = sum(one.kind != "style" for one in request.references), assumptions().pictures.sheets
    return SheetCounts(few=max(usual.few, named), usual=max(usual.usual, named), many=max(usual.many, named))


def expects_sheets(request: FilmRequest, spec: FilmSpec, count: int, at: datetime) -> bool:
    """Whether a film of so many scenes is expected to be drawn from sheets, before its cast is known."""
    if request.continuity != "auto":
        return request.continuity == "sheet"
    with_sheets, chain = (_pictures_micros(request, spec, count, at, has_sheets=has) for has in (True, False))
    needed = sum(price_micros(request, spec, count, at)) - chain + with_sheets
    return count >= FEWEST_SCENES and needed <= request.limit_micros


def needed_micros(request: FilmRequest, spec: FilmSpec, at: datetime) -> int:
    """A limit in whole cents that certainly holds the plan of the fewest scenes."""
    return -(-sum(price_micros(request, spec, spec.scene_range[0], at)) // _CENT_MICROS) * _CENT_MICROS


def _within_budget(spec: FilmSpec, request: FilmRequest, at: datetime) -> FilmSpec:
    """The text model chooses among numbers of scenes that the limit holds."""
    fewest, most = spec.scene_range
    counts = range(fewest, most + 1)
    affordable = [count for count in counts if sum(price_micros(request, spec, count, at)) <= request.limit_micros]
    return replace(spec, scene_range=(fewest, max(affordable, default=fewest)))


def _refuse_small_budget(request: FilmRequest, spec: FilmSpec, at: datetime) -> None:
    """Refuse a film that the limit does not hold when each of its calls is paid once at its highest price."""
    count = spec.scene_range[0]
    limit = request.limit_micros
    if limit < sum(price_micros(request, spec, count, at)):
        needed = format_usd(needed_micros(request, spec, at))
        default = " by default" if request.budget_usd is None else ""
        raise BudgetExceeded(
            f"budget_usd: a film of {count} scene{'s' * (count > 1)}, {sum(spec.durations_for(count))} s of clips, "
            f"needs up to {needed} USD; the limit is {format_usd(limit)} USD{default}. Nothing was paid.",
            remedy=f"Set `budget_usd` to at least {needed}, or ask for fewer or shorter scenes.",
        )


def make_scenes(
    stories: Sequence[StoryScene], frames: Sequence[int], fps: int, now: datetime, treatment: Treatment | None = None
) -> list[Scene]:
    """The scene documents of a storyboard, in order; ``frames`` is how long each is in the film."""
    headings = [scene.splitlines()[0][:MAX_HEADING_CHARS] for scene in treatment.scenes] if treatment else []
    return [
        Scene(
            id=identifiers.scene_id(number),
            sequence=number,
            display_order=number,
            description=story.description,
            start_prompt=story.start_frame_prompt,
            end_prompt=story.end_frame_prompt,
            motion_prompt=story.motion_prompt,
            transition_note=story.transition_note,
            camera=story.camera,
            characters=tuple(story.characters),
            settings=tuple(story.settings),
            props=tuple(story.props),
            light=story.light,
            dialogue=tuple(story.dialogue),
            written_scene=story.written_scene,
            heading=headings[story.written_scene - 1] if story.written_scene else None,
            duration_s=-(-length // fps),
            frames=length,
            created=now,
            updated=now,
        )
        for number, (story, length) in enumerate(zip(stories, frames, strict=True), start=1)
    ]


def lost_share(drawn_px: tuple[int, int], content_px: tuple[int, int], frame_px: tuple[int, int]) -> float:
    """What a frame loses of an image, from 0 to 1: of its area by cropping, or of its detail where bars were cut off.

    ``content_px`` is the image without its bars.
    """
    without_bars, content = (max(frame_px[side] / px[side] for side in (0, 1)) for px in (drawn_px, content_px))
    return max(cropped_share(content_px, frame_px), 1 - without_bars / content)


def cropped_share(drawn_px: tuple[int, int], frame_px: tuple[int, int]) -> float:
    """The share of an image's area, 0 to 1, that is lost when it is cropped to a frame of another shape."""
    drawn, frame = drawn_px[0] / drawn_px[1], frame_px[0] / frame_px[1]
    return 1 - min(drawn, frame) / max(drawn, frame)
