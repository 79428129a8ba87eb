"""A film's grade: what strays from the film's own look is named, and brought back by no more than the limits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import grade
from promptreel.domain.colours import to_lab
from promptreel.domain.grade import TOLERANCE, Correction, Look, Target

USUAL = Look(lightness=50, a=2, b=8, contrast=20, chroma=25)
TARGET = Target(USUAL, "keyframes")

_looks = st.builds(
    Look,
    lightness=st.floats(0, 100),
    a=st.floats(-60, 60),
    b=st.floats(-60, 60),
    contrast=st.floats(0, 50),
    chroma=st.floats(0, 90),
)


def corrected(look: Look, by: Correction) -> Look:
    """The look of a picture after the correction, where no pixel reaches a limit of the screen."""
    return Look(
        lightness=look.lightness + by.lightness,
        a=by.saturation * look.a + by.a,
        b=by.saturation * look.b + by.b,
        contrast=look.contrast * by.contrast,
        chroma=look.chroma * by.saturation,
    )


def test_measure_gives_means_spread_and_chroma_of_the_pixels() -> None:
    red, grey = to_lab(255, 0, 0), to_lab(119, 119, 119)

    look = grade.measure([(255, 0, 0), (119, 119, 119)])

    assert look.lightness == pytest.approx((red.lightness + grey.lightness) / 2, abs=0.01)
    assert look.a == pytest.approx(red.a / 2, abs=0.01)
    assert look.contrast == pytest.approx(abs(red.lightness - grey.lightness) / 2, abs=0.01)
    assert look.chroma == pytest.approx(red.chroma / 2, abs=0.01)


@given(_looks)
def test_correction_never_exceeds_its_limits(look: Look) -> None:
    by = grade.correct(look, TARGET)

    assert abs(by.lightness) <= grade.MAX_LIGHTNESS
    assert math.hypot(by.a, by.b) <= grade.MAX_CAST + 1e-9
    assert abs(by.contrast - 1) <= grade.MAX_CONTRAST + 1e-9
    assert abs(by.saturation - 1) <= grade.MAX_SATURATION + 1e-9


@given(_looks)
def test_correction_brings_a_picture_nearer_and_never_past_the_edge_of_the_tolerance(look: Look) -> None:
    after = corrected(look, grade.correct(look, TARGET))

    for name, edge in (
        ("lightness", TOLERANCE.lightness),
        ("contrast", TOLERANCE.contrast),
        ("chroma", TOLERANCE.chroma),
    ):
        before, now = getattr(look, name) - getattr(USUAL, name), getattr(after, name) - getattr(USUAL, name)
        assert abs(now) <= abs(before) + 1e-9
        assert before * now >= 0
        assert abs(before) <= edge or abs(now) >= edge - 1e-6


@given(_looks, _looks)
def test_two_pictures_are_no_further_apart_in_lightness_after_their_corrections(one: Look, other: Look) -> None:
    apart = abs(one.lightness - other.lightness)
    shifts = grade.correct(one, TARGET).lightness, grade.correct(other, TARGET).lightness

    assert abs(one.lightness + shifts[0] - other.lightness - shifts[1]) <= apart + 1e-9


def test_picture_within_the_tolerance_is_left_alone() -> None:
    look = USUAL.evolve(lightness=USUAL.lightness + TOLERANCE.lightness - 0.1, a=USUAL.a - TOLERANCE.cast + 0.1)

    assert not grade.correct(look, TARGET).is_visible
    assert grade.describe_stray(look, TARGET) == ""
    assert grade.correct(look, TARGET).describe() == ""


def test_stray_picture_is_described_with_amounts() -> None:
    look = USUAL.evolve(lightness=30, chroma=40)

    assert grade.describe_stray(look, TARGET) == "20 L* too dark, chroma 15 too high"
    assert grade.correct(look, TARGET).describe() == "5 L* lighter, 10 % less saturated"


def test_cast_is_described_by_its_direction() -> None:
    look = USUAL.evolve(a=2, b=28)

    assert grade.describe_stray(look, TARGET) == "colours off by a* +0, b* +20"
    assert grade.correct(look, TARGET).describe() == "colours moved by a* +0, b* -3"


def test_target_is_the_median_of_the_keyframes_when_the_palette_is_not_known() -> None:
    looks = [USUAL.evolve(lightness=value) for value in (10, 40, 50)]

    target = grade.choose_target(["skin tones", "smoke", "teal"], None, looks)

    assert target == Target(USUAL.evolve(lightness=40), "keyframes")


def test_known_palette_moves_the_target_by_half_of_the_tolerance_at_most() -> None:
    target = grade.choose_target(["black", "navy", "#101010"], None, [USUAL])

    assert target is not None
    assert target.source == "palette"
    assert target.look.lightness == USUAL.lightness - TOLERANCE.lightness / 2
    assert math.hypot(target.look.a - USUAL.a, target.look.b - USUAL.b) <= TOLERANCE.cast / 2 + 1e-9
    assert grade.describe_stray(USUAL, target) == ""


def test_words_of_the_light_move_the_palette() -> None:
    look = Look(lightness=51.5, a=0, b=0, contrast=4, chroma=10)
    palette = ["#7b7b7b", "#777777", "#737373"]

    lit = {
        light: grade.choose_target(palette, light, [look]) for light in (None, "Hard noon sun", "Dim, soft candlelight")
    }
    lightness = {light: target.look.lightness for light, target in lit.items() if target}
    contrast = {light: target.look.contrast for light, target in lit.items() if target}

    assert lightness["Dim, soft candlelight"] < lightness[None] < lightness["Hard noon sun"]
    assert contrast["Dim, soft candlelight"] <= contrast[None] < contrast["Hard noon sun"]


def test_target_waits_when_there_is_no_keyframe() -> None:
    assert grade.choose_target(["teal", "amber", "black"], None, []) is None


def test_warnings_name_the_colours_that_are_not_known() -> None:
    assert grade.palette_warnings(["teal", "amber", "black"]) == []
    assert grade.palette_warnings(["teal", "amber", "black", "smoke"]) == [
        "grade: no known colour in “smoke” of the palette; the grade follows the other colours."
    ]
    assert grade.palette_warnings(["skin tones", "teal"]) == [
        "grade: the palette has 1 known colour, which is too few; the grade follows the film's own keyframes."
    ]
