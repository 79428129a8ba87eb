"""Prompts are cut to what their model takes, and what is essential is never what is cut."""

import pytest

from promptreel.domain import prompts
from promptreel.domain.job import FilmStyle, Plan
from promptreel.domain.models import registry
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.storyboard import Character, Setting
from promptreel.domain.tariffs import count_tokens_at_most
from tests.factories import a_scene

MODEL = registry().video_model("veo-3.1-generate-001")

MAX_TOKENS = 8000
FRAMING = "One full-frame picture, no text, no borders."
ATTACHED = "The attached picture is the moment before: keep its characters, place, light and style."


def a_plan(length: int = 20, letter: str = "x") -> Plan:
    """A plan in which every text has this many characters."""
    text = (letter * 9 + " ") * (length // 10) or letter
    people = [Character(name=f"Mira{number}", description=text) for number in range(12)]
    places = [Setting(name=f"Harbour{number}", description=text) for number in range(12)]
    return Plan(
        title="t",
        storyboard_uri="gs://b/s",
        style_guide=FilmStyle(visual_style=text, palette=[text] * 8, camera=text),
        characters=tuple(people),
        settings=tuple(places),
        text_model="gemini-3.8-flash",
        image_model="gemini-3.1-flash-image",
        video_model="veo-3.1-generate-001",
        aspect="16:9",
        resolution="720p",
        fps=24,
        planned_frames=96,
        transition_kind="cut",
        transition_frames=0,
        waves=(),
    )


def everyone(start: str = "The keeper at the window") -> Scene:
    names = " ".join([f"Mira{number} Harbour{number}" for number in range(12)])
    return a_scene(description=names, start_prompt=start, end_prompt=start)


@pytest.mark.parametrize("frame", ["start", "end"])
@pytest.mark.parametrize("letter", ["x", "ж", "海", "🌊"])
@pytest.mark.parametrize("length", [20, 200, 2000])
def test_keyframe_prompt_is_cut_to_its_limit_and_keeps_the_picture_and_its_framing(
    length: int, letter: str, frame: KeyframeName
) -> None:
    prompt, original = prompts.keyframe_prompt(a_plan(length, letter), everyone(), frame, MAX_TOKENS, continues=True)

    assert count_tokens_at_most(prompt) <= MAX_TOKENS
    assert "The keeper at the window" in prompt.splitlines()[0]
    assert prompt.endswith(f"\n{ATTACHED}\n{FRAMING}")
    if original is not None:
        assert count_tokens_at_most(original) > MAX_TOKENS


def test_keyframe_prompt_is_whole_when_it_fits() -> None:
    prompt, original = prompts.keyframe_prompt(a_plan(), everyone(), "start", MAX_TOKENS, continues=False)

    assert original is None
    assert prompt.count("Mira") == 24
    assert prompt.endswith(f"\n{FRAMING}")


@pytest.mark.parametrize("letter", ["x", "海", "🌊"])
def test_keyframe_prompt_is_cut_inside_the_picture_only_when_that_alone_is_too_long(letter: str) -> None:
    scene = everyone(letter * 9000)
    prompt, original = prompts.keyframe_prompt(a_plan(), scene, "start", MAX_TOKENS, continues=False)

    assert original is not None
    assert MAX_TOKENS - 10 <= count_tokens_at_most(prompt) <= MAX_TOKENS
    assert prompt.startswith(f"First picture of a film scene: {letter * 1000}")
    assert prompt.endswith(f"\n{FRAMING}")


@pytest.mark.parametrize("motion", ["海を渡る船 " + "波" * 1990, "A boat " + "x" * 1990, "slow " * 390])
def test_clip_prompt_keeps_its_motion_when_it_has_hardly_any_space(motion: str) -> None:
    prompt, original = prompts.clip_prompt(a_plan(2000), a_scene(motion_prompt=motion, description="d " * 900), MODEL)

    assert original is not None
    assert len(prompt) <= 3500
    assert prompt.startswith(motion.strip())


def test_clip_prompt_ends_at_a_word_when_it_is_cut() -> None:
    prompt, _ = prompts.clip_prompt(
        a_plan(),
        a_scene(motion_prompt="word " * 500, description="d"),
        MODEL.model_copy(update={"max_prompt_chars": 1003}),
    )

    assert prompt.endswith("word")
