"""A clip's colours are corrected as its cut list says, from frame to frame; everything else is copied as ever."""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptreel.domain import colours
from stitcher_service.__main__ import main
from stitcher_service.engine import grading
from stitcher_service.engine.cutlist import Correction, CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.stitch import stitch
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import marks, watch

Pixels = npt.NDArray[np.float64]

# Of a colour chart: dark and light skin, foliage, and three greys.
PATCHES = ((115, 82, 68), (194, 150, 130), (87, 108, 67), (60, 60, 60), (122, 122, 122), (200, 200, 200))
SKIN, GREYS = (0, 1), (3, 4, 5)
LARGEST = {"lightness": 5.0, "contrast": 1.08, "saturation": 1.1, "a": 2.1, "b": -2.1}
"""The most that a film's grade ever orders (promptreel/domain/grade.py): the cast is 3 long."""


def a_chart(path: Path, frames: int = 24) -> Path:
    """A clip that shows the patches side by side."""
    picture = np.repeat(np.array(PATCHES, np.uint8)[None], 32, axis=1).repeat(96, axis=0)
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
        video.options = {"crf": "8", "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709"}
        video.codec_context.color_range, video.codec_context.colorspace = 1, 1
        for n in range(frames):
            shown = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            shown.pts = n
            container.mux(video.encode(shown))
        container.mux(video.encode())
    return path


def lab_of(film: Path, frame: int = 0) -> Pixels:
    """CIELAB of every pixel of one frame."""
    return grading.to_lab(rgb_of(film, frame) / 255)


def rgb_of(film: Path, frame: int = 0) -> Pixels:
    with av.open(str(film)) as container:
        shown = next(one for n, one in enumerate(container.decode(video=0)) if n == frame)
        return shown.to_ndarray(format="rgb24", src_colorspace="ITU709").astype(np.float64)


def patches_of(film: Path) -> Pixels:
    """The mean colour of each patch, away from its edges."""
    lab = lab_of(film)
    return np.array([lab[24:72, 32 * n + 8 : 32 * n + 24].mean(axis=(0, 1)) for n in range(len(PATCHES))])


def a_chart_film(folder: Path, grade: list[dict[str, float]]) -> Path:
    chart = a_chart(folder / "chart.mp4")
    clips = [{"path": chart.name, **({"grade": grade} if grade else {})}]
    cut_list = CutList.model_validate({"size": [192, 96], "fps": 24, "clips": clips})
    stitch(cut_list, folder, folder / "film.mp4")
    return folder / "film.mp4"


def test_only_the_graded_clip_is_encoded(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    plain, strayed = a_clip(mark=2), a_clip(mark=3)

    film, report = a_film([{"path": plain}, {"path": strayed, "grade": [{"lightness": 4}]}, {"path": plain}])

    assert (report.copied_frames, report.encoded_frames) == (144, 72)
    assert marks(watch(film)) == [(mark, n) for mark in (2, 3, 2) for n in range(72)]


def test_lightness_is_moved_by_what_is_ordered(tmp_path: Path) -> None:
    before = patches_of(a_chart_film(tmp_path, []))

    after = patches_of(a_chart_film(tmp_path, [{"lightness": 4.0}]))

    assert after[[1, 2, 4], 0] - before[[1, 2, 4], 0] == pytest.approx(4.0, abs=0.7)


def test_neutral_correction_changes_nothing_that_can_be_seen(tmp_path: Path) -> None:
    before = patches_of(a_chart_film(tmp_path, []))

    after = patches_of(a_chart_film(tmp_path, [{"lightness": 0.0}]))

    assert np.abs(after - before).max() < 1


def test_skin_keeps_its_hue_and_greys_stay_grey_when_the_largest_correction_is_made(tmp_path: Path) -> None:
    before = patches_of(a_chart_film(tmp_path, []))

    after = patches_of(a_chart_film(tmp_path, [LARGEST]))

    turned = np.degrees(np.arctan2(after[:, 2], after[:, 1]) - np.arctan2(before[:, 2], before[:, 1]))
    assert np.abs(turned[list(SKIN)]).max() <= 10
    assert np.hypot(*after[list(GREYS), 1:].T).max() <= 4
    assert not np.allclose(after, before, atol=1)


def test_saturation_keeps_the_hue_of_every_colour(tmp_path: Path) -> None:
    before = patches_of(a_chart_film(tmp_path, []))[:3]

    after = patches_of(a_chart_film(tmp_path, [{"saturation": 1.1}]))[:3]

    assert np.degrees(np.arctan2(after[:, 2], after[:, 1]) - np.arctan2(before[:, 2], before[:, 1])) == pytest.approx(
        0, abs=2.5
    )
    assert np.hypot(*after[:, 1:].T) / np.hypot(*before[:, 1:].T) == pytest.approx(1.1, abs=0.04)


def test_correction_changes_evenly_from_point_to_point(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    clip = a_clip(mark=2)

    film, _ = a_film([{"path": clip, "grade": [{}, {"lightness": 6}, {"lightness": -6}]}])

    lifted = [float((lab_of(film, n) - lab_of(clip, n))[90:, :, 0].mean()) for n in (0, 18, 35, 53, 71)]
    assert lifted == pytest.approx([0, 3, 6, 0, -6], abs=0.8)
    assert marks(watch(film)) == [(2, n) for n in range(72)]


def test_seam_does_not_grow_when_two_clips_that_meet_are_graded_alike_there(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    shared = (120, 100, 90)
    clips = a_clip(mark=1, ends=((60, 60, 60), shared)), a_clip(mark=2, ends=(shared, (200, 190, 180)))
    meeting = {"lightness": 3.0, "b": 2.0}
    grades: tuple[list[dict[str, float]], ...] = ([{"lightness": 5.0}, meeting], [meeting, {"lightness": -5.0}])
    plain, _ = a_film([{"path": clip} for clip in clips])
    seam = np.abs(rgb_of(plain, 71) - rgb_of(plain, 72)).mean()

    film, report = a_film([{"path": clip, "grade": grade} for clip, grade in zip(clips, grades, strict=True)])

    assert report.encoded_frames == 144
    assert np.abs(rgb_of(film, 71) - rgb_of(film, 72)).mean() <= seam + 1.5


def test_graded_clip_is_blended_into_the_next_when_a_crossfade_follows(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    crossfade = {"kind": "crossfade", "duration_s": 0.5}
    clips = [
        {"path": a_clip(mark=4), "transition": crossfade},
        {"path": a_clip(mark=2), "grade": [{"lightness": 3}, {"lightness": -3}], "transition": crossfade},
        {"path": a_clip(mark=4)},
    ]

    film, report = a_film(clips)

    assert report.frames == 3 * 72 - 2 * 12
    seen = marks(watch(film))
    assert seen[72 : 72 + 48] == [(2, n) for n in range(12, 60)]


def test_part_of_a_clip_gets_the_corrections_from_its_own_first_frame_to_its_last(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    clip = a_clip(mark=2)

    film, _ = a_film([{"path": clip, "in_s": 1, "out_s": 2, "grade": [{}, {"lightness": 6}]}])

    lifted = [float((lab_of(film, n) - lab_of(clip, 24 + n))[90:, :, 0].mean()) for n in (0, 23)]
    assert lifted == pytest.approx([0, 6], abs=0.8)


def test_table_is_found_in_a_folder_of_any_name(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "it's, a: [folder]; of \\ marks"
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))

    _, report = a_film([{"path": a_clip(mark=2), "grade": [{"lightness": 4}]}])

    assert report.encoded_frames == 72


def test_corrections_that_are_too_far_apart_are_refused(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    slow = a_clip(mark=2, frames=130, fps=Fraction(2), gop=2)

    with pytest.raises(BadInput, match="its corrections are 65 s apart, at most 60 are possible"):
        a_film([{"path": slow, "grade": [{}, {"lightness": 1}]}], fps=2)


def test_plan_shows_the_grade_and_why_the_clip_is_encoded(
    a_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [{"path": str(a_clip(mark=2)), "grade": [{"lightness": 4}]}, {"path": str(a_clip(mark=3)), "in_s": 0.5}]
    cut_list = tmp_path / "cuts.json"
    cut_list.write_text(json.dumps({"size": [320, 180], "fps": 24, "clips": clips}))

    assert main(["--plan", str(cut_list)]) == 0

    takes = [take for part in json.loads(capsys.readouterr().out)["segments"] for take in part.get("takes", ())]
    assert takes[0]["grade"][0]["correction"]["lightness"] == 4
    assert "grade" not in takes[1]


def test_cut_list_refuses_a_correction_beyond_its_bounds() -> None:
    with pytest.raises(ValueError, match="less than or equal to 10"):
        CutList.model_validate({"size": [320, 180], "fps": 24, "clips": [{"path": "a", "grade": [{"lightness": 11}]}]})


_corrections = st.builds(
    Correction,
    lightness=st.floats(-10, 10),
    contrast=st.floats(0.8, 1.25),
    a=st.floats(-20, 20),
    b=st.floats(-20, 20),
    saturation=st.floats(0, 2),
    pivot=st.floats(0, 100),
)


@given(_corrections)
def test_what_was_lighter_stays_lighter_and_black_and_white_stay(correction: Correction) -> None:
    greys = np.linspace(0, 1, 64)[:, None].repeat(3, axis=1)

    lightness = grading.to_lab(
        grading.apply(
            Correction(lightness=correction.lightness, contrast=correction.contrast, pivot=correction.pivot), greys
        )
    )[:, 0]

    assert (np.diff(lightness) >= -0.2).all()
    assert lightness[[0, -1]] == pytest.approx([0, 100], abs=0.01)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_colours_are_where_the_grade_of_a_film_measures_them(rgb: tuple[int, int, int]) -> None:
    measured = colours.to_lab(*rgb)

    lab = grading.to_lab(np.array([rgb]) / 255)[0]

    assert lab == pytest.approx((measured.lightness, measured.a, measured.b), abs=1e-3)
    assert math.isfinite(measured.chroma)
