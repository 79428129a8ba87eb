"""Clips are made once per run and worker; every test gets its own folder for the film."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.stitch import Report, stitch
from tests.stitcher.media import ClipSpec, make_clip

ClipMaker = Callable[..., Path]
FilmMaker = Callable[..., tuple[Path, Report]]


@pytest.fixture(scope="session")
def a_clip(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    """`a_clip(mark=2, frames=48)`: the path of such a clip; the same options give the same file."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[ClipSpec, Path] = {}

    def make(**options: Any) -> Path:
        spec = ClipSpec(**options)
        if spec not in made:
            made[spec] = make_clip(folder / f"clip-{len(made)}.mp4", spec)
        return made[spec]

    return make


@pytest.fixture
def a_film(tmp_path: Path) -> FilmMaker:
    """`a_film([{"path": …}, …], loudness_lufs=-14)`: stitches it, small and at 24 frames a second by default."""

    def make(clips: list[dict[str, Any]], **options: Any) -> tuple[Path, Report]:
        entries = [{**clip, "path": str(clip["path"])} for clip in clips]
        cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": entries, **options})
        out = tmp_path / "film.mp4"
        return out, stitch(cut_list, tmp_path, out)

    return make
