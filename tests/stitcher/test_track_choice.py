"""Of several streams the film's own is used: not its cover, not a commentary, not one that cannot be decoded."""

from pathlib import Path

import pytest

from stitcher_service.engine.errors import BadInput
from stitcher_service.ffmpeg.probe import probe
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.making import ffmpeg
from tests.stitcher.media import listen, marks, pitch, watch


def a_cover(folder: Path, codec: str) -> Path:
    return ffmpeg(folder, f"-f lavfi -i color=red:s=600x600 -frames:v 1 -c:v {codec} cover.nut")


@pytest.mark.parametrize("frames", [1, 2, 24])
@pytest.mark.parametrize(
    ("name", "cover"),
    [("clip.mkv", "mjpeg"), ("clip.mkv", "png"), ("clip.mp4", "mjpeg"), ("clip.mov", "png"), ("clip.nut", "mjpeg")],
)
def test_clip_shows_its_film_when_a_cover_is_its_first_picture_track(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str, cover: str, frames: int
) -> None:
    clip = a_clip(mark=2, frames=frames)
    # One frame and a cover differ in the mark as default alone; where more frames move, the mark may be wrong.
    default = "-disposition:v:0 0 -disposition:v:1 default" if frames == 1 else "-disposition:v:0 default"
    ffmpeg(tmp_path, f"-i {a_cover(tmp_path, cover)} -i {clip} -map 0 -map 1 -c copy {default} {name}")

    film, report = a_film([{"path": name}])

    assert report.frames == frames
    assert marks(watch(film)) == [(2, n) for n in range(frames)]


def test_clip_shows_its_film_when_a_cover_is_attached_behind_it(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    clip = a_clip(mark=2, frames=24)
    cover = a_cover(tmp_path, "mjpeg")
    ffmpeg(tmp_path, f"-i {clip} -i {cover} -map 0 -map 1 -c copy -disposition:v:1 attached_pic clip.mp4")

    film, report = a_film([{"path": "clip.mp4"}])

    assert report.copied_frames == 24
    assert marks(watch(film)) == [(2, n) for n in range(24)]


@pytest.mark.parametrize(("name", "codec"), [("song.m4a", "aac"), ("song.mp3", "libmp3lame"), ("song.flac", "flac")])
def test_song_with_a_cover_is_refused_when_used_as_a_clip(
    a_film: FilmMaker, tmp_path: Path, name: str, codec: str
) -> None:
    cover = a_cover(tmp_path, "mjpeg")
    ffmpeg(tmp_path, f"BEEPS -i {cover} -map 0 -map 1 -c:a {codec} -c:v copy -disposition:v attached_pic {name}")

    with pytest.raises(BadInput, match=rf"^{name}: has no picture"):
        a_film([{"path": name}])


def two_sounds(tmp_path: Path, clip: Path, name: str, marks_of: str) -> Path:
    """A clip with a sound of 440 Hz and one of 880 Hz."""
    second = "-f lavfi -i sine=frequency=880:sample_rate=48000:duration=3"
    return ffmpeg(
        tmp_path, f"-i {clip} {second} -map 0 -map 1:a -c copy -c:a:1 aac -metadata:s:a language=eng {marks_of} {name}"
    )


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
@pytest.mark.parametrize(
    ("marks_of", "heard_hz"),
    [
        ("-disposition:a:0 0 -disposition:a:1 default", 880),
        ("-disposition:a:0 default -disposition:a:1 0", 440),
    ],
)
def test_clip_is_heard_by_its_default_sound_track_when_it_has_two(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str, marks_of: str, heard_hz: int
) -> None:
    two_sounds(tmp_path, a_clip(mark=1), name, marks_of)

    film, report = a_film([{"path": name}])

    assert pitch(listen(film), 0.5, 2.5) == pytest.approx(heard_hz, abs=8)
    assert report.warnings == ()


@pytest.mark.parametrize("marks_of", ["-disposition:a 0", "-disposition:a default"])
def test_film_warns_which_sound_is_heard_when_a_clip_marks_no_one_of_two(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, marks_of: str
) -> None:
    two_sounds(tmp_path, a_clip(mark=1), "clip.mkv", marks_of)

    film, report = a_film([{"path": "clip.mkv"}])

    assert pitch(listen(film), 0.5, 2.5) == pytest.approx(440, abs=8)
    assert [*map(str, report.warnings)] == [
        "clip.mkv has 2 sound tracks and marks none as the main one: the first is heard"
    ]


def test_clip_is_not_heard_by_a_commentary_when_another_sound_is_there(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    two_sounds(tmp_path, a_clip(mark=1), "clip.mkv", "-disposition:a:0 comment -disposition:a:1 0")

    film, report = a_film([{"path": "clip.mkv"}])

    assert pitch(listen(film), 0.5, 2.5) == pytest.approx(880, abs=8)
    assert report.warnings == ()


def with_unknown_codec(file: Path, known: bytes, out: Path) -> Path:
    """The same file with another four-letter name for a codec."""
    out.write_bytes(file.read_bytes().replace(known, b"zzz9").replace(b"esds", b"free"))
    return out


def test_clip_is_refused_by_name_when_its_sound_is_in_an_unknown_codec(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    with_unknown_codec(a_clip(mark=1), b"mp4a", tmp_path / "odd.mp4")

    with pytest.raises(BadInput, match=r"^odd\.mp4: its sound is in an unknown codec$"):
        a_film([{"path": "odd.mp4"}])


def test_soundtrack_is_refused_by_name_when_it_is_in_an_unknown_codec(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    with_unknown_codec(a_clip(mark=1), b"mp4a", tmp_path / "odd.mp4")

    with pytest.raises(BadInput, match=r"^odd\.mp4: its sound is in an unknown codec$"):
        a_film([{"path": a_clip(mark=2)}], soundtrack={"path": "odd.mp4"})


def test_clip_is_refused_by_name_when_its_picture_is_in_an_unknown_codec(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    with_unknown_codec(a_clip(mark=1), b"avc1", tmp_path / "odd.mp4")

    with pytest.raises(BadInput, match=r"^odd\.mp4: its picture is in an unknown codec$"):
        a_film([{"path": "odd.mp4"}])


def test_clip_is_used_when_it_is_muted_and_its_sound_is_in_an_unknown_codec(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    with_unknown_codec(a_clip(mark=1), b"mp4a", tmp_path / "odd.mp4")

    _, report = a_film([{"path": "odd.mp4", "mute": True}])

    assert report.frames == 72
    assert report.loudness_lufs is None


def test_clip_is_heard_by_the_sound_that_can_be_decoded_when_its_default_cannot(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    second = "-f lavfi -i sine=frequency=880:sample_rate=48000:duration=3"
    both = ffmpeg(
        tmp_path,
        f"-i {a_clip(mark=1)} {second} -map 0 -map 1:a -c copy -c:a:1 alac -disposition:a:1 0 both.mov",
    )
    with_unknown_codec(both, b"mp4a", tmp_path / "odd.mov")
    audio = probe(tmp_path / "odd.mov").audio
    assert audio is not None
    assert audio.codec == "alac"

    film, _ = a_film([{"path": "odd.mov"}])

    assert pitch(listen(film), 0.5, 2.5) == pytest.approx(880, abs=8)
