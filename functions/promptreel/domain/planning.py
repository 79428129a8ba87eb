"""From request and storyboard to a plan: models, lengths, waves and prices. Pure arithmetic, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import ids, timeline, wishes
from promptreel.domain.job import DrawItem, Wave
from promptreel.domain.models import Aspect, ImageModel, PictureSize, TextModel, VideoModel, registry
from promptreel.domain.request import FilmRequest
from promptreel.domain.scene import Scene
from promptreel.domain.storyboard import StoryScene
from promptreel.errors import Invalid

PICTURE_SIZE: PictureSize = "1K"
FREE_SCENES = (3, 6)  # the writer's own choice when nobody asked for a number


@dataclass(frozen=True, slots=True)
class Brief:
    """A request with every open choice made, before a word is written."""

    text: TextModel
    image: ImageModel
    video: VideoModel
    aspect: Aspect
    scene_range: tuple[int, int]
    legal_durations_s: tuple[int, ...]
    durations_s: tuple[int, ...]  # empty while the writer may choose the number of scenes
    transition_frames: int

    def durations_for(self, count: int) -> Sequence[int]:
        """Seconds of each scene once their number is known."""
        return self.durations_s or timeline.plan_durations(count, None, self.legal_durations_s)


def brief(request: FilmRequest) -> Brief:
    """Decide models, format and timing.

    Raises: Invalid when fields contradict one another or the chosen model's limits.
    """
    chosen = registry().defaults[request.quality]
    video = registry().video_model(request.models.video or chosen.video)
    wished = wishes.read(request.prompt)
    legal = video.durations_s.get(request.resolution)
    if legal is None:
        can = ", ".join(video.durations_s)
        raise Invalid(f"resolution: {video.id} films {can}, not {request.resolution}.", remedy="Choose one of these.")
    transition_frames = _transition_frames(request, video.fps, legal)
    overlap_s = timeline.overlap_frames(request.transition.kind, transition_frames) / video.fps
    count, durations = _timing(request, wished, legal, overlap_s)
    return Brief(
        text=registry().text_model(request.models.text or chosen.text),
        image=registry().image_model(request.models.image or chosen.image),
        video=video,
        aspect=request.aspect or wished.aspect or "16:9",
        scene_range=(count, count) if count else FREE_SCENES,
        legal_durations_s=legal,
        durations_s=durations,
        transition_frames=transition_frames,
    )


def _transition_frames(request: FilmRequest, fps: int, legal_s: Sequence[int]) -> int:
    if request.transition.kind is timeline.TransitionKind.CUT:
        return 0
    if request.transition.duration_s * 2 > min(legal_s):
        raise Invalid(
            f"transition.duration_s: at most {min(legal_s) / 2:g} s fit between scenes of {min(legal_s)} s.",
            remedy="Ask for a shorter transition.",
        )
    return timeline.frames(request.transition.duration_s, fps)


def _timing(
    request: FilmRequest, wished: wishes.Wishes, legal_s: Sequence[int], overlap_s: float
) -> tuple[int | None, tuple[int, ...]]:
    """How many scenes and how long each. A wish read out of the prompt gives way where it cannot be met."""
    asked_count, asked_s = request.scenes or wished.scenes, request.duration_s or wished.duration_s
    count = asked_count or timeline.scene_count(asked_s, legal_s, overlap_s)
    if count is None:
        return None, ()
    try:
        return count, tuple(timeline.plan_durations(count, asked_s, legal_s, overlap_s))
    except Invalid:
        if request.scenes and request.duration_s:
            raise
    if request.duration_s:  # the length was asked for in its field, the number of scenes only in words
        count = timeline.scene_count(asked_s, legal_s, overlap_s) or count
        return count, tuple(timeline.plan_durations(count, asked_s, legal_s, overlap_s))
    return count, tuple(timeline.plan_durations(count, None, legal_s, overlap_s))


def scenes(stories: Sequence[StoryScene], durations_s: Sequence[int], now: datetime) -> list[Scene]:
    """The scene documents of a storyboard, in order."""
    return [
        Scene(
            id=ids.scene_id(number),
            sequence=number,
            display_order=number,
            description=story.description,
            start_prompt=story.start_frame_prompt,
            end_prompt=story.end_frame_prompt,
            motion_prompt=story.motion_prompt,
            transition_note=story.transition_note,
            duration_s=duration_s,
            created=now,
            updated=now,
        )
        for number, (story, duration_s) in enumerate(zip(stories, durations_s, strict=True), start=1)
    ]


def chain_waves(scene_ids: Sequence[str]) -> tuple[Wave, ...]:
    """Sequential continuity: each picture grows out of the one before; a scene starts where the last one ended."""
    first = DrawItem(scene=scene_ids[0], frame="start")
    return tuple(Wave(items=(item,)) for item in (first, *(DrawItem(scene=scene, frame="end") for scene in scene_ids)))
