"""A clip's colours are what its pictures or its container say; what neither says is never a reason to fail."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.making import ffmpeg, grey

GREY_CARD = "-f lavfi -i color=0xB4B4B4:s=320x180:r=24:d=0.25"
HEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=error"
BT2020_PQ = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"
BT2020_HLG = "-color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc"


def described(tags: str) -> str:
    primaries, transfer, matrix = tags.split()
    return f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"


def brightness(film: Path) -> float:
    return float(grey(film)[2, 60:120, 100:200].mean())


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("primaries", ["unknown", "bt2020", "smpte432"])
@pytest.mark.parametrize("matrix", ["unknown", "bt2020nc", "bt2020c", "bt709", "ictcp", "chroma-derived-nc"])
def test_hdr_clip_becomes_a_film_when_parts_of_its_description_are_missing_or_unusual(
    a_film: FilmMaker, tmp_path: Path, transfer: str, primaries: str, matrix: str
) -> None:
    tags = described(f"{primaries} {transfer} {matrix}")
    ffmpeg(tmp_path, f"{GREY_CARD} -vf format=yuv420p10le,{tags} {HEVC} -pix_fmt yuv420p10le clip.mp4")

    _, report = a_film([{"path": "clip.mp4"}])

    assert report.frames == 6


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p12le", "gbrp10le"])
@pytest.mark.parametrize("tags", ["unknown smpte2084 unknown", "unknown arib-std-b67 bt2020nc"])
def test_hdr_clip_becomes_a_film_when_its_samples_are_of_any_kind(
    a_film: FilmMaker, tmp_path: Path, pixel_format: str, tags: str
) -> None:
    card = f"{GREY_CARD} -vf format={pixel_format},{described(tags)}"
    ffmpeg(tmp_path, f"{card} {HEVC} -pix_fmt {pixel_format} clip.mp4")

    _, report = a_film([{"path": "clip.mp4"}])

    assert report.frames == 6


@pytest.mark.parametrize("tags", ["bt2020 bt2020-10 bt2020nc", "unknown linear unknown", "film log100 fcc"])
def test_clip_of_an_unusual_standard_range_becomes_a_film(a_film: FilmMaker, tmp_path: Path, tags: str) -> None:
    ffmpeg(tmp_path, f"{GREY_CARD} -vf format=yuv420p10le,{described(tags)} {HEVC} -pix_fmt yuv420p10le clip.mp4")

    _, report = a_film([{"path": "clip.mp4"}])

    assert report.frames == 6


@pytest.mark.parametrize("wanted", [BT2020_PQ, BT2020_HLG], ids=["PQ", "HLG"])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
@pytest.mark.parametrize("codec", [HEVC, "-c:v libvpx-vp9 -profile:v 2", "-c:v prores_ks -profile:v 3"])
def test_hdr_clip_is_tone_mapped_alike_when_only_its_container_describes_it(
    a_film: FilmMaker, tmp_path: Path, codec: str, name: str, wanted: str
) -> None:
    if "hevc" not in codec and "265" not in codec:  # MP4 takes no ProRes, MOV takes no VP9
        name = {"clip.mp4": "clip.mkv", "clip.mov": "clip.mov" if "prores" in codec else "clip.mp4"}.get(name, name)
    pixels = "yuv422p10le" if "prores" in codec else "yuv420p10le"
    ffmpeg(tmp_path, f"{GREY_CARD} -vf format={pixels} {codec} -pix_fmt {pixels} silent.mkv")
    silent, container_only = tmp_path / "silent.mkv", tmp_path / name
    ffmpeg(
        tmp_path,
        f"-i {silent} -c copy {wanted} -movflags +write_colr {name}"
        if name != "clip.mkv"
        else f"-i {silent} -c copy {wanted} {name}",
    )
    words = wanted.split()
    tags = described(f"{words[1]} {words[3]} {words[5]}")
    ffmpeg(tmp_path, f"{GREY_CARD} -vf format=yuv420p10le,{tags} {HEVC} -pix_fmt yuv420p10le whole.mp4")

    film, _ = a_film([{"path": container_only.name}])
    seen = brightness(film)
    film, _ = a_film([{"path": "whole.mp4"}])

    assert seen == pytest.approx(brightness(film), abs=4)


def test_film_describes_its_colours_when_a_copied_clip_is_described_by_its_container_only(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    """Copied pictures leave their container behind: the film's must say the same."""
    ffmpeg(
        tmp_path,
        f"-i {a_clip(mark=1)} -c copy -color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m"
        " -movflags +write_colr boxed.mp4",
    )

    film, report = a_film([{"path": a_clip(mark=2, frames=24)}, {"path": "boxed.mp4"}])

    assert report.copied_frames == 72
    with av.open(str(film)) as container:
        assert {frame.colorspace for frame in container.decode(video=0)} == {6}


def test_clip_keeps_its_contrast_when_only_its_container_says_full_range(a_film: FilmMaker, tmp_path: Path) -> None:
    card = "-f lavfi -i color=white:s=320x180:r=24:d=0.25 -vf scale=out_range=pc,format=yuv420p"
    ffmpeg(tmp_path, f"{card},setparams=range=unknown -c:v libx264 silent.mp4")
    ffmpeg(
        tmp_path,
        "-i silent.mp4 -c copy -color_range pc -color_primaries bt709 -color_trc bt709 -colorspace bt709"
        " -movflags +write_colr clip.mp4",
    )
    assert np.isclose(grey(tmp_path / "silent.mp4")[0].mean(), 255, atol=2)

    film, _ = a_film([{"path": "clip.mp4"}])

    assert brightness(film) == pytest.approx(235, abs=2)
