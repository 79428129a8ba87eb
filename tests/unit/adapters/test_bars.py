"""Bars are found on the pixels, and nothing else is taken for them: measured on drawn pictures."""

from dataclasses import astuple

import pytest
from PIL import Image

from promptreel.adapters.bars import Bars, find_bars
from tests.unit.adapters.barred_pictures import Example, with_bars, without_bars

LEAST_RECALL = 0.97
PLACE_PX = 14  # how far an edge may be from where it was drawn: soft ones are cut off with the bar


def find(example: Example) -> Bars | None:
    return find_bars(example.picture)


def test_bars_of_every_depth_colour_and_noise_are_found_where_they_are() -> None:
    examples = list(with_bars())
    missed = []
    for example in examples:
        found = find(example)
        if found is None:
            missed.append(example.name)
            continue
        apart = [one - other for one, other in zip(astuple(found), example.bars_px, strict=True)]
        assert all(-1 <= each <= PLACE_PX for each in apart), (example.name, found)

    assert len(examples) > 100
    assert len(missed) <= (1 - LEAST_RECALL) * len(examples), missed


def test_no_night_snow_backdrop_or_lit_centre_is_taken_for_bars() -> None:
    examples = list(without_bars())
    alarms = [(example.name, found) for example in examples if (found := find(example))]

    assert len(examples) > 100
    assert not alarms


@pytest.mark.parametrize("size_px", [(1376, 768), (768, 1376), (1024, 1024), (5504, 3072), (160, 90)], ids=str)
def test_bars_are_found_in_a_picture_of_any_size(size_px: tuple[int, int]) -> None:
    scene = next(example.picture for example in without_bars())
    width, height = size_px
    framed = Image.new("RGB", size_px)
    framed.paste(scene.resize((width, height - 2 * round(height * 0.1))), (0, round(height * 0.1)))

    found = find_bars(framed)
    assert found is not None
    assert found.left == found.right == 0
    assert [found.top / height, found.bottom / height] == pytest.approx([0.1, 0.1], abs=0.04)


def test_strip_along_one_edge_alone_is_no_bar() -> None:
    scene = next(example.picture for example in without_bars()).copy()
    scene.paste("black", (0, 0, scene.width, 90))

    assert find_bars(scene) is None
