"""Prompts are cut to what their model takes, and what is essential is never what is cut."""

import pytest

from promptreel.domain import prompts
from promptreel.domain.fitting import PromptLimit, PromptPart, PromptTooLong, fit
from promptreel.domain.job import FilmStyle, Plan
from promptreel.domain.models import VideoModel, registry
from promptreel.domain.picture_inputs import MOMENT_BEFORE, PictureInput
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.storyboard import Character, Setting
from promptreel.domain.tariffs import count_tokens_at_most
from promptreel.errors import Rejected
from tests.factories import a_scene

MODEL = registry().video_model("veo-3.1-generate-001")
PAINTER = registry().image_model("gemini-3.1-flash-image")

BEFORE = PictureInput(MOMENT_BEFORE, None)
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
    prompt = prompts.keyframe_prompt(a_plan(length, letter), everyone(), frame, PAINTER, [BEFORE])

    assert count_tokens_at_most(prompt.text) <= MAX_TOKENS
    assert "The keeper at the window" in prompt.text.splitlines()[0]
    assert prompt.text.endswith(f"\n{ATTACHED}\n{FRAMING}")
    if prompt.original is not None:
        assert count_tokens_at_most(prompt.original) > MAX_TOKENS
        assert "\nStyle: " in prompt.text  # more important than what is cut


def test_keyframe_prompt_is_whole_when_it_fits() -> None:
    prompt = prompts.keyframe_prompt(a_plan(), everyone(), "start", PAINTER)

    assert prompt.original is None
    assert prompt.text.count("Mira") == 24
    assert prompt.text.endswith(f"\n{FRAMING}")


@pytest.mark.parametrize("letter", ["x", "海", "🌊"])
def test_keyframe_prompt_is_refused_when_the_picture_alone_is_too_long(letter: str) -> None:
    with pytest.raises(PromptTooLong) as refused:
        prompts.keyframe_prompt(a_plan(), everyone(letter * 9000), "start", PAINTER)

    assert refused.value.code == "prompt_too_long"
    assert refused.value.message.startswith("scene-01: the prompt of its start picture has ")
    assert refused.value.message.endswith("gemini-3.1-flash-image takes 8,000.")
    assert "`models`" in refused.value.remedy


@pytest.mark.parametrize("motion", ["海を渡る船 " + "波" * 1990, "A boat " + "x" * 1990, "slow " * 390])
def test_clip_prompt_keeps_its_motion_when_it_has_hardly_any_space(motion: str) -> None:
    prompt = prompts.clip_prompt(a_plan(2000), a_scene(motion_prompt=motion, description="d " * 900), MODEL)

    assert prompt.original is not None
    assert len(prompt.text) <= 3500
    assert prompt.text.startswith(f"{motion}\nd d d")


def test_clip_prompt_is_refused_when_its_motion_alone_is_too_long() -> None:
    with pytest.raises(PromptTooLong, match=r"scene-01: the prompt of its clip has 2,500 characters .* takes 1,003"):
        prompts.clip_prompt(a_plan(), a_scene(motion_prompt="word " * 500), of_chars(1003))


@pytest.mark.parametrize("empty", ["", " ", "\u200b", "\u3164"])
def test_empty_prompt_is_refused(empty: str) -> None:
    with pytest.raises(Rejected, match="clip is empty"):
        prompts.clip_prompt(a_plan(), a_scene(motion_prompt=empty), MODEL)
    with pytest.raises(Rejected, match="end picture is empty"):
        prompts.keyframe_prompt(a_plan(), a_scene(end_prompt=empty), "end", PAINTER, [BEFORE])


def of_chars(most: int) -> VideoModel:
    return MODEL.model_copy(update={"max_prompt_chars": most})


def test_clip_prompt_leaves_out_the_least_important_first_and_ends_at_a_sentence_or_a_word() -> None:
    scene = a_scene(motion_prompt="A boat turns.", description="Rain falls. The keeper looks up slowly.")
    plan = a_plan()

    texts = {most: prompts.clip_prompt(plan, scene, of_chars(most)).text for most in range(13, 130)}

    assert all(len(text) <= most for most, text in texts.items())
    assert list(dict.fromkeys(texts.values())) == [
        "A boat turns.",
        "A boat turns.\nRain",
        "A boat turns.\nRain falls.",
        "A boat turns.\nRain falls. The keeper looks up slowly.",
        *(
            "A boat turns.\nRain falls. The keeper looks up slowly." + style
            for style in (
                "\nStyle: xxxxxxxxx",
                "\nStyle: xxxxxxxxx xxxxxxxxx.",
                "\nStyle: xxxxxxxxx xxxxxxxxx.\nCamera: xxxxxxxxx",
                "\nStyle: xxxxxxxxx xxxxxxxxx.\nCamera: xxxxxxxxx xxxxxxxxx.",
            )
        ),
    ]


def test_fitted_prompt_is_never_longer_than_its_limit_and_keeps_what_is_essential() -> None:
    words = "One two three. Four five, six! Seven"
    for most in range(20, 200):
        parts = [PromptPart("Essential text."), *(PromptPart(words, importance) for importance in (3, 1, 2))]
        fitted = fit(parts, PromptLimit.chars("m", most), "p")

        assert len(fitted.text) <= most
        assert fitted.text.startswith("Essential text.")
        assert (fitted.original is None) == (fitted.text == "\n".join(part.text for part in parts))


def test_shot_s_camera_and_lines_are_in_the_prompts_that_show_them() -> None:
    camera = {"size": "close", "angle": "low", "move": "push_in", "lens": "open"}
    line = {"speaker": "Mira", "line": "Wo bist du?"}
    shot = a_scene(camera=camera, dialogue=[line])
    filmed = prompts.clip_prompt(a_plan(), shot, MODEL).text
    drawn = prompts.keyframe_prompt(a_plan(), shot, "start", PAINTER)

    assert "Shot: close-up, low angle, push in." in filmed
    assert "Mira says: “Wo bist du?”" in filmed
    assert "Shot: close-up, low angle." in drawn.text
    assert "says" not in drawn.text


def test_spoken_lines_are_never_cut() -> None:
    scene = a_scene(
        motion_prompt="Mira turns.", description="d " * 900, dialogue=[{"speaker": "Mira", "line": "Свет! " * 20}]
    )
    line = prompts.clip_prompt(a_plan(), scene, MODEL).text.splitlines()[1]

    assert "Свет! " * 19 in line
    assert line in prompts.clip_prompt(a_plan(), scene, of_chars(200)).text.splitlines()
    with pytest.raises(PromptTooLong):
        prompts.clip_prompt(a_plan(), scene, of_chars(100))
