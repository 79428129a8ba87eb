"""A clip that is valid but black or frozen is used, and a warning names it."""

from stitcher_service.engine.errors import RenderWarning
from stitcher_service.engine.inspection import Inspection, TimeSpan, parse_log
from tests.stitcher.conftest import ClipMaker, FilmMaker


def test_warning_names_a_clip_when_it_is_black(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    black = a_clip(mark=1, look="black")

    _, report = a_film([{"path": black}, {"path": a_clip(mark=2)}])

    assert tuple(map(str, report.warnings)) == (f"{black} is black for 3.0 of 3.0 s",)


def test_one_warning_names_a_frozen_clip_when_it_is_used_twice(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    frozen = a_clip(mark=3, look="frozen")

    _, report = a_film([{"path": a_clip(mark=2)}, {"path": frozen}, {"path": frozen}])

    assert tuple(map(str, report.warnings)) == (f"{frozen} is frozen for 3.0 of 3.0 s",)


def test_film_has_a_warning_and_is_not_refused_when_its_clip_is_black_throughout(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    _, report = a_film([{"path": a_clip(mark=1, look="black")}])

    assert report.frames == 72
    assert len(report.warnings) == 1


def test_clip_has_no_warning_when_its_black_or_frozen_part_is_trimmed_away() -> None:
    found = Inspection(black=(TimeSpan(0, 2),), frozen=(TimeSpan(5, float("inf")),))

    assert found.find_unwatchable("a", 2, 5) is None
    assert found.find_unwatchable("a", 0, 3) == RenderWarning("is black for 2.0 of 3.0 s", "a")
    assert found.find_unwatchable("a", 3, 8) == RenderWarning("is frozen for 3.0 of 5.0 s", "a")


def test_log_lines_are_damage_only_when_they_are_about_reading_the_clip() -> None:
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
