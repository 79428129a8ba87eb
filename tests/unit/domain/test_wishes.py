"""What a free prompt asks for besides its story: B3."""

import pytest

from promptreel.domain.wishes import Wishes, read


@pytest.mark.parametrize(
    ("prompt", "wishes"),
    [
        ("A fox in the snow", Wishes(None, None, None)),
        ("A film of four scenes about a fox", Wishes(4, None, None)),
        ("Three short scenes, 24 seconds", Wishes(3, 24, None)),
        ("a 32-second film in 5 shots", Wishes(5, 32, None)),
        ("One minute and ten seconds of rain, vertical", Wishes(None, 70, "9:16")),
        ("a two-minute portrait film", Wishes(None, 120, "9:16")),
        ("Ninety-nine balloons, 900 scenes", Wishes(None, None, None)),
        ("A film of two hundred scenes", Wishes(None, None, None)),
        ("In scene 2 the fox sleeps", Wishes(None, None, None)),
    ],
)
def test_prompt_then_is_read_for_scenes_length_and_format(prompt: str, wishes: Wishes) -> None:
    assert read(prompt) == wishes
