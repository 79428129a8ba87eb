"""A film that is not what was planned is refused, whatever is wrong with it."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.project import Project, prepare_project
from stitcher_service.engine.render_plan import CopiedSegment, RenderPlan
from stitcher_service.engine.validate import validate_film
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import damage_packets

Maker = Callable[..., tuple[Path, Project]]


@pytest.fixture
def a_planned_film(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> Maker:
    """A good film with the plan it was made from."""

    def make(look: str = "moving") -> tuple[Path, Project]:
        clips = [{"path": str(a_clip(mark=2, look=look)), "in_s": 0.5}]
        film, _ = a_film(clips)
        return film, prepare_project(CutList.model_validate({"size": [320, 180], "fps": 24, "clips": clips}), tmp_path)

    return make


def check(film: Path, project: Project, plan: RenderPlan | None = None) -> None:
    validate_film(film, plan or project.plan, Runner(find_ffmpeg()), may_be_black=False)


def with_another_frame(plan: RenderPlan) -> RenderPlan:
    return replace(plan, segments=(*plan.segments, CopiedSegment(0, 0, 1, 0)))


def with_another_size(plan: RenderPlan) -> RenderPlan:
    return replace(plan, film=replace(plan.film, size_px=(640, 360)))


def with_another_rate(plan: RenderPlan) -> RenderPlan:
    return replace(plan, film=replace(plan.film, rate=Fraction(25)))


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (with_another_frame, "it shows 60 frames, planned were 61"),
        (with_another_size, "its size is 320x180"),
        (with_another_rate, "its frames are not evenly spaced from 0"),
    ],
)
def test_film_is_refused_when_another_one_was_planned(
    a_planned_film: Maker, other: Callable[[RenderPlan], RenderPlan], fault: str
) -> None:
    film, project = a_planned_film()
    check(film, project)

    with pytest.raises(RenderFailed, match=fault):
        check(film, project, other(project.plan))


def test_film_is_refused_when_it_has_no_fast_start(a_planned_film: Maker, tmp_path: Path) -> None:
    film, project = a_planned_film()
    slow = tmp_path / "slow.mp4"
    with av.open(str(film)) as source, av.open(str(slow), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                target.mux_one(packet)

    with pytest.raises(RenderFailed, match="moov before mdat"):
        check(slow, project)


def test_film_is_refused_when_it_has_no_sound(a_clip: ClipMaker, a_planned_film: Maker) -> None:
    _, project = a_planned_film()

    with pytest.raises(RenderFailed, match="picture or sound is missing"):
        check(a_clip(mark=2, tone_hz=0), project)


def test_film_is_refused_when_its_sound_is_shorter(a_clip: ClipMaker, a_planned_film: Maker, tmp_path: Path) -> None:
    film, project = a_planned_film()
    short = a_clip(mark=3, frames=48)
    tracks = ("-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart")
    mismatched = tmp_path / "mismatched.mp4"
    Runner(find_ffmpeg()).run(Command((InputFile(film), InputFile(short)), mismatched, tracks))

    with pytest.raises(RenderFailed, match=r"sound lasts 2\.000 s, picture 2\.500 s"):
        check(mismatched, project)


def test_film_is_refused_when_it_is_black_and_its_clips_are_not(a_planned_film: Maker) -> None:
    film, project = a_planned_film(look="black")

    with pytest.raises(RenderFailed, match="it is black although its clips are not"):
        check(film, project)


@pytest.mark.parametrize("packets", [range(3, 9), range(30, 34), range(56, 60)], ids=["encoded", "copied", "last"])
def test_film_is_refused_when_frames_anywhere_in_it_are_damaged(a_planned_film: Maker, packets: range) -> None:
    film, project = a_planned_film()
    damage_packets(film, packets)

    with pytest.raises(RenderFailed, match=r"decoding it says: "):
        check(film, project)


def test_film_is_refused_when_its_frames_are_not_shown_in_their_order(a_planned_film: Maker, tmp_path: Path) -> None:
    """As of a clip whose file gives decode times in the place of composition times."""
    film, project = a_planned_film()
    renumbered = ("-c", "copy", "-bsf:v", "setts=pts=N*512:dts=N*512", "-movflags", "+faststart")
    Runner(find_ffmpeg()).run(Command((InputFile(film),), tmp_path / "renumbered.mp4", renumbered))

    with pytest.raises(RenderFailed, match="its frames are not shown in their order"):
        check(tmp_path / "renumbered.mp4", project)
