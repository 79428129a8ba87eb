"""Colours are where CIELAB has them, and free words mean the colour that people mean by them."""

import pytest

from promptreel.domain.colours import Lab, find_colour, to_lab


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0.0, 0.0)),
    ],
)
def test_to_lab_gives_the_published_values(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    """As computed by the conversions of Lindbloom (sRGB, D65)."""
    colour = to_lab(*rgb)

    assert (colour.lightness, colour.a, colour.b) == pytest.approx(lab, abs=0.05)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("teal", "#029386"),
        ("burnt orange", "#c04e01"),
        ("Burnt-Orange", "#c04e01"),
        ("warm amber", "#feb308"),
        ("signal red", "#e50000"),
        ("silver gray", "#929591"),
        ("steelblue", "#5a7d9a"),
        ("robin's egg blue", "#98eff9"),
        ("#aabbcc", "#aabbcc"),
        ("#abc, a foggy blue", "#aabbcc"),
        ("brand colour #FF6600", "#ff6600"),
    ],
)
def test_find_colour_knows_what_people_call_a_colour(words: str, code: str) -> None:
    wanted = to_lab(*bytes.fromhex(code[1:]))

    assert find_colour(words) == wanted


@pytest.mark.parametrize("words", ["one accent colour", "skin tones", "smoke", "", "#12", "…"])
def test_find_colour_finds_none_when_no_colour_is_named(words: str) -> None:
    assert find_colour(words) is None


def test_chroma_is_the_distance_from_grey() -> None:
    assert Lab(50, 3, -4).chroma == 5
