"""The content of a clip decides what it is, not its name, and it never opens another file."""

import os
import shutil
from pathlib import Path

import pytest

from stitcher_service.engine.errors import BadInput
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.making import ffmpeg
from tests.stitcher.media import marks, watch

SCRIPTS = {
    "concat": "ffconcat version 1.0\nfile other.mp4\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.mp4\n#EXT-X-ENDLIST\n",
    "HLS with a map": '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI="other.mp4"\n#EXTINF:3,\nother.mp4\n#EXT-X-ENDLIST\n',
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet'
    ' mimeType="video/mp4"><Representation id="1"><BaseURL>other.mp4</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "lavfi": "testsrc2=s=320x180:d=1\n",
    "IMF": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2013"/>\n',
}


@pytest.mark.parametrize("name", ["script.mp4", "script.ffconcat", "script.m3u8", "script.sdp", "script"])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_script_opens_no_other_file_when_it_is_used_as_a_clip(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, kind: str, name: str
) -> None:
    shutil.copy(a_clip(mark=1), tmp_path / "other.mp4")
    (tmp_path / name).write_text(SCRIPTS[kind])

    with pytest.raises(BadInput, match=rf"^{name}: is not readable media"):
        a_film([{"path": name}])


@pytest.mark.parametrize("kind", SCRIPTS)
def test_script_opens_no_other_file_when_it_is_used_as_a_soundtrack(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, kind: str
) -> None:
    shutil.copy(a_clip(mark=1), tmp_path / "other.mp4")
    (tmp_path / "music.mp3").write_text(SCRIPTS[kind])

    with pytest.raises(BadInput, match=r"^music\.mp3: is not readable media"):
        a_film([{"path": a_clip(mark=1)}], soundtrack={"path": "music.mp3"})


@pytest.mark.parametrize("size", ["320x180", "1920x1080"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("still.jpg", "mjpeg"),
        ("still.jpeg", "mjpeg"),
        ("still-%03d.jpg", "mjpeg"),
        ("still", "mjpeg"),
        ("still.mp4", "mjpeg"),
        ("still.png", "png"),
        ("still-%03d.png", "png"),
        ("still[1].png", "png"),
        ("still.webp", "libwebp"),
        ("still.bmp", "bmp"),
        ("still.tiff", "tiff"),
    ],
)
def test_still_picture_is_a_film_of_one_frame_when_used_as_a_clip_under_any_name(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str, codec: str, size: str
) -> None:
    width, height = map(int, size.split("x"))
    clip = a_clip(mark=2, frames=1, size=(width, height), tone_hz=0)
    ffmpeg(tmp_path, f"-i {clip} -c:v {codec} -q:v 2 -f image2 -update 1 picture")
    (tmp_path / "picture").rename(tmp_path / name)

    film, report = a_film([{"path": name}])

    assert report.frames == 1
    assert marks(watch(film)) == [(2, 0)]


@pytest.mark.parametrize(
    "name",
    [
        "a b.mp4",
        "a'b.mp4",
        "-i.mp4",
        "http:x.mp4",
        "concat:x.mp4",
        "x%03d.mp4",
        "x?.mp4",
        "ü🎬.mp4",
        "x" * 251 + ".mp4",
    ],
)
def test_clip_is_used_when_its_name_looks_like_something_else(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str
) -> None:
    shutil.copy(a_clip(mark=3, frames=24), tmp_path / name)

    film, _ = a_film([{"path": name}])

    assert marks(watch(film)) == [(3, n) for n in range(24)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 252 + ".mp4", "cannot be read \\(File name too long\\)"),
        ("x" * 5000 + ".mp4", "cannot be read \\(File name too long\\)"),
        ("a\0b.mp4", "has a name that no file can have"),
        ("loop.mp4", "cannot be read \\(Too many levels of symbolic links\\)"),
        ("a.mp4/b.mp4", "cannot be read \\(Not a directory\\)"),
        (".", "is not a file"),
        ("pipe.mp4", "is not a file"),
    ],
)
@pytest.mark.parametrize("role", ["clip", "soundtrack"])
def test_file_is_refused_in_one_sentence_when_its_name_leads_to_no_readable_file(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str, reason: str, role: str
) -> None:
    shutil.copy(a_clip(mark=1), tmp_path / "a.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    clip = {"path": name if role == "clip" else "a.mp4"}
    more = {} if role == "clip" else {"soundtrack": {"path": name}}

    with pytest.raises(BadInput, match=rf": {reason}$") as refused:
        a_film([clip], **more)
    assert "\n" not in str(refused.value)
