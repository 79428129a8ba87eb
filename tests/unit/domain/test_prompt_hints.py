"""What a free prompt says about the film beside its story."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain.prompt_hints import extract_hints

STORIES = """\
Start with a wide shot of the harbour, then follow Mira home
The film opens on a crime scene, then the chase, then the confession
She visits three crime scenes
In scene 2 the fox sleeps
An actor forgets the first two scenes of his play
Two scenes later he is dead
Two shots ring out, and then a third
He fires three shots
Five shots of whiskey, one story
A killer strikes in two shots
A one-sided love story in the 80s
80s synthwave, neon, rain
A love story from the 1980s in her 30s
A bomb will explode in five minutes
In five minutes, the bomb explodes
In 30 seconds, everything changes
A sailor waits a minute and leaves
He waits for her, five minutes, then leaves
Two men argue, three minutes
A five minute walk through the old town
A short 30-second walk
The 90 second rule
Five minutes of silence
Ten seconds of rain, then sun
The countdown: ten, nine, eight
Thirty seconds later, nobody is there
A film about three scenes of her childhood
A film about five minutes that changed the world
Make a film in five minutes
She watches a 30-second commercial
A boy of 12 sees a two-minute trailer of his life
A man with a 1.5 minute memory
A woman paints a portrait
A portrait of a lady on a vertical cliff
A portrait painter's film
The train leaves at 9:16
At 9:16, the train leaves
Psalm 9:16 is read aloud
A square in Paris
A landscape of snow
A film noir in a vertical city
A movie star buys 3 minutes of fame
Between three and five scenes of grief
It costs $90 seconds after seconds
Ninety-nine balloons
Zero scenes, zero seconds of hope
Scenes from a marriage
The scene of the crime
A film with a scene in a kitchen
Half a minute before midnight
A 20 to 30 second film
A film of 30 to 60 seconds
A film of two or three scenes
A 30-60 second film
A film in 3-4 scenes
Between 20 and 30 seconds
Three clips of 8 seconds each
Four scenes of 6 seconds each
A video store closes
Reel 3 was lost
A clip-on microphone records ten seconds of breath"""


@pytest.mark.parametrize("prompt", STORIES.splitlines())
def test_words_of_the_story_are_not_read_as_scenes_length_or_format(prompt: str) -> None:
    hints = extract_hints(prompt)

    # "Four scenes of 6 seconds each" names a number of scenes, and no length.
    assert hints.read == () or ({hint.field for hint in hints.read} == {"scenes"} and "each" in prompt)
    assert hints.unusable == ()


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("A film of four scenes about a fox", {"scenes": (4, "four scenes")}),
        ("Three short scenes, 24 seconds", {"scenes": (3, "Three short scenes"), "duration_s": (24, "24 seconds")}),
        ("Two scenes, thirty seconds", {"scenes": (2, "Two scenes"), "duration_s": (30, "thirty seconds")}),
        ("a 32-second film in 5 shots", {"scenes": (5, "in 5 shots"), "duration_s": (32, "32-second")}),
        ("A five-scene film about bees", {"scenes": (5, "five-scene")}),
        ("A paper boat in three scenes", {"scenes": (3, "in three scenes")}),
        ("Tell it in three scenes: dawn, noon, night", {"scenes": (3, "in three scenes")}),
        ("Four scenes: a fox, a hen, a farmer, a dog.", {"scenes": (4, "Four scenes")}),
        ("A fox wakes up. Make it **three scenes** and about **24 seconds**.\n\nStop-motion.",
         {"scenes": (3, "three scenes"), "duration_s": (24, "24 seconds")}),
        ("A film of twenty-five scenes", {"scenes": (25, "twenty-five scenes")}),
        ("A 1.5 minute film", {"duration_s": (90, "1.5 minute")}),
        ("A 2.5-minute film about rain", {"duration_s": (150, "2.5-minute")}),
        ("a film of 7.5 seconds", {"duration_s": (7.5, "7.5 seconds")}),
        ("A film of one and a half minutes", {"duration_s": (90, "one and a half minutes")}),
        ("A chase, 90 seconds", {"duration_s": (90, "90 seconds")}),
        ("A chase, 90 seconds.", {"duration_s": (90, "90 seconds")}),
        ("A 45s clip of a cat", {"duration_s": (45, "45s")}),
        ("A quiet black and white 30-second film", {"duration_s": (30, "30-second")}),
        ("The film lasts one minute and ten seconds.", {"duration_s": (70, "one minute and ten seconds")}),
        ("Rain on a roof. Length: 30 seconds. No people.", {"duration_s": (30, "30 seconds")}),
        ("Please make a 20 second video about tea", {"duration_s": (20, "20 second")}),
        ("a two-minute vertical film", {"duration_s": (120, "two-minute"), "aspect": ("9:16", "vertical film")}),
        ("Rain on a roof, vertical", {"aspect": ("9:16", "vertical")}),
        ("A fox in portrait format", {"aspect": ("9:16", "in portrait format")}),
        ("A 9:16 video of a whale", {"aspect": ("9:16", "9:16")}),
        ("A whale, 16:9", {"aspect": ("16:9", "16:9")}),
    ],
)  # fmt: skip
def test_phrases_about_the_film_are_read_with_their_words(prompt: str, read: dict[str, tuple[object, str]]) -> None:
    hints = extract_hints(prompt)

    assert {hint.field: (hint.value, hint.words) for hint in hints.read} == read
    assert hints.unusable == ()


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("A film of 900 scenes", "prompt: “900 scenes” was not used, because a film has 1 to 60 scenes. Set `scenes`."),
        ("A 10-minute film", "prompt: “10-minute” was not used, because a film lasts 4 to 480 s. Set `duration_s`."),
        ("A film of 2 seconds", "prompt: “2 seconds” was not used, because a film lasts 4 to 480 s. Set `duration_s`."),
        ("A fox, 1:1", "prompt: “1:1” was not used, because a film is 16:9 or 9:16. Set `aspect`."),
        (
            "A film of two scenes. Four scenes: a fox, a hen.",
            "prompt: says “two scenes” and “Four scenes”; neither was used. Set `scenes`.",
        ),
    ],
)
def test_hint_that_cannot_be_used_is_reported_with_its_words_and_its_field(prompt: str, sentence: str) -> None:
    hints = extract_hints(prompt)

    assert (hints.read, [warning for _, warning in hints.unusable]) == ((), [sentence])


@given(st.text(alphabet="a 1,.:-fo\nscene30vrtil film in", max_size=400))
def test_any_text_is_read_without_an_error(prompt: str) -> None:
    extract_hints(prompt)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "unit", ["a, ", "of and ", "1 ", "in ", "30 seconds ", ", vertical", "one-", "film of 3 scenes "]
)
def test_prompt_of_the_greatest_length_is_read_at_once(unit: str) -> None:
    extract_hints((unit * 20_000)[:20_000])
