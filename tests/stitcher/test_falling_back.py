"""When copied frames spoil the film, every frame is encoded, and a warning says so."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from stitcher_service.engine import stitch as stitch_module
from stitcher_service.engine.assemble import Labels, PacketRange, assemble_film
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.render_plan import FilmFormat
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import damage_packets, likeness_db, marks, watch


def damage_next_films(monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[int]:
    """Damage so many of the next assembled films, as a muxer that cannot cope would; how many segments each had."""
    made: list[int] = []

    def assemble_badly(film: FilmFormat, ranges: Sequence[PacketRange], sound: Path, labels: Labels, out: Path) -> None:
        assemble_film(film, ranges, sound, labels, out)
        made.append(len(ranges))
        if len(made) <= times:
            damage_packets(out, range(20, 24))

    monkeypatch.setattr(stitch_module, "assemble_film", assemble_badly)
    return made


def test_film_is_encoded_with_a_warning_when_copied_frames_do_not_pass(
    a_clip: ClipMaker, a_film: FilmMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = a_clip(mark=1)
    made = damage_next_films(monkeypatch, times=1)

    film, report = a_film([{"path": clip, "in_s": 0.5}, {"path": a_clip(mark=2)}])

    assert len(made) == 2
    assert (report.copied_frames, report.encoded_frames) == (0, 132)
    assert len(report.warnings) == 1
    assert str(report.warnings[0]).startswith(
        "every frame was encoded anew, because with copied frames picture 20 of the film"
    )
    assert marks(watch(film)) == [(1, n) for n in range(12, 72)] + [(2, n) for n in range(72)]
    assert likeness_db(film, range(60), clip, 12) > 34


def test_film_is_refused_and_leaves_no_file_when_it_never_passes(
    a_clip: ClipMaker, a_film: FilmMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    damage_next_films(monkeypatch, times=2)

    with pytest.raises(RenderFailed, match="is not what was put in"):
        a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2)}])

    assert list(tmp_path.iterdir()) == []
