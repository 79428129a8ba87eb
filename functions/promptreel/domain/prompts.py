"""The prompts sent to the models, composed from the plan and kept to the length that each model takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from promptreel.domain.job import FilmStyle, Plan
from promptreel.domain.models import VideoModel
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.styles import replace_names
from promptreel.domain.tariffs import count_tokens_at_most

WRITER_INSTRUCTION = (
    "You are a film director and storyboard artist. Turn the idea into a storyboard: one style guide for the whole "
    "film, the characters and settings that recur, and scenes that tell the story in order. Each scene is one "
    "continuous shot, told by its first picture, its last picture and what moves between them. The first picture of a "
    "scene is the last picture of the scene before it, seen again: write them so that one can grow out of the other. "
    "Describe characters by looks that stay the same. Write plain English, no names of real persons, brands or artists."
)
REWRITE_INSTRUCTION = (
    "You edit one scene of a storyboard that a safety filter has refused to film. Follow the advice by changing what "
    "the scene shows, never by disguising it. Keep the story, the characters' looks, the place, the light, the camera "
    "and the length of every text; change nothing that the advice does not touch. Write plain English."
)
MAX_WORDS = 60
MAX_WORD_CHARS = 40


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was wrong with earlier answers to a prompt.

    ``answer`` is the last one that came and ``fault`` why it could not be used; ``max_words`` bounds each text after an
    answer was cut off.
    """

    answer: str = ""
    fault: str = ""
    max_words: int | None = None


def add_feedback(prompt: str, feedback: Feedback) -> str:
    """The prompt, followed by the answer to correct. One turn of the user: a request must not end in the model's."""
    lines = [prompt]
    if feedback.fault:
        lines.append(f"<answer>\n{feedback.answer}\n</answer>")
        lines.append(f"The answer above cannot be used: {feedback.fault}. Answer in full and correct exactly this.")
    if feedback.max_words is not None:
        lines.append(f"An earlier answer was too long. Use at most {feedback.max_words} words for each text.")
    return "\n".join(lines)


def storyboard_prompt(idea: str, scene_range: tuple[int, int], seconds: Sequence[int], direction: str = "") -> str:
    """The prompt for the storyboard; ``direction`` is the text of the request's style and template."""
    least, most = scene_range
    wanted = f"exactly {least} scenes" if least == most else f"{least} to {most} scenes"
    lines = [f"Plan a film of {wanted}."]
    if seconds:
        lines.append(f"The scenes last {', '.join(map(str, seconds))} seconds, in this order.")
    if direction:
        lines.append(direction)
    lines.append(f"<idea>\n{idea}\n</idea>")
    return replace_names("\n".join(lines))


def rewrite_prompt(scene: Scene, advice: str, reason: str) -> str:
    """The prompt for rewriting a scene so that it passes the safety filter."""
    texts = {
        "description": scene.description,
        "start_frame_prompt": scene.start_prompt,
        "end_frame_prompt": scene.end_prompt,
        "motion_prompt": scene.motion_prompt,
        "transition_note": scene.transition_note,
    }
    lines = [f"Advice: {advice}", f"The filter said: {reason}", "The scene:"]
    return "\n".join([*lines, *(f"<{part}>{words}</{part}>" for part, words in texts.items())])


def keyframe_prompt(
    plan: Plan, scene: Scene, frame: KeyframeName, max_tokens: int, *, continues: bool
) -> tuple[str, str | None]:
    """The prompt for a keyframe, and the original if it had to be cut; ``continues``: the keyframe before is attached.

    What the keyframe shows and how it is framed are essential; the rest is cut before them, the last lines first.
    """
    wanted = scene.start_prompt if frame == "start" else scene.end_prompt
    opening = f"{'First' if frame == 'start' else 'Last'} picture of a film scene: {wanted}"
    details = [
        f"Scene: {scene.description}",
        f"Style: {plan.style_guide.visual_style}. Camera: {plan.style_guide.camera}.",
        f"Palette: {', '.join(plan.style_guide.palette)}.{_light(plan.style_guide)}",
    ]
    details += [f"{person.name}: {person.description}" for person in plan.characters if person.name in _text(scene)]
    details += [f"{place.name}: {place.description}" for place in plan.settings if place.name in _text(scene)]
    framing = ["One full-frame picture, no text, no borders."]
    if continues:
        framing.insert(0, "The attached picture is the moment before: keep its characters, place, light and style.")
    opening, *details = replace_names("\n".join([opening, *details])).split("\n")
    original = "\n".join([opening, *details, *framing])
    if count_tokens_at_most(original) <= max_tokens:
        return original, None
    closing = "\n".join(["", *framing])
    kept = "\n".join([opening, *details]).encode()[: max_tokens - count_tokens_at_most(closing)]
    return _end_at_word(kept.decode(errors="ignore")) + closing, original


def clip_prompt(plan: Plan, scene: Scene, model: VideoModel) -> tuple[str, str | None]:
    """The prompt for a clip, and the original if it had to be cut. Motion is essential and comes before style."""
    guide = plan.style_guide
    style = f"Style: {guide.visual_style}. Camera: {guide.camera}.{_light(guide)}"
    if guide.pacing:
        style += f" Pacing: {guide.pacing}."
    if guide.sound:
        style += f" Sound: {guide.sound}."
    original = replace_names(f"{scene.motion_prompt}\n{scene.description}\n{style}")
    ending = f"\n{model.prompt_ending}" if model.prompt_ending else ""
    room = model.max_prompt_chars - len(ending)
    if len(original) <= room:
        return original + ending, None
    return _end_at_word(original[:room]) + ending, original


def _light(guide: FilmStyle) -> str:
    return f" Light: {guide.light}." if guide.light else ""


def _end_at_word(text: str) -> str:
    """Without the word that a cut has torn; text without spaces near its end stays as it is."""
    head, space, torn = text.rpartition(" ")
    return head if space and len(torn) <= MAX_WORD_CHARS else text


def _text(scene: Scene) -> str:
    return f"{scene.description} {scene.start_prompt} {scene.end_prompt} {scene.motion_prompt}"
