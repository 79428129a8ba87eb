"""A clip that is valid but dead is used, and the viewer is told its name."""

from stitcher_service.engine.inspection import Inspection, TimeSpan, parse_log
from stitcher_service.engine.report import UnwatchableClip, describe_warning
from tests.stitcher.conftest import ClipMaker, FilmMaker


def test_black_clip_when_stitched_then_a_warning_names_it(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    black = a_clip(mark=1, look="black")

    _, report = a_film([{"path": black}, {"path": a_clip(mark=2)}])

    assert tuple(map(describe_warning, report.warnings)) == (f"{black} is black for 3.0 of 3.0 s",)


def test_frozen_clip_when_stitched_twice_then_one_warning_names_it(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    frozen = a_clip(mark=3, look="frozen")

    _, report = a_film([{"path": a_clip(mark=2)}, {"path": frozen}, {"path": frozen}])

    assert tuple(map(describe_warning, report.warnings)) == (f"{frozen} is frozen for 3.0 of 3.0 s",)


def test_film_that_is_black_throughout_when_stitched_then_it_is_warned_about_not_refused(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    _, report = a_film([{"path": a_clip(mark=1, look="black")}])

    assert report.frames == 72
    assert len(report.warnings) == 1


def test_dead_part_when_it_is_trimmed_away_then_nobody_is_warned() -> None:
    found = Inspection(black=(TimeSpan(0, 2),), frozen=(TimeSpan(5, float("inf")),))

    assert found.find_unwatchable("a", 2, 5) is None
    assert found.find_unwatchable("a", 0, 3) == UnwatchableClip("a", "black", 2.0, 3.0)
    assert found.find_unwatchable("a", 3, 8) == UnwatchableClip("a", "frozen", 3.0, 5.0)


def test_log_when_read_then_only_what_reading_the_clip_found_is_damage() -> None:
    log = [
        "[h264 @ 0x55] [error] error while decoding MB 3 4, bytestream -7",
        "[null @ 0x55] [error] Application provided invalid, non monotonically increasing dts",
        "[out#0/null @ 0x55] [error] something about writing",
        "[info] Stream #0:0: Video: h264",
        "[blackdetect @ 0x55] [info] black_start:1 black_end:2.5 black_duration:1.5",
        "[freezedetect @ 0x55] [info] lavfi.freezedetect.freeze_start: 0.5",
        "[freezedetect @ 0x55] [info] lavfi.freezedetect.freeze_duration: 1",
        "[freezedetect @ 0x55] [info] lavfi.freezedetect.freeze_end: 1.5",
        "[freezedetect @ 0x55] [info] lavfi.freezedetect.freeze_start: 2",
    ]

    assert parse_log(log) == Inspection(
        damage=("error while decoding MB 3 4, bytestream -7",),
        black=(TimeSpan(1, 2.5),),
        frozen=(TimeSpan(0.5, 1.5), TimeSpan(2, float("inf"))),
    )
